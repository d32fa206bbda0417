/** The algorithms of signatures that are known (RFC 7518, section 3.1; RFC 8037). None of them has a secret. */
export type Alg = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA";

/** A JSON Web Key as an issuer shows it: members are of any kind. */
export type Jwk = Readonly<Record<string, unknown>>;

/** What WebCrypto calls each of them. */
const NAMES: Record<string, string> = { RS: "RSASSA-PKCS1-v1_5", PS: "RSA-PSS", ES: "ECDSA" };
const CURVES: Record<string, string> = { ES256: "P-256", ES384: "P-384", ES512: "P-521", EdDSA: "Ed25519" };

export const isAlg = (alg: string): boolean => /^([RPE]S(256|384|512)|EdDSA)$/.test(alg);

/** 2048 bits (RFC 7518, section 3.3), up to 8192: a check costs the square of the length. In base64url. */
const MODULUS = /^[\w-]{342,1366}$/;

/** Reports whether a key may check signatures of an algorithm. A key that is private or secret never does. */
export function fits(jwk: Jwk, alg: Alg): boolean {
  const { kty, crv, n, e, alg: only = alg, use = "sig" } = jwk;
  const curve = CURVES[alg];
  return (
    (curve ? crv === curve && kty === (alg === "EdDSA" ? "OKP" : "EC") : kty === "RSA" && MODULUS.test(String(n)) && e === "AQAB") &&
    only === alg &&
    use === "sig" &&
    !("d" in jwk || "k" in jwk)
  );
}

/** Reports whether a signature is a fitting key's over what was signed. A key that is none gives an error. */
export async function verifies(jwk: Jwk, alg: Alg, signature: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const { kty, crv, n, e, x, y } = jwk as JsonWebKey; // and nothing that says more than fits has looked at
  const namedCurve = CURVES[alg] ?? "";
  const bits = alg.slice(2);
  const spec = { name: NAMES[alg.slice(0, 2)] ?? namedCurve, hash: `SHA-${bits}`, namedCurve, saltLength: Number(bits) / 8 || 0 };
  const key = await crypto.subtle.importKey("jwk", { kty, crv, n, e, x, y } as JsonWebKey, spec, false, ["verify"]);
  return crypto.subtle.verify(spec, key, signature, signed);
}
