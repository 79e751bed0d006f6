import { Socket } from 'node:net';
import { Batch, type Channel } from './channel.js';

/**
 * The application's end of a channel, as the `net.Socket` that drachtio-srf insists on: in listen mode it is given to it by
 * `server.emit('connection', socket)`. Chunks cross as text, those of one turn of the event loop together.
 */
export class ChannelSocket extends Socket {
  override readonly connecting = false;
  override readonly remoteAddress = '127.0.0.1';
  override readonly remotePort = 0;
  readonly #channel: Channel;
  readonly #batch: Batch;

  constructor(channel: Channel) {
    super();
    this.#channel = channel;
    this.#batch = new Batch((text) => {
      if (!this.destroyed) channel.post(text);
    });
    channel.listen({
      message: (text) => {
        if (!this.destroyed) this.push(Buffer.from(text, 'utf8'));
      },
      closed: () => this.destroy(),
    });
  }

  override setKeepAlive(): this {
    return this;
  }

  override setNoDelay(): this {
    return this;
  }

  override _read(): void {
    // Chunks are pushed as they come.
  }

  override _write(
    chunk: string | Buffer,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#batch.add(typeof chunk === 'string' && encoding !== 'latin1' ? chunk : chunk.toString('utf8'));
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#batch.flush();
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#batch.flush();
    this.#channel.close();
    done(error);
    // net.Socket has switched the stream's own 'close' off.
    process.nextTick(() => this.emit('close', error !== null));
  }
}
