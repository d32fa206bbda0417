/// <reference types="node" />
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { isObject } from "./json.js";
import { parsed } from "./keys.js";

/** Who may sign for which source: parseProducers makes it. */
export class Producers {
  readonly #list: readonly Producer[];

  constructor(list: readonly Producer[]) {
    this.#list = list;
  }

  get size(): number {
    return this.#list.length;
  }

  /** The keys of a source with that key id, or with any where it is empty. */
  keys(source: string, kid: string): KeyObject[] {
    const segments = source.split("/");
    return this.#list
      .filter((one) => (kid === "" || kid === one.kid) && fits(one.sources, segments))
      .map(({ key }) => key);
  }
}

interface Producer {
  readonly sources: readonly string[];
  readonly kid: string;
  readonly key: KeyObject;
}

/**
 * Reads a JWK Set for each pattern of sources, as `headgate key export --producers` writes
 * them. In a pattern * is one segment between slashes, ** at the end any rest. Each key is
 * public, for P-256 or Ed25519, and has as its kid the keyid of its signatures. One that
 * breaks this has the whole file refused.
 */
export function parseProducers(file: string | Uint8Array | object): Producers {
  const patterns: unknown = parsed(file);
  if (!isObject(patterns)) throw new Error("it is no object with a JWK Set for each pattern");
  const list = Object.entries(patterns).flatMap(([pattern, jwks]) => {
    const sources = pattern.split("/");
    const partial = (segment: string) => segment.includes("*") && segment !== "*";
    if (sources.some((segment, i) => partial(segment) && !(segment === "**" && i === sources.length - 1))) {
      throw new Error(`${pattern}: * is a whole segment, ** the last one`);
    }
    const keys = isObject(jwks) && Array.isArray(jwks["keys"]) ? (jwks["keys"] as unknown[]) : [];
    if (!keys.length) throw new Error(`${pattern}: no keys`);
    return keys.map((jwk) => producer(pattern, sources, jwk));
  });
  if (!list.length) throw new Error("nobody could sign an event");
  return new Producers(list);
}

function producer(pattern: string, sources: readonly string[], jwk: unknown): Producer {
  const kid = isObject(jwk) ? jwk["kid"] : undefined;
  if (!isObject(jwk) || "d" in jwk || typeof kid !== "string" || !kid || !["P-256", "Ed25519"].includes(String(jwk["crv"]))) {
    throw new Error(`${pattern}: a key is public, P-256 or Ed25519, and has a kid`);
  }
  return { sources, kid, key: createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }) };
}

/** Matches segments: * is any one, ** at the end any rest of at least one. */
export function fits(pattern: readonly string[], source: readonly string[]): boolean {
  const rest = pattern.at(-1) === "**";
  const fixed = rest ? pattern.slice(0, -1) : pattern;
  if (rest ? source.length <= fixed.length : source.length !== fixed.length) return false;
  return fixed.every((want, i) => want === "*" || want === source[i]);
}
