import { counts, type Counts } from "./counts.js";
import { Gate, type Trust } from "./gate.js";
import { steady } from "./log.js";
import { Memory } from "./memory.js";
import { addresses, count } from "./options.js";
import { Shift } from "./shift.js";
import type { Curve } from "./socket.js";
import type { BatchWork, Work } from "./work.js";

export interface ConsumerOptions extends Trust {
  /** Addresses of the channel, of one or several routers: tcp://host:port or ipc://path. */
  readonly connect: string | readonly string[];
  /** None is plain ZeroMQ, for loopback and ipc. */
  readonly curve?: Curve | undefined;
  /** Events, or batches of them, that are worked on at once; 1 unless said. */
  readonly parallel?: number | undefined;
  /** Done events that are not to be worked on again; 10,000 unless said. */
  readonly remember?: number | undefined;
  /** Milliseconds between reports on what is held, to be well below ack_timeout; 10,000 unless said. */
  readonly progressEvery?: number | undefined;
  /** Milliseconds for work that runs at the end; then its own signal ends. 5,000 unless said. */
  readonly grace?: number | undefined;
}

/**
 * Takes one command channel, where every event is acknowledged.
 *
 * Work sees only deliveries that passed every check. An event is acknowledged after
 * its work has returned, and until then delivered again, here or elsewhere. One that
 * was done here is not worked on again while it is remembered, and never twice at
 * once: it is acknowledged again. To remember across restarts, use your database.
 * Everything that is held is reported as in progress, so that slow work makes neither
 * itself nor what waits behind it lapse. At the end what was not begun is given back.
 */
export class Consumer {
  /** What was done since this was made. */
  readonly counts: Counts = counts();
  readonly #gate: Gate;
  readonly #memory: Memory;
  readonly #shift: Omit<ConstructorParameters<typeof Shift>[0], "doing">;
  #running = false;

  /** Checks the options, without a connection or a look at a file; throws what is wrong with them. */
  constructor(o: ConsumerOptions) {
    this.#shift = {
      connect: addresses(o.connect),
      curve: o.curve,
      parallel: count(o.parallel, 1, "parallel"),
      progressEvery: count(o.progressEvery, 10_000, "progressEvery"),
      grace: count(o.grace, 5000, "grace"),
      log: steady(o.log),
    };
    this.#gate = new Gate(o, this.counts);
    this.#memory = new Memory(count(o.remember, 10_000, "remember"));
  }

  /**
   * Takes deliveries until the signal ends it. Then it begins nothing more, lets running
   * work end within grace, replies, gives back the rest and resolves: libzmq may take
   * two seconds more to send. It rejects where keys cannot be read at the start.
   * Connections that are lost, or cannot be made, are tried again for ever. It may be
   * called again afterwards, and remembers.
   *
   * With batch work gets up to so many events at once, all that wait; it waits for
   * none. The replies to a batch travel together.
   */
  run(work: Work, o?: { readonly signal?: AbortSignal; readonly batch?: undefined }): Promise<void>;
  run(work: BatchWork, o: { readonly signal?: AbortSignal; readonly batch: number }): Promise<void>;
  async run(work: Work | BatchWork, { signal = new AbortController().signal, batch }: { readonly signal?: AbortSignal; readonly batch?: number | undefined } = {}): Promise<void> {
    const doing = batch === undefined ? { work: work as Work } : { batch: count(batch, 1, "batch"), work: work as BatchWork };
    if (this.#running) throw new Error("consumer: run is running");
    this.#running = true;
    try {
      await this.#gate.begin(signal);
      await new Shift({ ...this.#shift, doing }, this.#gate, this.#memory, this.counts).run(signal);
    } catch (fault) {
      if (!signal.aborted) throw fault;
    } finally {
      this.#running = false;
    }
  }
}
