/// <reference types="node" />
import type { Opened } from "./gate.js";
import { messageOf } from "./log.js";

/** Bounds of replies. They are part of the wire contract. */
const MAX_RESULT = 64 << 10; // bytes of its JSON
const MAX_REASON = 1 << 10; // bytes that are kept
const MAX_AFTER = 24 * 3600; // s

/** Throw it where work is to be done later: the router delivers again, and counts no failure. */
export class Retry extends Error {
  override readonly name = "Retry";
  /** Seconds, at most 24 h; 0 where the router decides. */
  readonly after: number;

  constructor(reason: string, after = 0) {
    super(reason);
    this.after = Math.min(Math.max(after, 0), MAX_AFTER) || 0;
  }
}

/** Throw it where work can never be done: the event goes to the dead letters. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/** What work is told besides the event. */
export interface Context {
  readonly header: Opened["header"];
  /** The five frames as they came; the third holds the event's exact bytes, the fourth the original where it is kept. */
  readonly frames: readonly Uint8Array[];
  /** Ends some time after the consumer's own: work has to return then. */
  readonly signal: AbortSignal;
}

/**
 * Acts on one event. What it returns, unless undefined, is shown to the sender as JSON
 * of at most 64 KiB. Retry and Failed, thrown, say what else becomes of the event; of
 * anything else that it throws the router delivers again when it decides. The error's
 * message is the reason that operators read. An Error that is returned counts as
 * thrown. Work may be called again for an event that it has acted on, after a crash
 * for example: make it idempotent.
 */
export type Work = (event: Opened["event"], context: Context) => unknown;

/**
 * Acts on several events at once: in one transaction of a database, for example. There
 * is at least one, none is of the same event as another, and they stand in the order in
 * which they came. What it throws is the reply for all of them. When it returns
 * undefined all are done; else it returns for each, in the same order, a result or an
 * Error as it would be thrown, and any other number has all of them come again.
 */
export type BatchWork = (batch: readonly Opened[], context: Pick<Context, "signal">) => unknown;

/** What becomes of an event, as it is replied. */
export interface Settlement {
  readonly status: "done" | "retry" | "failed";
  readonly reason?: string;
  readonly retry_after?: number;
  /** JSON. */
  readonly result?: string;
}

/** Gives what becomes of each event of a batch, from what work has returned. */
export function ends(returned: unknown, count: number): readonly unknown[] {
  if (returned === undefined) return Array<undefined>(count).fill(undefined);
  if (Array.isArray(returned) && returned.length === count) return returned;
  throw new TypeError(`work has returned no list of ${count} ends`);
}

/** Settles as done. It stays done whatever becomes of the result. */
export function done(result: unknown): Settlement {
  if (result === undefined) return { status: "done" };
  try {
    const text = JSON.stringify(result) as string | undefined; // of a function, for example
    if (text === undefined) throw new Error("it has no JSON");
    const size = Buffer.byteLength(text);
    if (size > MAX_RESULT) throw new Error(`${size} bytes, at most ${MAX_RESULT} are kept`);
    return { status: "done", result: text };
  } catch (fault) {
    return { status: "done", reason: cut(`result dropped: ${messageOf(fault)}`) };
  }
}

/** Settles as whatever was thrown says. */
export function undone(thrown: unknown): Settlement {
  const reason = cut(messageOf(thrown));
  if (thrown instanceof Failed) return { status: "failed", reason };
  if (thrown instanceof Retry && thrown.after > 0) return { status: "retry", retry_after: thrown.after, reason };
  return { status: "retry", reason };
}

/** Cuts text to what the router keeps, in whole characters. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_REASON) return bytes.toString(); // halves of surrogate pairs are replaced
  let end = MAX_REASON;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}
