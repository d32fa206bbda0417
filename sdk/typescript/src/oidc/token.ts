import { base64, unbase64, utf8 } from "../bytes.js";
import { refuse } from "./error.js";

/** What a verified token says. What is not named here is as the issuer wrote it: look at its kind. */
export interface Claims {
  iss: string;
  aud: string | string[];
  /** Seconds since 1970. */
  exp: number;
  iat: number;
  nbf?: number;
  sub?: unknown;
  [claim: string]: unknown;
}

/** A token's parts, of which nothing is verified. */
export interface Token {
  alg: string;
  kid: string;
  typ: string;
  claims: Claims;
  signed: Uint8Array<ArrayBuffer>;
  signature: Uint8Array<ArrayBuffer>;
}

const MAX_TOKEN = 8192; // bytes, as at the router
const MAX_DEPTH = 64; // of JSON: counting recurses
/** What a header may have. x5t and x5t#S256 name certificates, and are passed over: the key goes by kid. */
const HEADER = ["alg", "kid", "typ", "x5t", "x5t#S256"];

/** Reads a token in the compact form (RFC 7515, section 7.1). */
export function readToken(token: string): Token {
  try {
    if (token.length > MAX_TOKEN || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw 0;
    const [head, body, last] = token.split(".") as [string, string, string];
    const header = object(head);
    const { alg, kid, typ = "JWT" } = header as unknown as Token;
    if (![alg, kid, typ].every(isText) || !Object.keys(header).every((name) => HEADER.includes(name))) throw 0;
    return { alg, kid, typ, claims: object(body) as Claims, signed: utf8(`${head}.${body}`), signature: bytes(last) };
  } catch {
    return refuse("malformed");
  }
}

export const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

/** Decodes base64url (RFC 7515, section 2) in its one spelling. */
function bytes(text: string): Uint8Array<ArrayBuffer> {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const decoded = unbase64(standard);
  if (base64(decoded).replaceAll("=", "") !== standard) throw 0;
  return decoded;
}

/** Reads a JSON object in which no name is repeated. */
function object(segment: string): Record<string, unknown> {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes(segment));
  const value: unknown = JSON.parse(text);
  const colons = text.replace(/"(\\.|[^"\\])*"/g, "").split(":").length - 1; // one for each member that was written
  if (!text.startsWith("{") || members(value, 0) !== colons) throw 0;
  return value as Record<string, unknown>;
}

/** Counts the members of all objects in a value. */
function members(value: unknown, depth: number): number {
  if (!value || typeof value !== "object") return 0;
  if (depth >= MAX_DEPTH) return NaN;
  const inner = Object.values(value);
  return inner.reduce((sum: number, one) => sum + members(one, depth + 1), Array.isArray(value) ? 0 : inner.length);
}
