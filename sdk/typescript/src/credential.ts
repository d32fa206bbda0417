import { base64, unbase64 } from "./bytes.js";
import { EdgeError, later } from "./error.js";
import { load, mustSign, type PrivateKey, sign } from "./key.js";

/** One try that a credential is asked for. */
export interface Outgoing {
  /** The event's id; of a batch or a question, one of its own. */
  readonly id: string;
  /** What a signature covers. */
  readonly body: Uint8Array;
  /** ms since 1970. */
  readonly now: number;
}

/**
 * Gives the headers that prove one try, and is asked anew for each. What it
 * throws ends the try: an EdgeError as it is, anything else as
 * "credential_unavailable", which may be tried again.
 */
export type Credential = (outgoing: Outgoing) => Promise<Record<string, string>>;

/**
 * Proves with a secret, `whsec_` and base64 of 32 to 64 bytes, that the router has
 * too: Standard Webhooks 1.0, v1. keyId is the key's id there; without it the
 * door tries its default_key_ids. Throws TypeError for what is no such secret.
 */
export function hmac(secret: string, keyId?: string): Credential {
  const raw = decode(secret, "whsec_", 1);
  return webhook("v1", keyId, () => load("raw", raw, "HMAC"));
}

/** PKCS #8 of an Ed25519 key up to its seed (RFC 8410, section 7), in base64. */
const PKCS8 = "MC4CAQAwBQYDK2VwBCIEIA==";

/**
 * Proves with a private key, so that the router holds only the public one:
 * Standard Webhooks 1.0, v1a. The key is `whsk_` and base64 of its seed, or of seed
 * and public key; or one of WebCrypto that may sign. Throws TypeError for another.
 */
export function ed25519(key: string | PrivateKey, keyId?: string): Credential {
  if (typeof key !== "string") {
    mustSign(key, ["Ed25519"]);
    return webhook("v1a", keyId, async () => key);
  }
  const seed = decode(key, "whsk_", 32).subarray(0, 32);
  return webhook("v1a", keyId, () => load("pkcs8", new Uint8Array([...unbase64(PKCS8), ...seed]), "Ed25519"));
}

/** The public key that a token is bound to: a JSON Web Key (RFC 7517). What is private in it stays here. */
export interface EventKey {
  kty?: string;
  crv?: string;
  x?: string;
  y?: string;
}

/**
 * Proves with a token (JWT, RFC 6750): one, or where to get a short-lived one, which
 * is asked at each try. eventKey goes with tokens that are bound to the key that
 * signs the events (cnf.jkt, RFC 7800).
 */
export function bearer(token: string | (() => string | Promise<string>), eventKey?: EventKey): Credential {
  const bound = eventKey && { "headgate-event-key": JSON.stringify(eventKey, ["kty", "crv", "x", "y"]) };
  return async () => {
    const value = typeof token === "string" ? token : await token();
    if (!/^[\w.~+/-]+=*$/.test(value ?? "")) throw later("credential_unavailable");
    return { authorization: `Bearer ${value}`, ...bound };
  };
}

/** Loads its key once. That a CryptoKey is shared by requests is allowed; a promise might not be. */
function webhook(version: string, keyId: string | undefined, load: () => Promise<PrivateKey>): Credential {
  let key: PrivateKey | undefined;
  return async ({ id, body, now }) => {
    if (!/^[\w-]{1,128}$/.test(id)) throw new EdgeError("bad_id", "bad_id");
    key ??= await load();
    const timestamp = String(Math.floor(now / 1000));
    return {
      ...(keyId && { "headgate-key-id": keyId }),
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `${version},${await sign(key, `${id}.${timestamp}.`, body)}`,
    };
  };
}

/** Reads a prefix and base64, in its one spelling, of 32 to 64 bytes in such steps. The error holds none of the text. */
function decode(text: string, prefix: string, step: number): Uint8Array<ArrayBuffer> {
  try {
    const bytes = unbase64(text.slice(prefix.length));
    const { length } = bytes;
    if (length >= 32 && length <= 64 && length % step === 0 && text === prefix + base64(bytes)) return bytes;
  } catch {
    // then it is none
  }
  throw new TypeError(`a key is ${prefix} and base64 of its bytes`);
}
