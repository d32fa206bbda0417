import { read } from "./body.js";
import { EdgeError } from "./error.js";
import type { PostAnswer } from "./post.js";

const MAX_ANSWER = 8 << 20; // bytes: 1000 results, or a consumer's 64 KiB of each of many channels

/** Makes one request over HTTP and reads its answer whole. */
export async function exchange(ask: typeof fetch = fetch, url: string, init: RequestInit): Promise<PostAnswer> {
  const response = await ask(url, { ...init, redirect: "manual" });
  const { ok, status, headers } = response;
  const text = await read(response, MAX_ANSWER);
  if (!ok && status < 400) throw new EdgeError("redirect", "redirect", { status });
  const [after] = headers.get("retry-after")?.match(/^\d+$/) ?? []; // a date (RFC 9110, section 10.2.3) is no router's
  return { status, body: parse(text), ...(after && { retryAfter: Number(after) }) };
}

/** Reads JSON; undefined for what is none, as a proxy's page or what has no end. */
function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
