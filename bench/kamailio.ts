import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { startPinned, waitForOutput } from './processes.js';

const MODULES = '/usr/lib/x86_64-linux-gnu/kamailio/modules/';

/** Starts Kamailio as a stateful relay that looks each number up in a tree of prefixes and sends the call to `gateway`. */
export async function startKamailio(options: {
  folder: string;
  port: number;
  core: number;
  numbers: readonly string[];
  gateway: string;
}): Promise<ChildProcess> {
  const { folder, port, core, numbers, gateway } = options;
  const database = join(folder, 'db');
  mkdirSync(database, { recursive: true });
  writeFileSync(join(database, 'version'), 'table_name(string) table_version(int)\nmtree:1\n');
  const uri = `sip\\:${gateway.replace(':', '\\:')}`;
  const rows = numbers.map((number, index) => `${index + 1}:${number}:${uri}`);
  writeFileSync(join(database, 'mtree'), `id(int,auto) tprefix(string) tvalue(string)\n${rows.join('\n')}\n`);
  const file = join(folder, 'kamailio.cfg');
  writeFileSync(file, configuration(port, database));
  const child = startPinned(core, [
    'kamailio',
    '-f',
    file,
    '-DD',
    '-E',
    '-m',
    '512',
    '-M',
    '64',
    '-Y',
    folder,
  ]);
  await waitForOutput(child, 'Listening on', 20_000);
  // It listens before its tree is loaded; the first calls are a warm-up that is not counted.
  return child;
}

function configuration(port: number, database: string): string {
  return `#!KAMAILIO
debug=0
log_stderror=yes
children=2
listen=udp:127.0.0.1:${port}
mpath="${MODULES}"
loadmodule "db_text.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "mtree.so"
modparam("mtree", "db_url", "text://${database}")
modparam("mtree", "char_list", "0123456789+")
modparam("mtree", "mtree", "name=dids;dbtable=mtree")
modparam("mtree", "pv_value", "$var(gw)")
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
    sl_send_reply("404", "Not Here"); exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  t_check_trans();
  if (is_method("INVITE")) {
    record_route();
    if (!mt_match("dids", "$rU", "0")) { sl_send_reply("404", "Not Found"); exit; }
    $du = $var(gw);
    t_relay();
    exit;
  }
  sl_send_reply("405", "Method Not Allowed");
}
`;
}
