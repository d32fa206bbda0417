/// <reference types="node" />
import type { Counts } from "./counts.js";
import { open, type ConsumedEvent, type Header } from "./delivery.js";
import { signed } from "./dsse.js";
import { Followed } from "./followed.js";
import { Keys, parseKeys } from "./keys.js";
import { brief, steady, type Log } from "./log.js";
import { count } from "./options.js";
import { parseProducers, Producers } from "./producers.js";
import { must, Refused } from "./refused.js";
import { checkURL, fetchKeys, MAX_KEY_SET } from "./remote.js";

const MAX_EVENT = 4 << 20; // bytes: four times a router's default max_body
const MAX_PRODUCERS = 4 << 20; // bytes: some 20,000 keys
const LOOK = 1000; // ms between looks at files
const REFETCH = 30_000; // ms at least from one fetch of keys to the next; part of the wire contract
const TELL = 1000; // ms at least between two notes of one check, so that strangers fill no disk

/** Whose word counts. */
export interface Trust {
  readonly channel: string;
  /**
   * The routers' delivery keys: the path of a file that `headgate key export` wrote,
   * followed while this runs; the URL of a JWK Set, asked again, at most every 30 s,
   * when a delivery names a key that is not known; or a JWK Set itself.
   */
  readonly keys: string | URL | object;
  /**
   * Who has to have signed every event as well, end to end: the path of a file that
   * `headgate key export --producers` wrote, followed too, or what stands in one. One
   * without a signature by a key of its source, or that a transform may have changed,
   * is refused, and of the others the extensions that are not signed are left out.
   */
  readonly producers?: string | object | undefined;
  /** Bytes of the largest event that is not refused; 4 MiB unless said. */
  readonly maxEvent?: number | undefined;
  /** Asks for keys; that of the platform unless said. */
  readonly fetch?: typeof fetch | undefined;
  readonly log?: Log | undefined;
}

/** A delivery that passed every check, with its frames as they came. */
export interface Opened {
  readonly header: Header;
  readonly event: ConsumedEvent;
  readonly frames: readonly Uint8Array[];
}

/** Opens deliveries, and keeps the keys for that as they are now. */
export class Gate {
  readonly #channel: string;
  readonly #maxEvent: number;
  readonly #counts: Counts;
  readonly #log: Log;
  readonly #files: Followed<unknown>[] = [];
  readonly #url: URL | undefined;
  readonly #fetch: typeof fetch;
  readonly #producers: () => Producers | undefined = () => undefined;
  readonly #told = new Map<string, number>();
  #keys: () => Keys;
  #fetchedAt = -Infinity;
  #due: NodeJS.Timeout | undefined;
  #fetching: Promise<void> = Promise.resolve();
  #changed = (): void => {};
  #ending: AbortSignal | undefined;

  constructor(trust: Trust, counts: Counts) {
    const { channel, keys, producers } = trust;
    if (!channel) throw new TypeError("channel needs the channel's name");
    if (!keys) throw new TypeError("keys are needed, for example the path of what `headgate key export` wrote");
    this.#channel = channel;
    this.#maxEvent = count(trust.maxEvent, MAX_EVENT, "maxEvent");
    this.#counts = counts;
    this.#log = steady(trust.log);
    this.#fetch = trust.fetch ?? fetch;
    if (typeof keys === "string") {
      this.#keys = this.#follow({ path: keys, made: "headgate key export", most: MAX_KEY_SET, parse: parseKeys });
    } else if (keys instanceof URL) {
      checkURL(keys);
      this.#url = keys;
      const none = new Keys([]);
      this.#keys = () => none;
    } else {
      const pinned = keys instanceof Keys ? keys : parseKeys(keys);
      this.#keys = () => pinned;
    }
    if (typeof producers === "string") {
      const made = "headgate key export --producers";
      this.#producers = this.#follow({ path: producers, made, most: MAX_PRODUCERS, parse: parseProducers });
    } else if (producers !== undefined) {
      const pinned = producers instanceof Producers ? producers : parseProducers(producers);
      this.#producers = () => pinned;
    }
  }

  /** Reads all keys, or throws. */
  async begin(signal: AbortSignal): Promise<void> {
    for (const file of this.#files) file.begin();
    if (this.#url) this.#take(await fetchKeys(this.#url, this.#fetch, signal));
  }

  /** Follows files and key server until the signal ends it; calls changed after each change. */
  async run(signal: AbortSignal, changed: () => void): Promise<void> {
    this.#changed = changed;
    this.#ending = signal;
    const look = setInterval(() => this.#look(), LOOK);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    clearInterval(look);
    clearTimeout(this.#due);
    this.#due = undefined;
    await this.#fetching;
  }

  /** Gives what may be acted on, or throws Refused. */
  open(frames: readonly Uint8Array[]): Opened {
    this.#look();
    // Not the socket's to refuse: libzmq would close the connection and never come back.
    must((frames[2]?.length ?? 0) <= this.#maxEvent, "size");
    const opened = open(frames, this.#keys(), [this.#channel], Date.now() / 1000);
    const producers = this.#producers();
    const event = producers ? signed(opened.header, frames[2]!, opened.event, producers) : opened.event;
    this.#counts.opened++;
    return { header: opened.header, event, frames };
  }

  /** Counts a delivery that is not worked on, and tells of it. */
  refuse(check: string): void {
    this.#counts.refused[check] = (this.#counts.refused[check] ?? 0) + 1;
    const now = performance.now();
    if (now - (this.#told.get(check) ?? -Infinity) < TELL) return;
    this.#told.set(check, now);
    this.#log({ level: "warn", text: `refused: ${check}` });
  }

  /** Has keys fetched, as soon as that may be. A file is looked at anyway. */
  want(): void {
    if (!this.#url || this.#due || !this.#ending || this.#ending.aborted) return;
    this.#due = setTimeout(() => (this.#fetching = this.#refetch()), Math.max(0, this.#fetchedAt + REFETCH - performance.now()));
  }

  async #refetch(): Promise<void> {
    try {
      this.#take(await fetchKeys(this.#url!, this.#fetch, this.#ending!));
    } catch (fault) {
      if (this.#ending!.aborted) return;
      this.#log({ level: "warn", text: `the known keys stay: ${brief(fault)}`, cause: fault });
    }
    this.#fetchedAt = performance.now();
    this.#due = undefined;
    this.#changed();
  }

  #take(keys: Keys): void {
    this.#keys = () => keys;
    this.#log({ level: "info", text: `${keys.size} router keys read` });
  }

  #follow<T>(o: ConstructorParameters<typeof Followed<T>>[0]): () => T {
    const file = new Followed(o);
    this.#files.push(file as Followed<unknown>);
    return () => file.value;
  }

  #look(): void {
    const changed = this.#files.filter((file) => file.look((text) => this.#log({ level: "warn", text })));
    for (const { path } of changed) this.#log({ level: "info", text: `${path} is read again` });
    if (changed.length > 0) this.#changed();
  }
}

/** Gives the check that a delivery has failed; other for a fault of the checks' own, which opens nothing either. */
export function failedCheck(thrown: unknown): string {
  return thrown instanceof Refused ? thrown.check : "other";
}
