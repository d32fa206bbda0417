import type { Claims } from "@headgate/edge/oidc";
import { bound, type Env } from "./env.ts";
import { Problem } from "./problem.ts";

/** Who sends: one subject of one issuer. */
export interface Client {
  /** Names the subject within all issuers, for what is derived from it. */
  readonly name: string;
  /** The source of all that this client sends, and of nothing that another sends. */
  readonly source: string;
}

/**
 * The client that a verified token stands for. Its source has the subject as
 * one segment, so that a pattern of the router's can name it, and nobody
 * chooses another's. Throws Problem 401 and 403.
 */
export async function clientOf(claims: Claims, env: Env): Promise<Client> {
  const { iss, sub, scope, scp } = claims;
  if (typeof sub !== "string" || /^\.{0,2}$/.test(sub) || !sub.isWellFormed()) {
    throw new Problem(401, "unauthenticated", "the token names no subject", { "www-authenticate": "Bearer" });
  }
  const scopes = [scope, scp].flat().join(" ").split(" "); // scope is text (RFC 9068, section 2.2.3), and scp a list at Okta
  if (env.SCOPE && !scopes.includes(env.SCOPE)) {
    throw new Problem(403, "forbidden", "the token lacks a scope");
  }
  const name = JSON.stringify([iss, sub]);
  if (env.CLIENTS && !(await env.CLIENTS.limit({ key: name })).success) {
    throw new Problem(429, "rate_limited", "too many requests", { "retry-after": "60" });
  }
  return { name, source: bound(env, "SOURCE") + encodeURIComponent(sub) };
}
