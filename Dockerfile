# syntax=docker/dockerfile:1
# The image of docs/docker.md: built in two stages, so that neither compilers nor development packages are in it.

FROM node:20-slim AS base
WORKDIR /app
# For machines that better-sqlite3 has no prebuilt binding for.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./

FROM base AS build
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx tsc -p tsconfig.build.json

FROM base AS modules
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:20-slim
# What speaks the `say:` texts of a dialplan; `--build-arg SPEECH=` leaves it out.
ARG SPEECH=espeak-ng
RUN if [ -n "$SPEECH" ]; then \
    apt-get update \
    && apt-get install -y --no-install-recommends $SPEECH \
    && rm -rf /var/lib/apt/lists/*; \
  fi
ENV NODE_ENV=production
WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE README.md CHANGELOG.md ./
COPY prompts ./prompts
# The settings say `../dialplans`, `../data` and `../prompts`: beside the folder of the settings.
COPY config /config
COPY dialplans /dialplans
RUN mkdir -p /data /prompts && chown -R node:node /config /dialplans /data /prompts
USER node
VOLUME ["/config", "/dialplans", "/data"]
# SIP and the API. Media has a range of its own, `media.ports`: 20000-29999/udp, for which host networking is recommended.
EXPOSE 5060/udp 5060/tcp 3000/tcp
# Another `api.listen` than the default needs its URL here.
ENV TRUNKLINE_HEALTH=http://127.0.0.1:3000/health
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(process.env.TRUNKLINE_HEALTH).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["start", "--config", "/config/trunkline.yaml"]
