import type { ReaderLike } from "./socket.js";
import { join } from "./wire.js";

/** What has come and is not taken yet. Its room grows with what comes, never with what is announced. */
export class Inbox {
  readonly #reader: ReaderLike;
  #held: Uint8Array = new Uint8Array();
  #from = 0;
  #to = 0;

  constructor(reader: ReaderLike) {
    this.#reader = reader;
  }

  /** Takes exactly so many bytes, once they are there; undefined when they stop before. */
  async take(count: number): Promise<Uint8Array | undefined> {
    while (this.#to - this.#from < count) {
      if (!(await this.more())) return undefined;
    }
    this.#from += count;
    return this.#held.slice(this.#from - count, this.#from);
  }

  /** What is there, until the next call. */
  seen(): Uint8Array {
    return this.#held.subarray(this.#from, this.#to);
  }

  /** Waits for what comes next; false when nothing will. */
  async more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done || !value) return false;
    if (this.#to + value.length > this.#held.length) {
      const seen = this.seen();
      this.#held = join(seen, new Uint8Array(seen.length + 2 * value.length)); // by doubling: many small pieces cost little
      [this.#from, this.#to] = [0, seen.length];
    }
    this.#held.set(value, this.#to);
    this.#to += value.length;
    return true;
  }
}
