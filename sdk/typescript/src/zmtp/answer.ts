import type { PostAnswer } from "../post.js";
import { protocol } from "./fault.js";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads an answer: its request id, and HTTP's body with what HTTP says beside it. */
export function answer([id, text]: readonly Uint8Array[]): PostAnswer & { id: string } {
  try {
    const { status_code: status, retry_after: retryAfter, ...body } = JSON.parse(decoder.decode(text)) as Record<string, unknown>;
    if (Number.isInteger(status)) {
      const seconds = Number(retryAfter);
      return { id: decoder.decode(id), status: status as number, ...(seconds >= 0 && { retryAfter: seconds }), body };
    }
  } catch {
    // then it is no answer
  }
  throw protocol("answer");
}
