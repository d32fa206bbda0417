import { base64 } from "./bytes.js";
import { EdgeError } from "./error.js";

/** One event: CloudEvents 1.0.2 in its JSON format, structured mode. */
export interface CloudEvent {
  specversion: "1.0";
  /** With `source` what makes it one event: the same two are the same event. */
  id: string;
  source: string;
  type: string;
  /** RFC 3339. */
  time?: string;
  subject?: string;
  datacontenttype?: string;
  dataschema?: string;
  data?: unknown;
  data_base64?: string;
  [extension: string]: unknown;
}

/** What an event is made of. */
export interface EventInit {
  /** At most 256 bytes. A new UUID where it is absent. With a key as credential: A to Z, a to z, 0 to 9, _ and -, at most 128. */
  id?: string;
  /** A URI-reference (RFC 3986), at most 2048 bytes. */
  source: string;
  /** At most 256 bytes. */
  type: string;
  /** The time of making unless given; RFC 3339 where it is text. */
  time?: Date | string | undefined;
  subject?: string | undefined;
  /** application/json unless given, for data that is no bytes. */
  datacontenttype?: string | undefined;
  dataschema?: string | undefined;
  /** Bytes, or whatever JSON can carry: its text is kept, so that a later change to it changes nothing. */
  data?: unknown;
  /** By names of 1 to 20 of a-z and 0-9; numbers are integers of 32 bits. */
  extensions?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** The attributes of CloudEvents that a signature has first, in its order. */
export const CORE: readonly string[] = ["id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject"];

/** The content types of data that is JSON. */
export const JSON_TYPE: RegExp = /^[^/;]+\/([^;]*\+)?json\s*(;.*)?$/i;

/** Reports whether an extension can have that name (CloudEvents 1.0.2, section 3). */
export const isExtension = (name: string): boolean => /^[a-z0-9]{1,20}$/.test(name) && ![...CORE, "time", "data"].includes(name);

/**
 * Makes an event. The id is minted here, once: whoever sends the same event again
 * sends it under the same id. now is in ms since 1970.
 *
 * Throws EdgeError "bad_event" where the event would not say what was meant: without
 * id, source or type, with an extension that is none, or with data that JSON cannot
 * carry. Whether it is good in all else, the router says, or `check` of "./queue".
 */
export function makeEvent(init: EventInit, now: () => number = Date.now): CloudEvent {
  const { time = new Date(now()), data, extensions = {}, ...attributes } = init;
  const event = named({ specversion: "1.0", id: crypto.randomUUID(), ...attributes, ...extensions } as CloudEvent);
  if (!Object.keys(extensions).every(isExtension)) throw bad("no such extension");
  try {
    event.time = typeof time === "string" ? time : time.toISOString();
    if (data instanceof Uint8Array) event.data_base64 = base64(data);
    else if (data !== undefined) event.data = JSON.parse(JSON.stringify(data, finite));
  } catch {
    throw bad("data or time is no JSON");
  }
  return event;
}

/** Gives an event that can be told from others, and throws for another. */
export function named(event: CloudEvent): CloudEvent {
  if (!(event?.id && event.source && event.type)) throw bad("no id, source or type");
  return event;
}

/** The error of an event that nobody would take. */
export const bad = (message: string): EdgeError => new EdgeError("bad_event", message);

/** Refuses NaN and infinity, of which JSON makes null. */
function finite(_name: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw value;
  return value;
}
