const MAX_RESULTS = 16 << 20; // characters of all results that are remembered

/** Remembers the last events that were done, with their results while there is room. */
export class Memory {
  readonly #size: number;
  readonly #done = new Map<string, string | undefined>();
  readonly #withResult = new Set<string>();
  #length = 0;

  constructor(size: number) {
    this.#size = size;
  }

  has(name: string): boolean {
    return this.#done.has(name);
  }

  /** The JSON of its result, where there is one and it is remembered. */
  result(name: string): string | undefined {
    return this.#done.get(name);
  }

  /** Notes that an event was done. Beyond the size the oldest is forgotten. */
  remember(name: string, result: string | undefined): void {
    this.#done.set(name, result);
    if (result !== undefined) {
      this.#withResult.add(name);
      this.#length += result.length;
    }
    if (this.#done.size > this.#size) {
      const oldest = first(this.#done.keys());
      this.#drop(oldest);
      this.#done.delete(oldest);
    }
    while (this.#length > MAX_RESULTS) {
      const oldest = first(this.#withResult);
      this.#drop(oldest);
      this.#done.set(oldest, undefined);
    }
  }

  #drop(name: string): void {
    if (this.#withResult.delete(name)) this.#length -= this.#done.get(name)!.length;
  }
}

function first(names: Iterable<string>): string {
  for (const name of names) return name;
  throw new RangeError("nothing is remembered");
}
