/// <reference types="node" />
import { closeSync, openSync, readSync } from "node:fs";

const PAUSE = 1000; // ms at least from one look at a file to the next

export interface FollowedOptions<T> {
  readonly path: string;
  /** The command that writes the file. */
  readonly made: string;
  /** Bytes that are read. */
  readonly most: number;
  /** Takes all of it, or throws. */
  readonly parse: (text: Uint8Array) => T;
}

/**
 * A file that is taken again when it says something else. Its bytes are compared, not
 * its time: a link that is swapped, as Kubernetes does, and a change within a clock's
 * tick are seen too. What cannot be used there changes nothing.
 */
export class Followed<T> {
  readonly path: string;
  readonly #o: FollowedOptions<T>;
  #taken: { readonly text: Buffer; readonly value: T } | undefined;
  #lookedAt = -Infinity;
  #fault = "";

  constructor(o: FollowedOptions<T>) {
    this.#o = o;
    this.path = o.path;
  }

  /** What it said when it was read last. Call begin first. */
  get value(): T {
    return this.#taken!.value;
  }

  /** Reads it, or throws; for a start. */
  begin(): void {
    try {
      this.#read();
    } catch (fault) {
      throw new Error(`${this.path}: ${(fault as Error).message}; \`${this.#o.made}\` writes it`, { cause: fault });
    }
  }

  /** Looks again, when it is time; gives what has changed. A fault is told once. */
  look(tell: (fault: string) => void): boolean {
    if (performance.now() - this.#lookedAt < PAUSE) return false;
    try {
      const changed = this.#read();
      this.#fault = "";
      return changed;
    } catch (fault) {
      const text = `${this.path} changes nothing: ${(fault as Error).message}`;
      if (text !== this.#fault) tell(text);
      this.#fault = text;
      return false;
    }
  }

  #read(): boolean {
    this.#lookedAt = performance.now();
    const text = readAtMost(this.path, this.#o.most);
    if (this.#taken?.text.equals(text)) return false;
    this.#taken = { text, value: this.#o.parse(text) };
    return true;
  }
}

function readAtMost(path: string, most: number): Buffer {
  const file = openSync(path, "r");
  try {
    const text = Buffer.alloc(most + 1);
    let size = 0;
    for (let read = 1; read > 0 && size <= most; size += read) read = readSync(file, text, size, text.length - size, null);
    if (size > most) throw new Error(`over ${most >> 10} KiB`);
    return Buffer.from(text.subarray(0, size));
  } finally {
    closeSync(file);
  }
}
