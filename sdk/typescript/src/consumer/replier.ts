/// <reference types="node" />
import { Push } from "zeromq";
import { connect } from "./connect.js";
import type { Counts } from "./counts.js";
import { sealed, type Curve } from "./socket.js";
import type { Settlement } from "./work.js";

const MAX_QUEUED = 8192; // replies: twice what is held at most
const MAX_FRAME = 64 << 10; // characters: a frame with more is sent; far below what a router reads in one
const MAX_REPLIES = 1000; // in one frame; part of the wire contract
const FLUSH = 1000; // ms for what waits when the address is left
const LINGER = 2000; // ms that libzmq then has for what it took

/** The right to reply, and where to. */
export interface Lease {
  readonly id: string;
  readonly source: string;
  readonly lease: string;
  readonly reply: string;
}

export type Say = Settlement | { readonly status: "progress" } | { readonly goodbye: true };

/** Sends replies to one address: all that wait, in one frame. */
export class Replier {
  readonly address: string;
  readonly #socket: Push;
  readonly #counts: Counts;
  #queue: { readonly text: string; readonly goodbye: boolean }[] = [];
  #sending: Promise<void> | undefined;

  /** Throws where the address cannot be connected to. */
  constructor(address: string, curve: Curve | undefined, counts: Counts) {
    this.address = address;
    this.#counts = counts;
    if (!/^(tcp|ipc):\/\//.test(address)) throw new Error(`${JSON.stringify(address)} is neither tcp:// nor ipc://`);
    // immediate: a router that is away takes nothing, so that what waits is counted here.
    this.#socket = new Push({ immediate: true, linger: LINGER, ...sealed(curve) });
    try {
      connect(this.#socket, address);
    } catch (fault) {
      this.#socket.close(); // there are 1023 at most
      throw fault;
    }
  }

  /** Queues a reply. */
  put({ id, source, lease }: Lease, say: Say): void {
    const progress = "status" in say && say.status === "progress";
    if (progress && this.#queue.length > MAX_QUEUED / 2) return; // the room is for what counts
    if (this.#queue.length >= MAX_QUEUED) {
      this.#counts.unsent++; // dropped: the router delivers again and the answer is given again
      return;
    }
    const { result, ...rest } = say as Settlement;
    const text = JSON.stringify({ id, source, lease, ...rest });
    const whole = result === undefined ? text : `${text.slice(0, -1)},"result":${result}}`;
    this.#queue.push({ text: whole, goodbye: "goodbye" in say });
    this.#sending ??= this.#send();
  }

  /** Sends what waits, for a bounded time, and ends. What libzmq has taken it goes on to send. */
  async close(): Promise<void> {
    const late = setTimeout(() => this.#socket.close(), FLUSH);
    await this.#sending;
    clearTimeout(late);
    this.#socket.close();
  }

  async #send(): Promise<void> {
    await Promise.resolve(); // all that is put at once goes at once
    while (this.#queue.length > 0) {
      const texts = this.#next();
      try {
        await this.#socket.send(texts.length > 1 ? `[${texts.join()}]` : texts[0]!);
      } catch {
        this.#counts.unsent += texts.length; // it was closed
      }
    }
    this.#sending = undefined;
  }

  /** Takes what goes into one frame. A goodbye is alone, so that no router reads it before the rest. */
  #next(): string[] {
    const queue = this.#queue;
    let count = 0;
    let size = 0;
    while (count < queue.length && count < MAX_REPLIES && size < MAX_FRAME) {
      const { text, goodbye } = queue[count]!;
      if (goodbye && count > 0) break;
      size += text.length;
      count++;
      if (goodbye) break;
    }
    this.#queue = queue.slice(count);
    return queue.slice(0, count).map(({ text }) => text);
  }
}
