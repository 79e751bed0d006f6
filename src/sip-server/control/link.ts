import type { Duplex } from 'node:stream';

/** A byte stream to an application, as the control connection sees it. */
export interface ControlLink {
  /** For log lines. */
  readonly peer: string;
  /** Sends soon: what is written in one turn of the event loop leaves together. */
  write(text: string): void;
  /** Sends what waits now, so that what follows arrives as a chunk of its own. */
  flush(): void;
  /** Sends what waits, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Set once, before anything arrives. `closed` is called once. */
  listen(on: { data(chunk: Buffer): void; closed(): void }): void;
}

/** An application that lets this much wait for it is stalled: its connection is closed. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** A link over any duplex stream: a TCP socket, or the end of an in-process pair. */
export function duplexLink(stream: Duplex, peer: string): ControlLink {
  let waiting = '';
  let scheduled = false;
  let open = true;
  const flush = (): void => {
    scheduled = false;
    if (waiting === '' || !open) return;
    const text = waiting;
    waiting = '';
    stream.write(text);
    if (stream.writableLength > MAX_WAITING_BYTES) stream.destroy();
  };
  return {
    peer,
    write: (text) => {
      if (!open) return;
      waiting += text;
      if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
    },
    flush,
    end: () => {
      flush();
      open = false;
      stream.end();
    },
    destroy: () => {
      open = false;
      stream.destroy();
    },
    listen: (on) => {
      stream.on('data', (chunk: Buffer | string) =>
        on.data(typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk),
      );
      // The peer's half-close ends the conversation: nothing can be asked any more.
      stream.on('end', () => stream.end());
      stream.on('error', () => stream.destroy());
      stream.once('close', () => {
        open = false;
        on.closed();
      });
    },
  };
}
