import { type Alg, isAlg, verifies } from "./oidc/alg.js";
import { refuse } from "./oidc/error.js";
import { KeySource } from "./oidc/source.js";
import { type Claims, isText, readToken } from "./oidc/token.js";

export type { Alg } from "./oidc/alg.js";
export { OidcError } from "./oidc/error.js";
export type { Claims } from "./oidc/token.js";

/** Whose tokens are taken, and which. */
export interface VerifierOptions {
  /** To the letter as in `iss`. Unless jwksUri is given it is https, or http at 127.0.0.1 or [::1]. */
  issuer: string;
  /** What tokens have to be for; one of these is in `aud`. */
  audience: string | readonly string[];
  /** Where the keys are; what the issuer's discovery document says unless given. */
  jwksUri?: string | undefined;
  /** All of them unless given: what a key is for is in the key, too. */
  algs?: readonly Alg[] | undefined;
  /** Seconds that clocks may differ, at most 120; 60. */
  leeway?: number | undefined;
  /** Seconds from `iat` to `exp`, at most 86400; 86400. */
  maxLifetime?: number | undefined;
  /** Seconds that keys serve while the issuer is away; 86400. */
  usableFor?: number | undefined;
  /** ms that the issuer gets for its keys; 3000. */
  timeout?: number | undefined;
  fetch?: typeof fetch | undefined;
  /** ms since 1970. */
  now?: (() => number) | undefined;
  sleep?: ((ms: number) => Promise<void>) | undefined;
}

const MAX_LEEWAY = 120; // s: more is longer tokens
const MAX_LIFETIME = 86_400; // s: nothing but its end withdraws a token
const TYPES = /^(application\/)?(at\+)?jwt$/i;

/**
 * Verifies the tokens (JWT, RFC 7519, RFC 9068) of one issuer. Keep one for as long
 * as the isolate lives: it keeps the issuer's keys. Requests share it, and no promise
 * or connection in it.
 *
 * A token is refused unless everything about it is as it has to be; what it says
 * about where its key is (jku, x5u, jwk, x5c) refuses it, and so does what only ID
 * tokens have: those tell a client who its user is, and let nobody in.
 */
export class Verifier {
  readonly #o: VerifierOptions & { leeway: number; maxLifetime: number };
  readonly #keys: KeySource;

  /** Throws TypeError for options that would check less than they seem to. */
  constructor(options: VerifierOptions) {
    const { audience, algs, leeway = 60, maxLifetime = MAX_LIFETIME } = options;
    if (!isAudience(audience)) throw new TypeError("Verifier: no audience");
    if (algs && !(algs.length && algs.every(isAlg))) throw new TypeError("Verifier: no such alg");
    if (!(leeway >= 0 && leeway <= MAX_LEEWAY && maxLifetime > 0 && maxLifetime <= MAX_LIFETIME)) {
      throw new TypeError("Verifier: leeway, maxLifetime");
    }
    this.#o = { ...options, leeway, maxLifetime };
    this.#keys = new KeySource(options);
  }

  /** Verifies the bearer token of a request (RFC 6750, section 2.1), of which there has to be one. */
  async authenticate(request: { readonly headers: { get(name: string): string | null } }): Promise<Claims> {
    const [, token] = /^Bearer +([^ ,]+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    return this.verify(token ?? refuse("no_token"));
  }

  /**
   * Verifies a token and gives its claims. Throws OidcError: 401 for a token that is not
   * to be taken; 503 while nobody can tell, as the issuer is away.
   */
  async verify(token: string): Promise<Claims> {
    const { alg, kid, typ, claims, signed, signature } = readToken(token);
    if (!isAlg(alg) || !(this.#o.algs?.includes(alg as Alg) ?? true)) refuse("algorithm");
    if (!TYPES.test(typ)) refuse("type");
    if (claims.iss !== this.#o.issuer) refuse("issuer");
    const key = await this.#keys.find(kid, alg as Alg);
    if (!(await verifies(key, alg as Alg, signature, signed).catch(() => refuse("key")))) refuse("signature");
    this.#check(claims);
    return claims;
  }

  #check({ aud, exp, iat, nbf = iat, cnf, nonce, at_hash }: Claims): void {
    const { audience, now = Date.now, leeway, maxLifetime } = this.#o;
    if (!isAudience(aud) || ![audience].flat().some((one) => [aud].flat().includes(one))) refuse("audience");
    if (![exp, iat, nbf].every((time) => Number.isSafeInteger(time) && time >= 0)) refuse("claims");
    const at = Math.floor(now() / 1000);
    if (exp + leeway <= at) refuse("expired");
    if (Math.max(iat, nbf) - leeway > at) refuse("not_yet_valid");
    if (exp - iat > maxLifetime) refuse("lifetime");
    if (nonce ?? at_hash) refuse("type"); // it is an ID token (OpenID Connect Core 1.0, sections 2 and 3.1.3.6)
    if (cnf !== undefined) refuse("bound"); // it is worth nothing without a proof of its key (RFC 7800)
  }
}

/** Reports whether a value names one audience or several (RFC 7519, section 4.1.3). */
function isAudience(value: unknown): boolean {
  const all: unknown[] = [value].flat();
  return all.length > 0 && all.every(isText);
}
