/// <reference types="node" />
import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { isObject } from "./json.js";

const MAX_KEYS = 64; // in one set
const MAX_ROOTS = 64; // remembered per key; part of the wire contract

/** A router's public delivery keys: parseKeys makes them. */
export class Keys {
  readonly #keys: ReadonlyMap<string, { readonly key: KeyObject; readonly roots: Set<string> }>;

  constructor(keys: Iterable<[kid: string, key: KeyObject]>) {
    this.#keys = new Map([...keys].map(([kid, key]) => [kid, { key, roots: new Set() }]));
  }

  get size(): number {
    return this.#keys.size;
  }

  has(kid: string): boolean {
    return this.#keys.has(kid);
  }

  /** Tells whether a key signed the root of a tree. One check serves a whole batch. */
  verifies(kid: string, size: number, root: Uint8Array, signature: Uint8Array): boolean {
    const known = this.#keys.get(kid);
    if (!known) return false;
    const text = `headgate.root.v1\n${kid}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
    if (known.roots.has(text)) return true;
    if (!verify(null, Buffer.from(text), known.key, signature)) return false;
    known.roots.add(text);
    if (known.roots.size > MAX_ROOTS) known.roots.delete(known.roots.values().next().value!);
    return true;
  }
}

/**
 * Reads a JWK Set as `headgate key export` writes it and a router's /.well-known/jwks.json
 * shows it. Keys of other kinds are passed over; a set with none that is usable, with a
 * private one, or with a key id that is repeated or not its key's, is an error.
 */
export function parseKeys(jwks: string | Uint8Array | object): Keys {
  const set: unknown = parsed(jwks);
  if (!isObject(set) || !Array.isArray(set["keys"])) throw new Error("it is no JWK Set");
  if (set["keys"].length > MAX_KEYS) throw new Error(`it has ${set["keys"].length} keys, at most ${MAX_KEYS} are read`);
  const keys = new Map<string, KeyObject>();
  for (const jwk of set["keys"] as unknown[]) {
    if (!isObject(jwk)) throw new Error("a key is no object");
    if (jwk["d"]) throw new Error("it holds a private key, which belongs to the router alone");
    if (jwk["kty"] !== "OKP" || jwk["crv"] !== "Ed25519" || (jwk["use"] ?? "sig") !== "sig") continue;
    const { kid, x } = jwk;
    const bytes = Buffer.from(String(x), "base64url");
    if (typeof x !== "string" || bytes.length !== 32 || bytes.toString("base64url") !== x) {
      throw new Error(`key ${JSON.stringify(kid)} is not 32 bytes of base64url`);
    }
    if (typeof kid !== "string" || kid !== keyId(x)) throw new Error(`key id ${JSON.stringify(kid)} is not that key's`);
    if (keys.has(kid)) throw new Error(`key id ${JSON.stringify(kid)} is repeated`);
    keys.set(kid, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }));
  }
  if (keys.size === 0) throw new Error("no Ed25519 key in it");
  return new Keys(keys);
}

/** The first 16 characters of the JWK thumbprint (RFC 7638; RFC 8037, appendix A.3). */
function keyId(x: string): string {
  const members = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`;
  return createHash("sha256").update(members).digest("base64url").slice(0, 16);
}

export function parsed(file: string | Uint8Array | object): unknown {
  if (file instanceof Uint8Array) return JSON.parse(Buffer.from(file).toString());
  return typeof file === "string" ? JSON.parse(file) : file;
}
