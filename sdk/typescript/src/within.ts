import { EdgeError, faultOf, later } from "./error.js";

/**
 * Does work within ms, and for as long as the caller wants it, whether the work
 * heeds its signal or not. Throws nothing but EdgeErrors.
 */
export async function within<T>(ms: number, caller: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const signal = caller ? AbortSignal.any([caller, limit.signal]) : limit.signal;
  const timer = setTimeout(() => limit.abort(new DOMException("", "TimeoutError")), ms);
  try {
    signal.throwIfAborted();
    return await Promise.race([work(signal), new Promise<never>((_, end) => signal.addEventListener("abort", end))]);
  } catch (cause) {
    if (caller?.aborted) throw new EdgeError("aborted", "aborted");
    if (limit.signal.aborted) throw later("timeout");
    throw faultOf(cause, "unreachable");
  } finally {
    clearTimeout(timer);
  }
}
