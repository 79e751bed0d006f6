import type { Reception } from './reception.js';
import type { RtpOut } from './rtp-out.js';
import { readRtcp, roundTripMs, shortNtp, writeReport } from './rtcp.js';
import type { SourceGuard } from './source.js';

export interface ControlDeps {
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly guard: SourceGuard;
  readonly reception: Reception;
  readonly out: RtpOut;
}

/** The RTCP of a stream: the port its peer takes it on, what the peer reports, what we report (RFC 3550 §6.4). */
export class Control {
  /** As the peer's last report has it. */
  rttMs: number | undefined;
  readonly #deps: ControlDeps;
  #port = 0;
  /** The peer's own has come: from `#port`. */
  #proven = false;
  #lastSr = 0;
  #lastSrAt = 0;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  /** Where the peer takes RTCP, unless multiplexed; 0: that is unknown. */
  get port(): number {
    return this.#port;
  }

  /** `port`: that signalling names now; 0: none that still counts. `moved`: the stream's RTP goes elsewhere than before. */
  signal(port: number, moved: boolean): void {
    if (!moved && this.#proven) return;
    this.#proven = false;
    this.#port = port;
  }

  /** RTP comes from elsewhere than signalled. Such a source keeps its RTCP where we do not know: it has to show itself. */
  sourceLearned(): void {
    if (!this.#proven) this.#port = 0;
  }

  /** What came from the peer's address, at `fromPort`. */
  heard(data: Buffer, fromPort: number): void {
    const { guard, reception, out, wall } = this.#deps;
    const seen = readRtcp(data, out.ssrc);
    if (seen === undefined) return;
    if (!this.#proven && guard.proven && seen.ssrc === reception.ssrc) {
      this.#port = fromPort;
      this.#proven = true;
    }
    if (seen.lastSr !== undefined) {
      this.#lastSr = seen.lastSr;
      this.#lastSrAt = wall();
    }
    const { block } = seen;
    if (block === undefined) return;
    this.rttMs = roundTripMs(shortNtp(wall()), block.lastSr, block.sinceSr) ?? this.rttMs;
  }

  /** Our report; undefined while there is nothing to tell. `clock`: of what is sent, Hz. */
  report(cname: string, clock: number): Buffer | undefined {
    const { reception, out, wall, monotonic } = this.#deps;
    if (out.packets === 0 && reception.received === 0) return undefined;
    const wallMs = wall();
    const sender =
      out.packets === 0
        ? undefined
        : {
            wallMs,
            timestamp: out.timestamp + Math.round(((monotonic() - out.sentAt) * clock) / 1000),
            packets: out.packets,
            bytes: out.bytes,
          };
    const block =
      reception.received === 0
        ? undefined
        : {
            ssrc: reception.ssrc,
            fraction: reception.fraction(),
            lost: reception.lost,
            highest: reception.highest,
            jitter: reception.jitter,
            lastSr: this.#lastSr,
            sinceSr: this.#lastSr === 0 ? 0 : Math.round(((wallMs - this.#lastSrAt) * 65_536) / 1000),
          };
    return writeReport(out.ssrc, cname, sender, block);
  }
}
