import { EdgeError, later } from "./error.js";
import type { PostAnswer } from "./post.js";

/** How an event that was taken stands. */
export interface Answer {
  id: string;
  source: string;
  /**
   * "accepted": on the router's disk. "queued": telemetry, in its memory.
   * "duplicate": this very event was taken before. "done", "failed", "dropped": how
   * it ended, where that was waited for. "deferred": it lies in a queue that goes
   * to the router ("./queue").
   */
  status: "accepted" | "queued" | "duplicate" | "done" | "failed" | "dropped" | "deferred";
  /** Tries that were made. */
  attempts: number;
  /** By name of the command channel, with an end that was waited for. */
  channels?: Record<string, ChannelStatus>;
  /** A signed note of the router's, where one was asked for and the event is on disk. */
  receipt?: string;
}

/** Where an event is. */
export interface Status {
  id: string;
  source: string;
  /** "pending" while a channel's is, else final. */
  state: "pending" | "done" | "failed" | "dropped";
  channels: Record<string, ChannelStatus>;
  receipt?: string;
}

/** How an event stands on one channel. */
export interface ChannelStatus {
  state: "pending" | "done" | "failed" | "dropped";
  /** Hand-overs to a consumer. */
  attempt: number;
  /** What the consumer gave with done. */
  result?: unknown;
  reason?: string;
  /** Of the last change, RFC 3339. */
  at?: string;
}

/** What a router says, in all forms that it has. */
export interface Document {
  id?: string;
  source?: string;
  status?: unknown;
  state?: string;
  channels?: Record<string, ChannelStatus>;
  receipt?: string;
  code?: string;
  detail?: string;
  pointer?: string;
  request_id?: string;
  status_code?: number;
  retry_after?: number;
  results?: Document[];
}

const MAX_RETRY_AFTER = 3600; // s: what a router may ask for
const MAX_DETAIL = 300; // characters of what a peer says, who may be no router

/** Gives the document of a request that was taken. Throws the refusal of one that was not. */
export function documentOf({ status, retryAfter, body }: PostAnswer): Document {
  const said = (body ?? {}) as Document;
  if (status >= 200 && status < 300) return said;
  const { detail, pointer, request_id: requestId } = said;
  const code = typeof said.code === "string" ? said.code : `http_${status}`;
  throw new EdgeError(code, typeof detail === "string" ? `${code} ${detail.slice(0, MAX_DETAIL)}` : code, {
    status,
    retryAfter: retryAfter && Math.min(retryAfter, MAX_RETRY_AFTER),
    retryable: status >= 500 || [408, 425, 429].includes(status) || (status === 401 && retryAfter !== undefined), // its keys may be in rotation
    pointer,
    requestId,
  });
}

/** Gives what a router says of an event that it has taken, one of words. Whatever does not say so is thrown. */
export function wordOf({ id, source }: { id: string; source: string }, from: PostAnswer, words: string): Document {
  const { status, state = status as string, channels, receipt, ...said } = documentOf(from);
  if (said.id !== id || said.source !== source || !words.split(" ").includes(state)) throw strange();
  return { id, source, state, ...(channels && { channels }), ...(receipt && { receipt }) };
}

const ENDS = "done failed dropped";

/** Reads the answer to an event. Whatever does not say that this event was taken is thrown. */
export function answerOf(event: { id: string; source: string }, from: PostAnswer, attempts: number): Answer {
  const { state, ...said } = wordOf(event, from, `accepted queued duplicate ${ENDS}`);
  return { ...said, status: state, attempts } as Answer;
}

/** Reads the answer to a question. */
export const statusOf = (event: { id: string; source: string }, from: PostAnswer): Status => wordOf(event, from, `pending ${ENDS}`) as Status;

/** The error of an answer that is none of a router's. The event may have been taken or not. */
export const strange = (): EdgeError => later("bad_answer");
