/// <reference types="node" />
// What a DSSE signature of an event covers, and how each part is written.

import { createHash } from "node:crypto";
import { CORE as ATTRIBUTES, JSON_TYPE } from "../event.js";
import { utc as timeIn } from "../time.js";
import { must } from "./refused.js";

export const CORE: readonly string[] = [...ATTRIBUTES, "time"];
export const DATA: readonly string[] = ["data", "data_base64"];
export const MALFORMED = "dsse_malformed";

/** Seals parts, of which one that is absent counts as empty. */
export function digest(parts: readonly (string | Uint8Array | undefined)[]): Buffer {
  return sha256(Buffer.concat(parts.map((part) => sha256(part ?? ""))));
}

/** Writes an extension's value as CloudEvents does, section 3.1. */
export function canonical(value: unknown): string {
  must(Number.isInteger(value) || ["string", "boolean", "undefined"].includes(typeof value), "event");
  return String(value ?? "");
}

/** Writes a time as it is signed: in UTC, cut to whole seconds. */
export function utc(text: string | undefined): string {
  const at = text === undefined ? "" : timeIn(text);
  must(at !== undefined, "dsse_core_mismatch");
  return at;
}

/** Gives an event's data by the CloudEvents JSON format, section 3.1, from the texts of its members. */
export function dataOf(texts: ReadonlyMap<string, string>): Buffer {
  const base64 = texts.get("data_base64");
  if (base64 !== undefined) return decode(JSON.parse(base64), "event");
  const text = texts.get("data") ?? "";
  const media = String(JSON.parse(texts.get("datacontenttype") ?? "null") ?? "application/json");
  return Buffer.from(text.startsWith('"') && !JSON_TYPE.test(media) ? (JSON.parse(text) as string) : text);
}

/** Gives the exact text of each value, by name, of an object that is well formed. */
export function members(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let depth = 0;
  let start = 0;
  let name: string | undefined;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]+|\\.)*"|[{}[\]]|[^\s,:{}[\]"]+/g)) {
    if (depth === 1 && name === undefined && token !== "}") {
      name = JSON.parse(token) as string;
      continue;
    }
    if (depth === 1) start = index;
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    if (depth === 1 && name !== undefined) {
      found.set(name, text.slice(start, index + token.length));
      name = undefined;
    }
  }
  return found;
}

/** Decodes base64 in its only spelling; DSSE leaves the choice of alphabet. */
export function decode(text: unknown, check: string = MALFORMED): Buffer {
  must(typeof text === "string" && !(/[-_]/.test(text) && /[+/]/.test(text)), check);
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Buffer.from(standard, "base64");
  must(bytes.toString("base64") === standard, check);
  return bytes;
}

function sha256(part: string | Uint8Array): Buffer {
  return createHash("sha256").update(part).digest();
}
