import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPinned, waitForOutput } from './processes.js';

const MAIN = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'dist', 'main.js');

/** Starts the server with a dialplan that sends each of `numbers` to extension 203 behind the PBX trunk at `gateway`. */
export async function startTrunkline(options: {
  folder: string;
  port: number;
  core: number;
  numbers: readonly string[];
  gateway: string;
}): Promise<ChildProcess> {
  const { folder, port, core, numbers, gateway } = options;
  const plans = join(folder, 'dialplans');
  mkdirSync(plans, { recursive: true });
  writeFileSync(
    join(plans, 'dids.csv'),
    `did,name,route\n${numbers.map((did) => `${did},,extension:203`).join('\n')}\n`,
  );
  writeFileSync(
    join(plans, 'main.yaml'),
    'numbers:\n  - import: dids.csv\nextensions:\n  "203": { trunk: pbx }\n',
  );
  const file = join(folder, 'trunkline.yaml');
  writeFileSync(
    file,
    `sip:
  listen: ["udp://127.0.0.1:${port}"]
  domain: bench.example.com
dialplans: dialplans
numbers: { country: US, area-code: "202" }
trunks:
  caller: { kind: carrier, from: [127.0.0.1/32], media: direct }
  pbx: { kind: pbx, to: [{ uri: "sip:${gateway}" }], media: direct }
api: { listen: "127.0.0.1:0" }
store: { path: data/bench.db }
log: { level: warn }
`,
  );
  const command = [process.execPath, MAIN, 'start', '--config', file];
  const child = startPinned(core, command);
  await waitForOutput(child, 'Ready', 60_000);
  return child;
}
