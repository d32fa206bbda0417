import { importJWK, type JWK, SignJWT } from "jose";
import { ask, type Token, unavailable } from "./token.ts";

export interface OktaOptions {
  /** A custom authorization server, as `https://dev-1.okta.com/oauth2/default`. */
  issuer: string;
  /** Of an API Services app that proves itself by public key. */
  clientId: string;
  /** One of that app's private keys: a JWK of ES256, with the kid that Okta shows. */
  key: string;
  scope: string;
}

const ASSERTION = 30; // s that one assertion is good for; Okta takes up to an hour

/**
 * Gives access tokens of Okta by client credentials (RFC 6749, section 4.4),
 * for which the app signs an assertion instead of showing a secret
 * (private_key_jwt: RFC 7523, section 2.2).
 */
export function okta(o: OktaOptions): () => Promise<Token> {
  const endpoint = `${o.issuer}/v1/token`;
  return async () => {
    const asked = Math.floor(Date.now() / 1000);
    const text = await ask(
      "okta",
      new Request(endpoint, {
        method: "POST",
        headers: { accept: "application/json" },
        body: new URLSearchParams({
          grant_type: "client_credentials",
          scope: o.scope,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: await assertion(o, endpoint, asked),
        }),
      }),
    );
    return parse(text, asked);
  };
}

/** Reads the answer of RFC 6749, section 5.1. */
function parse(text: string, asked: number): Token {
  try {
    const { access_token: value, token_type: kind, expires_in: life } = JSON.parse(text) as Record<string, unknown>;
    if (typeof value === "string" && typeof life === "number" && String(kind).toLowerCase() === "bearer") {
      return { value, expires: (asked + life) * 1000 };
    }
  } catch {
    // then it is no answer of an authorization server
  }
  throw unavailable("okta", "the answer has no bearer token with a lifetime");
}

async function assertion(o: OktaOptions, audience: string, now: number): Promise<string> {
  let jwk: JWK;
  let key: CryptoKey | Uint8Array;
  try {
    jwk = JSON.parse(o.key) as JWK;
    key = await importJWK(jwk, "ES256");
  } catch {
    throw unavailable("okta", "OKTA_KEY is no private JWK of ES256");
  }
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", ...(jwk.kid !== undefined && { kid: jwk.kid }) })
    .setIssuer(o.clientId)
    .setSubject(o.clientId)
    .setAudience(audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION)
    .sign(key);
}
