import { base64, join } from "./bytes.js";

/** A private key of WebCrypto, by whatever name a platform's types have for a CryptoKey. */
export interface PrivateKey {
  readonly type: string;
  readonly algorithm: { readonly name: string };
}

/** Throws TypeError for a key that cannot sign by one of these: Ed25519, or a curve of ECDSA. */
export function mustSign({ type, algorithm }: PrivateKey, by: string[]): void {
  const { name, namedCurve = name } = algorithm as { name: string; namedCurve?: string };
  if (type !== "private" || !by.includes(namedCurve)) throw new TypeError(`no private key: ${by}`);
}

/** Makes a key of its bytes. */
export const load = (format: "raw" | "pkcs8", bytes: Uint8Array<ArrayBuffer>, name: string): Promise<CryptoKey> =>
  crypto.subtle.importKey(format, bytes, { name, hash: "SHA-256" }, false, ["sign"]);

/** Signs text and bytes, one after the other, and gives the signature in base64. */
export const sign = async (key: PrivateKey, text: string, bytes: Uint8Array): Promise<string> =>
  base64(await crypto.subtle.sign({ name: key.algorithm.name, hash: "SHA-256" }, key as CryptoKey, await join(text, bytes)));
