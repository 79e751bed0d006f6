import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { TimerSettings } from '../options.js';
import type { Flow } from '../transport/flow.js';
import type { Path } from '../transport/path.js';
import type { TimerOwner, TimerWheel, WheelTimer } from '../transport/timer-wheel.js';
import type { ClientTransactionState } from './types.js';

/** What a client state machine needs around it. */
export interface ClientEnvironment {
  readonly timers: TimerSettings;
  readonly wheel: TimerWheel;
  /** A message left; `again`: it is a repetition. */
  sent(again: boolean): void;
  /** The machine enters the table of those that wait for responses … */
  began(machine: ClientMachine): void;
  /** … and leaves it. */
  ended(machine: ClientMachine): void;
}

/** Who is told what one try brings. Nothing is called before the machine's `start` has returned. */
export interface ClientOwner {
  response(response: SipResponse, flow: Flow): void;
  timedOut(): void;
  transportFailed(): void;
}

/** One try of a request at one address: a client transaction of RFC 3261 §17.1. */
export abstract class ClientMachine implements TimerOwner {
  abstract state: ClientTransactionState;
  protected readonly repeat: WheelTimer;
  protected readonly end: WheelTimer;
  protected gapMs: number;

  constructor(
    /** As in the table. */
    readonly key: string,
    protected request: SipRequest | undefined,
    private bytes: Buffer | undefined,
    readonly path: Path,
    protected owner: ClientOwner | undefined,
    protected readonly env: ClientEnvironment,
  ) {
    this.repeat = env.wheel.timer(this, 'repeat');
    this.end = env.wheel.timer(this, 'end');
    this.gapMs = env.timers.t1Ms;
  }

  start(): void {
    this.env.began(this);
    this.env.sent(false);
    if (this.bytes !== undefined) this.path.send(this.bytes, () => this.failTransport());
    // Timers A and E: only an unreliable transport needs repetition.
    if (!this.reliable) this.repeat.set(this.gapMs);
    // Timers B and F.
    this.end.set(this.env.timers.timeoutMs);
  }

  abstract receive(response: SipResponse, flow: Flow): void;
  abstract onTimer(name: string): void;

  /** Leaves the table without telling the owner. */
  terminate(): void {
    if (this.state === 'terminated') return;
    this.state = 'terminated';
    this.repeat.clear();
    this.end.clear();
    this.env.ended(this);
  }

  protected get reliable(): boolean {
    return this.path.transport === 'tcp';
  }

  /** The request will not be sent again. Machines stay for up to 32 s after that, so what they do not need is let go. */
  protected letGo(): void {
    this.bytes = undefined;
    this.request = undefined;
  }

  protected sendAgain(): void {
    if (this.bytes === undefined) return;
    this.env.sent(true);
    this.path.send(this.bytes);
  }

  private failTransport(): void {
    if (this.state === 'terminated' || this.state === 'completed' || this.state === 'accepted') return;
    this.terminate();
    this.owner?.transportFailed();
  }
}
