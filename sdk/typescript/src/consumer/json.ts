import { must } from "./refused.js";

export type JsonObject = { [name: string]: unknown };

/**
 * Reads a JSON object that every language reads alike (no name twice, whole UTF-8, finite
 * numbers), with these string members. Of any other it throws Refused for `check`.
 */
export function read(frame: Uint8Array, check: string, ...strings: string[]): JsonObject {
  const value = parse(frame, check);
  must(isObject(value), check);
  must(strings.every((name) => typeof value[name] === "string"), check);
  return value;
}

function parse(frame: Uint8Array, check: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(frame);
    let members = -1; // the reviver is called for the whole, too
    const value: unknown = JSON.parse(text, function (this: unknown, name: string, value: unknown) {
      if (!Array.isArray(this)) members++;
      must(isWellFormed(name), check);
      if (typeof value === "string") must(isWellFormed(value), check);
      if (typeof value === "number") must(Number.isFinite(value), check);
      return value;
    });
    // A name that is repeated stands in the text more often than in the value.
    const tokens = [...text.matchAll(/"(?:[^"\\]+|\\.)*"(\s*:)?/g)];
    must(tokens.filter(([, colon]) => colon).length === members, check);
    return value;
  } catch {
    must(false, check);
  }
}

/** No half of a surrogate pair stands alone: with the flag u, pairs count as one. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
