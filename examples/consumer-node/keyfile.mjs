// Follow files of keys: who is trusted changes there while a consumer runs.

import { readFileSync } from "node:fs";

const LOOK = 1000; // ms, at least, from one look at a file to the next

/**
 * What a file says now: ask with each delivery. Its bytes are compared, so that
 * links which are swapped, as Kubernetes does, are seen too. A file that is gone
 * or broken changes nothing, and this is told once.
 */
export class KeyFile {
  #path;
  #parse;
  #text;
  #value;
  #lookedAt;
  #told = "";

  constructor(path, parse) {
    [this.#path, this.#parse] = [path, parse];
    this.#look();
  }

  now() {
    if (performance.now() - this.#lookedAt < LOOK) return this.#value;
    try {
      this.#look();
      this.#told = "";
    } catch (fault) {
      if (this.#told !== fault.message) console.error(`${this.#path} changes nothing: ${fault.message}`);
      this.#told = fault.message;
    }
    return this.#value;
  }

  #look() {
    this.#lookedAt = performance.now();
    const text = readFileSync(this.#path, "utf8");
    if (text === this.#text) return;
    this.#value = this.#parse(text);
    this.#text = text;
  }
}
