import { check } from "./check.js";
import { type Answer, type CloudEvent, EdgeError, type Producer, type SendOptions } from "./index.js";

export { check };

/** A queue that can be sent to, as a binding of Cloudflare Queues. */
export interface QueueLike {
  /** Resolves when the queue has it. */
  send(body: CloudEvent, options?: { contentType?: "json" }): Promise<unknown>;
}

/** One item of a batch, as a Message of Cloudflare Queues. */
export interface ItemLike {
  readonly body: unknown;
  /** When the queue took it. */
  readonly timestamp: Date;
  /** From 1. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

/** What a `queue()` handler is given, as a MessageBatch of Cloudflare Queues. */
export interface BatchLike {
  readonly messages: readonly ItemLike[];
}

/** What a queue is used with. */
export interface QueuedProducerOptions {
  producer: Pick<Producer, "send" | "sign">;
  /** Keeps events while there is no way to the router. */
  queue: QueueLike;
  /** Gets events that the router refuses for good, and those that are too old. Without one they stay until the platform takes them away. */
  deadLetters?: QueueLike | undefined;
  /** ms that an event may have lain in the queue; 12 h. It stays below the router's [journal] remember, which tells duplicates. */
  maxAge?: number | undefined;
  /** ms that a queue gets for one event; 3000. */
  sendTimeout?: number | undefined;
  /** ms since 1970. */
  now?: (() => number) | undefined;
  /** 0 to 1. */
  random?: (() => number) | undefined;
}

/** What became of one item. */
export interface Settled {
  end: "sent" | "retried" | "dead";
  /** Of the event, where it can be read. */
  id?: string;
  /** Why it was not sent. */
  fault?: EdgeError;
}

const MAX_QUEUED = 127_900; // bytes: a queue's 128 KB less what it writes beside it
const AT_ONCE = 5; // of the 6 connections that a Worker has
const FIRST_DELAY = 10; // s, doubled at each attempt
const MAX_DELAY = 900; // s: 100 attempts, the most that a queue makes, outlast maxAge

/**
 * Sends events to a router, and by a queue while there is no way to it. An event
 * is the router's or the queue's when send resolves. The queue may deliver twice
 * and in another order; the router tells duplicates by id.
 */
export class QueuedProducer {
  readonly #o: QueuedProducerOptions;

  constructor(options: QueuedProducerOptions) {
    this.#o = options;
  }

  /**
   * Sends one event: to the router, or where that may help later, to the queue, and
   * then the answer is "deferred". Throws EdgeError: as the router refuses it; or
   * "bad_event", where the router would once it is back; or "too_large_for_queue",
   * which the queue never takes; or "queue_unavailable", retryable, when neither has
   * it for sure.
   */
  async send(event: CloudEvent, options: SendOptions = {}): Promise<Answer> {
    const { producer, queue } = this.#o;
    const signed = await producer.sign(event);
    try {
      return await producer.send(signed, options);
    } catch (fault) {
      if (!(fault instanceof EdgeError && fault.retryable)) throw fault;
      check(signed);
      await this.#put(queue, signed, fault);
      return { id: signed.id, source: signed.source, status: "deferred", attempts: fault.attempts };
    }
  }

  /**
   * Settles each item of a batch, for the `queue()` handler: acknowledged when the
   * router has the event or the dead letters do, and else retried later. It throws
   * only where the platform takes no ack or retry, and then all the rest comes again.
   */
  async deliver(batch: BatchLike): Promise<Settled[]> {
    const ends: Settled[] = [];
    const rest = batch.messages.entries();
    const lane = async () => {
      for (const [at, item] of rest) ends[at] = await this.#settle(item);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return ends;
  }

  async #settle(item: ItemLike): Promise<Settled> {
    const { producer, deadLetters, maxAge = 12 * 3600_000, now = Date.now } = this.#o;
    const event = item.body as CloudEvent;
    const id = { ...(typeof event?.id === "string" && { id: event.id }) };
    let fault: EdgeError;
    try {
      if (now() - item.timestamp.getTime() > maxAge) throw new EdgeError("too_old", "the event is older than maxAge");
      await producer.send(event);
      item.ack();
      return { end: "sent", ...id };
    } catch (thrown) {
      fault = faultOf(thrown);
    }
    try {
      const foreign = /^(redirect$|http_)/.test(fault.code); // something that stands before the router has answered
      const setting = foreign || fault.status === 401; // which an operator puts right, and the event is good
      if (fault.retryable || setting || !deadLetters) throw fault;
      await this.#put(deadLetters, event, fault);
      item.ack();
      return { end: "dead", ...id, fault };
    } catch (thrown) {
      item.retry({ delaySeconds: this.#delay(item.attempts, fault.retryAfter) });
      return { end: "retried", ...id, fault: faultOf(thrown) };
    }
  }

  /** Puts an event into a queue, within its time. */
  async #put(queue: QueueLike, event: CloudEvent, cause: EdgeError): Promise<void> {
    const { sendTimeout = 3000 } = this.#o;
    const { attempts, retryAfter } = cause;
    if (new TextEncoder().encode(JSON.stringify(event)).length > MAX_QUEUED) {
      throw new EdgeError("too_large_for_queue", `an event in a queue has at most ${MAX_QUEUED} bytes`, { attempts, retryAfter, cause });
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((_, reject) => (timer = setTimeout(reject, sendTimeout)));
    try {
      await Promise.race([queue.send(event, { contentType: "json" }), late]);
    } catch {
      throw new EdgeError("queue_unavailable", "neither the router nor the queue has taken the event", {
        status: 503,
        retryable: true,
        attempts,
        retryAfter,
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the seconds until an item comes again: at random, so that a backlog does not come at once, and not before the router said. */
  #delay(attempts: number, retryAfter = 0): number {
    const { random = Math.random } = this.#o;
    const longest = Math.min(FIRST_DELAY * 2 ** (attempts - 1), MAX_DELAY);
    return Math.ceil(Math.max(retryAfter, (longest * (1 + random())) / 2));
  }
}

function faultOf(thrown: unknown): EdgeError {
  return thrown instanceof EdgeError ? thrown : new EdgeError("failed", "the event was not sent", { retryable: true, cause: thrown });
}
