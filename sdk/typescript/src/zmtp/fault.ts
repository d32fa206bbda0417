import { EdgeError } from "../error.js";

/**
 * Makes the error for an end without an answer. The router has not refused the
 * event, so that a further try, under the same id, may be accepted.
 */
export function fault(code: string, message: string, cause?: unknown): EdgeError {
  return new EdgeError(code, message, { retryable: code !== "aborted", cause });
}

/** Says which part of what the peer sent breaks the rules. */
export function protocol(part: string): EdgeError {
  return fault("protocol", `the peer's ${part} cannot be read`);
}

/** Throws for a connection that cannot be made. */
export function unreachable(cause: unknown): never {
  throw fault("unreachable", "the router cannot be reached", cause);
}

/** Makes an EdgeError of whatever a socket has thrown. */
export function closed(thrown: unknown): EdgeError {
  return thrown instanceof EdgeError ? thrown : fault("closed", "the connection is lost", thrown);
}

/** Settles as work does, within ms and for as long as the signal lets it. */
export async function within<T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  let free = () => {};
  const end = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(fault("timeout", "no answer")), ms);
    const abort = () => {
      const reason = signal?.reason as { name?: unknown } | undefined;
      reject(fault(reason?.name === "TimeoutError" ? "timeout" : "aborted", "given up", reason));
    };
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    free = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    free();
  }
}
