/// <reference types="node" />
// What a DSSE signature of an event covers, and how each part is written.

import { createHash } from "node:crypto";
import { must } from "./refused.js";

export const CORE: readonly string[] = "id source specversion type datacontenttype dataschema subject time".split(" ");
export const DATA: readonly string[] = ["data", "data_base64"];
export const MALFORMED = "dsse_malformed";

const JSON_TYPE = /^[^/;]+\/([^;]*\+)?json\s*(;.*)?$/i;
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

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
  if (text === undefined) return "";
  const [, local, sign, hours, minutes] = TIME.exec(text) ?? [];
  const check = "dsse_core_mismatch";
  must(local !== undefined && !local.startsWith("0000"), check);
  const at = new Date(`${local}.000Z`);
  must(!Number.isNaN(at.getTime()) && at.toISOString().startsWith(local), check); // no 30 February
  const ahead = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  at.setTime(at.getTime() + (sign === "-" ? ahead : -ahead));
  const iso = at.toISOString();
  must(/^\d{4}-/.test(iso) && !iso.startsWith("0000"), check);
  return `${iso.slice(0, 19)}Z`;
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
