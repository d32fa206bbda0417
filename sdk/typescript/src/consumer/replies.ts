import type { Counts } from "./counts.js";
import { Replier, type Lease, type Say } from "./replier.js";
import type { Curve } from "./socket.js";

const MAX_REPLIERS = 8; // some routers, and what they were called before their last change

/** Sends replies to the addresses that deliveries name. */
export class Replies {
  readonly #curve: Curve | undefined;
  readonly #counts: Counts;
  readonly #open = new Map<string, Replier>(); // the one used last is last
  #closing: Promise<void>[] = [];

  constructor(curve: Curve | undefined, counts: Counts) {
    this.#curve = curve;
    this.#counts = counts;
  }

  /** Makes sure that an address can be connected to; throws where it cannot. */
  to(address: string): Replier {
    const replier = this.#open.get(address) ?? new Replier(address, this.#curve, this.#counts);
    this.#open.delete(address);
    this.#open.set(address, replier);
    if (this.#open.size > MAX_REPLIERS) {
      const [oldest] = this.#open.values();
      this.#open.delete(oldest!.address);
      this.#closing.push(oldest!.close());
    }
    return replier;
  }

  /** Replies to an address that was found good. */
  send(lease: Lease, say: Say): void {
    this.to(lease.reply).put(lease, say);
  }

  /** Sends what waits, for a bounded time, and ends. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#open.values()].map((one) => one.close())]);
  }
}
