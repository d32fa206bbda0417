import { Subscriber as Sub } from "zeromq";
import { connect } from "./connect.js";
import { counts, type Counts } from "./counts.js";
import { failedCheck, Gate, type Opened, type Trust } from "./gate.js";
import { brief, steady, type Log } from "./log.js";
import { addresses } from "./options.js";
import { sealed, type Curve } from "./socket.js";
import type { Context } from "./work.js";

export interface SubscriberOptions extends Trust {
  /** Addresses of the channel, of one or several routers. */
  readonly connect: string | readonly string[];
  /** Beginnings of event types; all unless said. */
  readonly topics?: readonly string[] | undefined;
  /** None is plain ZeroMQ, for loopback and ipc. */
  readonly curve?: Curve | undefined;
}

/**
 * Takes one telemetry channel: the same checks, no replies. What it misses, or is too
 * slow for, is lost to it and counted by the router.
 */
export class Subscriber {
  /** What was done since this was made. */
  readonly counts: Counts = counts();
  readonly #o: SubscriberOptions;
  readonly #connect: readonly string[];
  readonly #gate: Gate;
  readonly #log: Log;
  #running = false;

  /** Checks the options, without a connection or a look at a file; throws what is wrong with them. */
  constructor(o: SubscriberOptions) {
    this.#o = o;
    this.#connect = addresses(o.connect);
    this.#gate = new Gate(o, this.counts);
    this.#log = steady(o.log);
  }

  /**
   * Gives every delivery that opens to each, one at a time, until the signal ends it, and
   * resolves. What each throws costs that delivery. It rejects where keys cannot be read
   * at the start.
   */
  async run(each: (event: Opened["event"], context: Context) => unknown, { signal = new AbortController().signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#running) throw new Error("subscriber: run is running");
    this.#running = true;
    const life = new AbortController();
    let keys: Promise<void> | undefined;
    try {
      await this.#gate.begin(signal);
      keys = this.#gate.run(life.signal, () => {});
      await this.#receive(each, signal);
    } catch (fault) {
      if (!signal.aborted) throw fault;
    } finally {
      life.abort();
      await keys;
      this.#running = false;
    }
  }

  async #receive(each: (event: Opened["event"], context: Context) => unknown, signal: AbortSignal): Promise<void> {
    const sockets: Sub[] = [];
    const close = () => sockets.forEach((socket) => socket.close());
    signal.addEventListener("abort", close);
    let turn = Promise.resolve();
    const receive = async (socket: Sub) => {
      for await (const frames of socket) {
        const opened = this.#open(frames);
        if (opened) await (turn = turn.then(() => this.#give(each, opened, signal)));
      }
    };
    try {
      if (signal.aborted) return;
      for (const address of this.#connect) {
        const socket = new Sub({ linger: 0, ...sealed(this.#o.curve) });
        sockets.push(socket);
        socket.subscribe(...(this.#o.topics ?? [""]));
        connect(socket, address, this.#log);
      }
      await Promise.all(sockets.map(receive));
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  }

  /** Never rejects. */
  async #give(each: (event: Opened["event"], context: Context) => unknown, { event, header, frames }: Opened, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      await each(event, { header, frames, signal });
    } catch (thrown) {
      if (signal.aborted) return;
      this.counts.thrown++;
      this.#log({ level: "error", text: `subscriber threw: ${brief(thrown)}`, cause: thrown });
    }
  }

  #open(frames: readonly Uint8Array[]): Opened | undefined {
    try {
      return this.#gate.open(frames);
    } catch (thrown) {
      const check = failedCheck(thrown);
      this.#gate.refuse(check);
      if (check === "kid") this.#gate.want();
      return undefined;
    }
  }
}
