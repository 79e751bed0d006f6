import type { MessagePort } from 'node:worker_threads';
import type { AgreedMedia } from '../sdp/index.js';
import type { Partner } from './partner.js';
import type { Stream } from './stream.js';

type Joined =
  | { readonly kind: 'media'; readonly media: AgreedMedia | undefined }
  | { readonly kind: 'audio'; readonly data: Uint8Array; readonly pressed: string | undefined }
  | { readonly kind: 'opaque' | 'control'; readonly data: Uint8Array };

/** The partner of a stream that lives in another worker: what it is given goes there, and what comes from there goes to our own stream. */
export class FarStream implements Partner {
  media: AgreedMedia | undefined;
  readonly #port: MessagePort;
  readonly #own: Stream;

  constructor(port: MessagePort, own: Stream, gone: () => void) {
    this.#port = port;
    this.#own = own;
    port.on('message', (message: Joined) => this.#heard(message));
    port.once('close', gone);
    this.partnerChanged();
  }

  relay(data: Buffer, pressed: string | undefined): void {
    this.#post({ kind: 'audio', data, pressed });
  }

  relayOpaque(data: Buffer): void {
    this.#post({ kind: 'opaque', data });
  }

  sendControl(data: Buffer): void {
    this.#post({ kind: 'control', data });
  }

  partnerChanged(): void {
    this.#post({ kind: 'media', media: this.#own.media });
  }

  close(): void {
    this.#port.close();
  }

  #post(message: Joined): void {
    this.#port.postMessage(message);
  }

  #heard(message: Joined): void {
    switch (message.kind) {
      case 'media':
        this.media = message.media;
        return this.#own.partnerChanged();
      case 'audio':
        return this.#own.relay(bufferOf(message.data), message.pressed);
      case 'opaque':
        return this.#own.relayOpaque(bufferOf(message.data));
      case 'control':
        return this.#own.sendControl(bufferOf(message.data));
    }
  }
}

function bufferOf(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
