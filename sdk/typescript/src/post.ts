/** One try of one request, ready to go: the headers name the content type and prove the sender. */
export interface PostRequest {
  /** By their names in lower case. */
  headers: Record<string, string>;
  /** The same bytes at each try. */
  body: Uint8Array;
  /** Ends the try: when its time is over, or when the caller gave up. */
  signal: AbortSignal;
}

/** What a router answers, whatever the transport. */
export interface PostAnswer {
  /** As in HTTP. */
  status: number;
  /** Seconds, where the router said so. */
  retryAfter?: number;
  /** The JSON document, parsed; undefined where there is none. */
  body: unknown;
}

/**
 * A way to a router. It makes one try and never tries again itself. It rejects
 * where no answer came: an EdgeError says by `retryable` whether a further try
 * may help, and anything else counts as "unreachable", which may. The answer is
 * read whole before it resolves.
 */
export type Post = (request: PostRequest) => Promise<PostAnswer>;
