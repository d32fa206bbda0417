import { EdgeError } from "@headgate/edge";

/** A token and the end of its life, in ms since 1970. */
export interface Token {
  value: string;
  expires: number;
}

const EARLY = 60_000; // ms before its end that a token is renewed, or a fifth of its life if that is shorter
const TURN = 10_000; // ms that others use the old token while one request gets a new one

/**
 * Gives a short-lived token again until it is due. One is kept per isolate, as
 * text: requests share no promise and no connection, so that none waits for
 * another's. Who finds no token gets one itself.
 */
export function cached(issue: () => Promise<Token>, now: () => number = Date.now): () => Promise<string> {
  let token: Token = { value: "", expires: 0 };
  let due = 0;
  return async () => {
    if (now() < due) return token.value;
    due = Math.min(now() + TURN, token.expires);
    try {
      const fresh = await issue();
      const life = fresh.expires - now();
      token = fresh;
      due = fresh.expires - Math.min(EARLY, life / 5);
    } catch (fault) {
      if (now() >= token.expires) throw fault;
    }
    return token.value;
  };
}

/**
 * The error of a credential that is not to be had at present. It is retryable
 * whatever the reason: an event must not be lost to a setting that an operator
 * puts right. The reason never holds a secret.
 */
export function unavailable(from: string, reason: string): EdgeError {
  console.error({ at: "credential", from, reason });
  return new EdgeError("credential_unavailable", `no token of ${from}: ${reason}`, { retryable: true });
}

const TIMEOUT = 3_000; // ms until an issuer has to have answered

/** Asks an issuer. Throws a retryable EdgeError, unless the answer is 200; gives its text. */
export async function ask(from: string, request: Request): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(request, { signal: AbortSignal.timeout(TIMEOUT), redirect: "manual" });
    text = await response.text();
  } catch (fault) {
    throw unavailable(from, fault instanceof Error ? fault.name : "unreachable");
  }
  if (response.status !== 200) throw unavailable(from, `status ${response.status}`);
  return text;
}
