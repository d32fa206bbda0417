import { base64, unbase64, utf8 } from "./bytes.js";
import { bad, type CloudEvent, isExtension } from "./event.js";
import { utc } from "./time.js";

const MAX_ID = 256; // bytes, as of type
const MAX_SOURCE = 2048; // bytes
const MAX_ATTRIBUTE = 4096; // bytes of any other attribute
const MAX_DEPTH = 64; // objects and arrays, the event's own included

/**
 * Throws EdgeError "bad_event" for an event that a router would refuse as malformed,
 * for where no router says so in time: before an event is put off, or a client told
 * that it is on its way. null is absent, as in CloudEvents, but for data.
 */
export function check(event: CloudEvent): void {
  const { specversion, id, source, type, time, subject, datacontenttype, dataschema, data, data_base64, ...extensions } = event;
  if (specversion !== "1.0") throw bad("specversion is 1.0");
  attribute("id", id, MAX_ID);
  attribute("source", source, MAX_SOURCE);
  attribute("type", type, MAX_ID);
  if (/[ "<>\\^`{|}]/.test(source)) throw bad("source is no URI-reference (RFC 3986)");
  if (time != null && !utc(time)) throw bad("time is not RFC 3339");
  for (const [name, value] of Object.entries({ subject, datacontenttype, dataschema })) if (value != null) attribute(name, value);
  for (const [name, value] of Object.entries(extensions)) {
    if (!isExtension(name)) throw bad("the name of an extension is 1 to 20 of a-z and 0-9");
    if (value != null && typeof value !== "boolean" && value !== Number(value) >> 0) attribute(name, value);
  }
  if (data_base64 === undefined) return plain(data);
  if (data !== undefined || !isBase64(data_base64)) throw bad("data_base64 is standard base64, and there is no data beside it");
}

/** Refuses what CloudEvents does not allow in an attribute, section 3.1. */
function attribute(name: string, value: unknown, most: number = MAX_ATTRIBUTE): void {
  if (typeof value === "string" && value && utf8(value).length <= most && !/[\p{Cc}\p{Cs}\p{NChar}]/u.test(value)) return;
  throw bad(`${name} is no text of 1 to ${most} bytes without control characters`);
}

/** Reports whether text is base64 in its one spelling. */
function isBase64(text: unknown): boolean {
  try {
    return typeof text === "string" && base64(unbase64(text)) === text;
  } catch {
    return false;
  }
}

/** Refuses data of which languages read different things (RFC 7493, section 2), and what is too deep. */
function plain(data: unknown): void {
  const depths = new Map<unknown, number>();
  try {
    JSON.stringify(data, function (this: unknown, name: string, value: unknown) {
      const depth = (depths.get(this) ?? 1) + 1;
      if (typeof value === "object") depths.set(value, depth);
      if ((typeof value === "object" && value && depth > MAX_DEPTH) || !alike(name) || !alike(value)) throw 0;
      return value;
    });
  } catch {
    throw bad("data is no JSON that every language reads alike: look for half characters, NaN, integers beyond 2^53-1, and depth");
  }
}

/** Reports whether every language reads the same from what JSON makes of it. */
function alike(value: unknown): boolean {
  if (typeof value === "string") return !/\p{Cs}/u.test(value);
  if (typeof value !== "number" || Number.isSafeInteger(value)) return true;
  return Number.isFinite(value) && (!Number.isInteger(value) || Math.abs(value) >= 1e21); // from there on it has an exponent
}
