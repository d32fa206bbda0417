import { type CloudEvent, EdgeError, type EventInit, makeEvent } from "@headgate/edge";
import { check } from "@headgate/edge/queue";
import type { Client } from "./client.ts";
import { Problem } from "./problem.ts";

const MAX_BODY = 512 << 10; // bytes; in base64 and with its attributes that stays below the router's 1 MiB
const KEY = /^[\x21-\x7e]{1,255}$/; // what an Idempotency-Key may be
const KIND = /^[a-z0-9_-]{1,40}(\.[a-z0-9_-]{1,40}){0,4}$/; // the part of a type that a path may have

/**
 * The event that a request asks for. A client that repeats a request with the
 * same Idempotency-Key asks for the same event, to the byte: therefore such an
 * event has no time of its own, and the delivery says when it was accepted.
 * Throws Problem.
 */
export async function eventOf(request: Request, kind: string, client: Client, prefix: string): Promise<CloudEvent> {
  if (!KIND.test(kind)) throw new Problem(404, "not_found", "there is no such type");
  const key = request.headers.get("idempotency-key");
  const init: EventInit = { source: client.source, type: prefix + kind, ...(await dataOf(request)) };
  try {
    const event = makeEvent(key === null ? init : { ...init, id: await idOf(key, client) });
    if (key !== null) delete event.time;
    check(event); // a client is told here and now: telemetry is answered before it is sent
    return event;
  } catch (fault) {
    if (!(fault instanceof EdgeError)) throw fault;
    throw new Problem(400, "malformed", "the body makes no event");
  }
}

/** The id that a client's key stands for: nobody else's key gives it. */
async function idOf(key: string, client: Client): Promise<string> {
  if (!KEY.test(key)) throw new Problem(400, "malformed", "an Idempotency-Key is 1 to 255 printable characters of ASCII");
  const text = new TextEncoder().encode(JSON.stringify(["headgate.idempotency.v1", client.name, key]));
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return btoa(String.fromCharCode(...sum)).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
}

/** JSON becomes data as a value, and everything else bytes. */
async function dataOf(request: Request): Promise<Pick<EventInit, "data" | "datacontenttype">> {
  const body = await bodyOf(request);
  if (body.length === 0) return {};
  const datacontenttype = request.headers.get("content-type") ?? "application/octet-stream";
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(datacontenttype)) return { data: body, datacontenttype };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    return { data: JSON.parse(text) as unknown, datacontenttype };
  } catch {
    throw new Problem(400, "malformed", "the body is not the JSON that its content type says");
  }
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding") ?? "identity"; // an event cannot say it
  if (encoding.toLowerCase() !== "identity") throw new Problem(415, "unsupported_type", "a body comes without a content encoding");
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Problem(413, "too_large", `a body has at most ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
