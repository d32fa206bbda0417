/** What is known of an {@link EdgeError} besides its code. */
export interface EdgeFacts {
  /** The router's status, as in HTTP; absent where no router has answered. */
  status?: number | undefined;
  /** Whether the same event, under the same id, may get another answer later. False unless said. */
  retryable?: boolean;
  /** Seconds to wait before that, where the router said so. */
  retryAfter?: number | undefined;
  /** Tries that were made. 0 unless said. */
  attempts?: number;
  /** JSON Pointer (RFC 6901) into the event, with code "schema". */
  pointer?: string | undefined;
  /** Joins the answer to the router's log. */
  requestId?: string | undefined;
  /** What was thrown below. */
  cause?: unknown;
}

/**
 * The one error of this package's senders. `code` is the router's own (see
 * `headgate openapi`), or one of those that the README lists: branch on it, or
 * on `retryable` alone. No text in it holds a secret, a token or an event's data.
 */
export class EdgeError extends Error {
  override readonly name = "EdgeError";
  declare readonly code: string;
  readonly retryable: boolean = false;
  readonly attempts: number = 0;
  declare readonly status?: number | undefined;
  declare readonly retryAfter?: number | undefined;
  declare readonly pointer?: string | undefined;
  declare readonly requestId?: string | undefined;

  constructor(code: string, message: string, facts: EdgeFacts = {}) {
    super(message, facts);
    Object.assign(this, facts, { code });
  }
}

/** The error after which a further try may help. */
export const later = (code: string, cause?: unknown): EdgeError => new EdgeError(code, code, { retryable: true, cause });

/** Gives what was thrown, where it is an EdgeError, and else that error for it. */
export const faultOf = (cause: unknown, code: string): EdgeError => (cause instanceof EdgeError ? cause : later(code, cause));

/** Gives the same fault after so many tries. */
export const tried = (fault: EdgeError, attempts: number): EdgeError => Object.assign(fault, { attempts });
