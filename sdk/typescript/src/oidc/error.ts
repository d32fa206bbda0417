/**
 * The one error of a Verifier. With status 401 the token is not to be taken, and
 * `code` says why: for logs, not for whoever sent it. With 503 nobody can tell at
 * present: the same token may be good after retryAfter seconds. Its text never holds
 * a part of a token.
 */
export class OidcError extends Error {
  override readonly name = "OidcError";

  constructor(
    readonly code: string,
    readonly status: 401 | 503 = 401,
    /** Seconds. With 401 where the issuer's keys may be about to change. */
    readonly retryAfter?: number,
  ) {
    super(code);
  }
}

/** Refuses a token. */
export function refuse(code: string, retryAfter?: number): never {
  throw new OidcError(code, 401, retryAfter);
}
