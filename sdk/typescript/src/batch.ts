import { type Answer, answerOf, type Document, documentOf, strange } from "./answer.js";
import { utf8 } from "./bytes.js";
import { type EdgeError, tried } from "./error.js";
import { bad, type CloudEvent } from "./event.js";
import type { PostAnswer } from "./post.js";
import type { Producer, SendOptions } from "./producer.js";

const MAX_BATCH = 1000; // events that a router takes at once

/**
 * Sends up to 1000 events in one request and gives an Answer or an EdgeError for
 * each, in their order: look at all of them. Those that the router asks to send
 * again go again, without the others. Throws EdgeError "bad_event" for another
 * number of events, or where one of them is none.
 */
export async function sendBatch(
  producer: Producer,
  events: readonly CloudEvent[],
  options: Omit<SendOptions, "wait"> = {},
): Promise<(Answer | EdgeError)[]> {
  if (!events.length || events.length > MAX_BATCH) throw bad(`a batch has 1 to ${MAX_BATCH} events`);
  const signed = await Promise.all(events.map((event) => producer.sign(event)));
  const texts = signed.map((event) => JSON.stringify(event));
  const ends: (Answer | EdgeError)[] = [];
  let open = [...texts.keys()];
  const read = (answer: PostAnswer, attempts: number) => {
    const { results } = documentOf(answer);
    if (!Array.isArray(results) || results.length !== open.length) throw strange();
    open.forEach((at, i) => (ends[at] = endOf(signed[at] as CloudEvent, results[i], attempts)));
    open = open.filter((at) => (ends[at] as EdgeError).retryable);
    const longest = open.map((at) => ends[at] as EdgeError).sort((a, b) => (b.retryAfter ?? 0) - (a.retryAfter ?? 0))[0];
    if (longest) throw longest;
  };
  const request = {
    path: "/v1/events",
    type: "application/cloudevents-batch+json",
    id: crypto.randomUUID(),
    get body() {
      return utf8(`[${open.map((at) => texts[at]).join()}]`);
    },
    read,
  };
  try {
    await producer.ask(request, options);
  } catch (fault) {
    for (const at of open) ends[at] ??= fault as EdgeError;
  }
  return ends;
}

/** Reads one result of a batch. */
function endOf(event: CloudEvent, result: Document | undefined, attempts: number): Answer | EdgeError {
  try {
    const { status_code: status, retry_after: retryAfter, ...body } = result ?? {};
    if (!status) throw strange();
    return answerOf(event, { status, body, ...(retryAfter && { retryAfter }) }, attempts);
  } catch (fault) {
    return tried(fault as EdgeError, attempts);
  }
}
