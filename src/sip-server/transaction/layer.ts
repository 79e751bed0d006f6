import { createLookups } from '../dns/lookups.js';
import { createTargetResolver } from '../dns/resolve-target.js';
import { createGate } from '../gate/gate.js';
import { resolveOptions, type SipServerOptions } from '../options.js';
import { createTimerWheel } from '../transport/timer-wheel.js';
import { createTransport, type Transport } from '../transport/transport.js';
import type { ClientEnvironment, ClientMachine } from './client-machine.js';
import { createIncoming, type Incoming, type TransactionTable } from './incoming.js';
import { createOutgoing } from './outgoing.js';
import { BaseServerTransaction, type ServerEnvironment } from './server-transaction.js';
import type { TransactionLayer, TransactionUser } from './types.js';

export type * from './types.js';

/**
 * Transport and transactions of a SIP element (RFC 3261 §17 and §18, RFC 6026, RFC 3263, RFC 3581). Nothing a peer sends and nothing
 * the user's callbacks throw reaches the event loop: faults are logged.
 */
export function createTransactionLayer(options: SipServerOptions, user: TransactionUser): TransactionLayer {
  const settings = resolveOptions(options);
  const { clock, logger, timers } = settings;
  const counters = { received: 0, sent: 0, malformed: 0, absorbed: 0, retransmitted: 0, overload: 0 };
  const table: TransactionTable = { servers: new Map(), merged: new Map(), clients: new Map() };
  const gate = createGate(clock);
  const fault = (error: unknown): void => logger.error({ err: error }, 'fault in the SIP server');
  const wheel = createTimerWheel(clock, fault);
  const sent = (again: boolean): void => {
    counters.sent++;
    if (again) counters.retransmitted++;
  };

  const unmerge = (tx: BaseServerTransaction): void => {
    if (tx.mergeKey !== undefined && table.merged.get(tx.mergeKey) === tx) table.merged.delete(tx.mergeKey);
  };

  const transport: Transport = createTransport({
    settings,
    gate,
    wheel,
    received: (bytes, flow) => {
      try {
        incoming.receive(bytes, flow);
      } catch (error) {
        fault(error);
      }
    },
    brokenStream: (reason, flow) => incoming.brokenStream(reason, flow),
  });

  const serverEnv: ServerEnvironment = {
    timers,
    wheel,
    clock,
    logger,
    sent,
    accepted: (tx) => gate.established(tx.flow.remoteAddress),
    ended: (entry) => {
      table.servers.delete(entry.key);
      if (entry instanceof BaseServerTransaction) unmerge(entry);
    },
    answered: unmerge,
    replaced: (entry) => table.servers.set(entry.key, entry),
  };
  const clientEnv: ClientEnvironment = {
    timers,
    wheel,
    sent,
    began: (machine: ClientMachine) => table.clients.set(machine.key, machine),
    ended: (machine: ClientMachine) => table.clients.delete(machine.key),
  };

  const incoming: Incoming = createIncoming({
    table,
    env: serverEnv,
    clock,
    gate,
    transport,
    limits: settings.limits,
    supported: settings.supported,
    maxTransactions: settings.maxTransactions,
    server: settings.userAgent,
    counters,
    user,
  });
  const outgoing = createOutgoing({
    env: clientEnv,
    clock,
    transport,
    maxUdpBytes: settings.maxUdpBytes,
    resolver: createTargetResolver({
      lookups: createLookups({ clock, servers: settings.dnsServers }),
      random: settings.random,
      reaches: (kind, family) => transport.reaches(kind, family),
    }),
  });

  return {
    start: () => transport.start(),
    async stop() {
      outgoing.stop();
      for (const tx of [...table.servers.values()]) tx.discard();
      for (const machine of [...table.clients.values()]) machine.terminate();
      wheel.stop();
      await transport.stop();
    },
    get listeners() {
      return transport.listeners;
    },
    send: (request, to, clientUser) => outgoing.send(request, to, clientUser),
    sendDirect: (request, to, done) => outgoing.sendDirect(request, to, done),
    sendStatelessResponse: (response, flow) => incoming.sendStateless(response, flow),
    setGate: (rules) => gate.setRules(rules),
    get stats() {
      return {
        ...counters,
        server: table.servers.size,
        client: table.clients.size,
        connections: transport.connections,
        gate: { ...gate.counters },
      };
    },
  };
}
