import type { MessagePort } from 'node:worker_threads';
import type { Gather } from './gather.js';
import type { ControlLink } from './link.js';

/** A two-way pipe for text inside the process: chunks of control frames, cut anywhere. */
export interface Channel {
  post(text: string): void;
  close(): void;
  /** Set once. `closed` is called once, whichever side closes. */
  listen(on: { message(text: string): void; closed(): void }): void;
}

/** A channel between threads. */
export function portChannel(port: MessagePort): Channel {
  return {
    post: (text) => port.postMessage(text),
    close: () => port.close(),
    listen: (on) => {
      port.once('close', () => on.closed());
      port.on('message', (text: string) => on.message(text));
    },
  };
}

/** Both ends of a channel inside one thread; each chunk arrives in a turn of its own. */
export function memoryChannels(): readonly [Channel, Channel] {
  type Listener = Parameters<Channel['listen']>[0];
  const listeners: (Listener | undefined)[] = [undefined, undefined];
  const held: string[][] = [[], []];
  let open = true;
  const end = (mine: 0 | 1): Channel => {
    const theirs = mine === 0 ? 1 : 0;
    return {
      post: (text) => {
        held[theirs]!.push(text);
        setImmediate(() => {
          const chunk = listeners[theirs] === undefined ? undefined : held[theirs]!.shift();
          if (chunk !== undefined && open) listeners[theirs]?.message(chunk);
        });
      },
      close: () => {
        if (!open) return;
        // What was posted before still arrives.
        setImmediate(() =>
          setImmediate(() => {
            if (!open) return;
            open = false;
            for (const listener of listeners) listener?.closed();
          }),
        );
      },
      listen: (on) => {
        listeners[mine] = on;
        for (const chunk of held[mine]!.splice(0)) setImmediate(() => on.message(chunk));
      },
    };
  };
  return [end(0), end(1)];
}

/** Gathers what is written in one turn of the event loop into one chunk. */
export class Batch {
  #text = '';
  #scheduled = false;

  constructor(
    readonly post: (text: string) => void,
    /** At the end of such a turn. */
    readonly handedOver: () => void = () => undefined,
  ) {}

  add(text: string): void {
    this.#text += text;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
      this.handedOver();
    });
  }

  flush(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.post(text);
  }
}

/** The server's end of a channel. `gather`: lets things gather under load. */
export function channelLink(channel: Channel, gather?: Gather): ControlLink {
  let open = true;
  const batch = new Batch(
    (text) => {
      if (open) channel.post(text);
    },
    () => gather?.pause(),
  );
  const close = (): void => {
    open = false;
    channel.close();
  };
  return {
    peer: 'in process',
    write: (text) => {
      gather?.count();
      batch.add(text);
    },
    flush: () => batch.flush(),
    end: () => {
      batch.flush();
      close();
    },
    destroy: close,
    listen: (on) => {
      channel.listen({
        message: (text) => on.data(Buffer.from(text, 'utf8')),
        closed: () => {
          open = false;
          on.closed();
        },
      });
    },
  };
}
