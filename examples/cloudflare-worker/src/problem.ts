import { EdgeError } from "@headgate/edge";
import { OidcError } from "@headgate/edge/oidc";

/** A refusal of the Worker's own. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
    this.name = "Problem";
  }
}

const RETRY_AFTER = 5; // s until a client comes again, where nobody has said

/**
 * The answer to a request that came to nothing (RFC 9457). 503 has Retry-After:
 * the same request with the same Idempotency-Key may then succeed. Anything
 * else is the same every time.
 */
export function problem(fault: unknown): Response {
  const { status, code, message, headers } = refusal(fault);
  return Response.json(
    { title: message, status, code },
    { status, headers: { ...headers, "content-type": "application/problem+json" } },
  );
}

/** What a client is told of any fault: neither a secret nor what this Worker consists of. */
function refusal(fault: unknown): Problem {
  if (fault instanceof Problem) return fault;
  if (fault instanceof OidcError) {
    console.warn({ at: "client", refused: fault.code, status: fault.status });
    if (fault.status === 503) return later(fault.code, "the issuer's keys are not to be had", fault.retryAfter);
    const again = fault.retryAfter !== undefined && { "retry-after": String(fault.retryAfter) }; // its key may be about to be published
    return new Problem(401, "unauthenticated", "a valid token is needed", { "www-authenticate": "Bearer", ...again });
  }
  if (fault instanceof EdgeError) {
    console.warn({ at: "router", refused: fault.code, status: fault.status, attempts: fault.attempts });
    // An event that is too large for the queue needs the router to be there.
    if (fault.retryable || fault.code === "too_large_for_queue") {
      return later(fault.code, "the router is not to be had: ask again", fault.retryAfter);
    }
    // The client has proven itself: a 401 of the router's is about this Worker's own credential.
    if (fault.status === 401) return new Problem(502, "edge_unauthenticated", "the router does not know this edge");
    if (fault.code === "not_kept") return new Problem(502, fault.code, "the router keeps no such command on its disk");
    if (fault.code === "redirect" || fault.code.startsWith("http_")) {
      return new Problem(502, "no_router", "something else answers in the router's place");
    }
    if (fault.status === 404) return new Problem(404, fault.code, "there is no such command of yours, or it still waits to be sent");
    return new Problem(fault.status ?? 400, fault.code, "the router refuses this event");
  }
  console.error({ at: "worker", fault: fault instanceof Error ? fault.message : String(fault) });
  return new Problem(500, "internal", "this edge is not in order");
}

function later(code: string, message: string, after: number = RETRY_AFTER): Problem {
  return new Problem(503, code, message, { "retry-after": String(Math.max(1, Math.ceil(after))) });
}
