import { Type } from 'typebox';
import { Time } from './schemas.js';

const AgentStateSchema = Type.Union(
  (['available', 'ringing', 'talking', 'wrap-up', 'resting', 'busy', 'paused', 'logged-out'] as const).map(
    (state) => Type.Literal(state),
  ),
);

const CallbackSchema = Type.Object({
  id: Type.String(),
  state: Type.String({ description: 'waiting, or placing while an attempt runs' }),
  number: Type.String({ description: 'What is dialled' }),
  callerName: Type.Optional(Type.String()),
  requestedAt: Time('Promised'),
  attempts: Type.Integer({ description: 'Attempts that began' }),
  notBefore: Type.Optional(Time('The next attempt is not before')),
  agent: Type.Optional(Type.String()),
});

const CallerSchema = Type.Object({
  kind: Type.Union([Type.Literal('call'), Type.Literal('callback')]),
  state: Type.String({ description: 'waiting, offered, calling-back, or paused between two attempts' }),
  position: Type.Integer({ description: '1: next' }),
  callId: Type.String(),
  number: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  priority: Type.Integer(),
  enteredAt: Time('Entered'),
  waitMs: Type.Integer(),
  agents: Type.Array(Type.String(), { description: 'Who is rung for the caller' }),
  callback: Type.Optional(CallbackSchema),
});

export const QueueSchema = Type.Object({
  name: Type.String(),
  waiting: Type.Integer({ description: 'Callers on the line' }),
  callbacks: Type.Integer({ description: 'Promised callbacks, in the places of their callers' }),
  longestWaitMs: Type.Integer(),
  agents: Type.Object({ loggedIn: Type.Integer(), available: Type.Integer(), talking: Type.Integer() }),
  callers: Type.Array(CallerSchema, {
    description: 'The first of those who wait, in the order they are served',
  }),
});

export const AgentSchema = Type.Object({
  extension: Type.String(),
  state: AgentStateSchema,
  since: Time('In this state'),
  reason: Type.Optional(Type.String({ description: 'Of a pause' })),
  queue: Type.Optional(
    Type.String({ description: 'Queue whose caller it rings for, talks to or wraps up after' }),
  ),
  callId: Type.Optional(Type.String()),
  queues: Type.Array(Type.Object({ name: Type.String(), loggedIn: Type.Boolean() })),
  calls: Type.Integer({ description: 'Answered since the log-in' }),
});

const SpreadSchema = Type.Object(
  {
    count: Type.Integer(),
    mean: Type.Number(),
    min: Type.Number(),
    max: Type.Number(),
    p50: Type.Number(),
    p90: Type.Number(),
    p95: Type.Number(),
    p99: Type.Number(),
  },
  { description: 'Milliseconds (scores: points); percentiles within 5 %' },
);

const Share = (description: string) =>
  Type.Optional(Type.Number({ description: `${description}; 0 to 1, absent where nothing was counted` }));

const HANDLING = {
  ahtMs: Type.Optional(Type.Number({ description: 'Average handling time: talk, hold and wrap-up' })),
  talk: Type.Optional(SpreadSchema),
  hold: Type.Optional(SpreadSchema),
  wrapUp: Type.Optional(SpreadSchema),
  score: Type.Optional(SpreadSchema),
};

const QueueFiguresSchema = Type.Object({
  at: Time('Begin of the interval'),
  queue: Type.String(),
  offered: Type.Integer(),
  refused: Type.Integer(),
  answered: Type.Integer(),
  abandoned: Type.Integer(),
  abandonedShort: Type.Integer(),
  timedOut: Type.Integer(),
  leftEmpty: Type.Integer(),
  leftByKey: Type.Integer(),
  transferred: Type.Integer(),
  serviceLevel: Share('Answered within the service level'),
  abandonRate: Share('Abandoned'),
  asaMs: Type.Optional(Type.Number({ description: 'Average speed of answer' })),
  longestWaitMs: Type.Number(),
  answerWait: Type.Optional(SpreadSchema),
  abandonWait: Type.Optional(SpreadSchema),
  ...HANDLING,
  callbacks: Type.Object({ requested: Type.Integer(), reached: Type.Integer(), failed: Type.Integer() }),
  firstCallResolution: Share('Estimate: answered and not back within the window'),
});

const AgentFiguresSchema = Type.Object({
  at: Time('Begin of the interval'),
  agent: Type.String(),
  rung: Type.Integer(),
  answered: Type.Integer(),
  missed: Type.Integer(),
  transferred: Type.Integer(),
  ...HANDLING,
  states: Type.Record(Type.String(), Type.Number(), { description: 'Milliseconds in each state' }),
  occupancy: Share('Talk, hold and wrap-up of that and the time free or rung'),
});

export const StatisticsSchema = Type.Object({
  queues: Type.Array(QueueFiguresSchema),
  agents: Type.Array(AgentFiguresSchema),
});

/** `15m`, `1h`, `1d`: as in the settings. */
const DurationText = (description: string) =>
  Type.Optional(Type.String({ pattern: '^[0-9]{1,5}(m|h|d)$', description }));

export const StatisticsQuerySchema = Type.Object(
  {
    from: Type.Integer({
      minimum: 0,
      description: 'Milliseconds since the epoch; cut down to a quarter of an hour',
    }),
    to: Type.Optional(Time('Up to; now when left out, at most 400 days after `from`')),
    interval: DurationText(
      'Length of an interval, a multiple of 15 minutes such as 15m, 1h or 1d; one for all when left out',
    ),
    queue: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    agent: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    repeat: DurationText('Who enters again within this time was not helped; 24h when left out, at most 30d'),
  },
  { additionalProperties: false },
);
