import type { QueueLike } from "@headgate/edge/queue";

/** What the Worker is given: `vars`, secrets and bindings of wrangler.jsonc. */
export interface Env {
  /** Who issues the clients' tokens, as in their `iss`. */
  ISSUER: string;
  /** What those tokens are issued for, as in their `aud`: an API, not a client id, which is what ID tokens are for. */
  AUDIENCE: string;
  /** The scope that a client needs for anything at all; empty for none. */
  SCOPE?: string;

  /** What each event's source begins with; the client's subject follows. */
  SOURCE: string;
  /** What each event's type begins with; the last part of the path follows. */
  TYPE: string;

  /** The router's HTTP door, without a path: https, unless ROUTER leads there or it is 127.0.0.1. */
  ROUTER_URL: string;
  /** The way to that door, where it is not the public network: a service binding, a VPC service, mTLS. */
  ROUTER?: Pick<Fetcher, "fetch">;
  /** The service token for Cloudflare Access, where that stands before ROUTER_URL. */
  ACCESS_CLIENT_ID?: string;
  ACCESS_CLIENT_SECRET?: string;
  /** The router's ZeroMQ door, `tls://HOST:PORT`, to send events by that instead; `tcp` at 127.0.0.1 alone. */
  ROUTER_ZMTP?: string;

  /** How the Worker proves itself to the router: hmac (also where this is absent), ed25519, okta or aws. */
  CREDENTIAL?: string;
  /** hmac, ed25519: the key's id at the router, and the secret, `whsec_..` or `whsk_..`. */
  ROUTER_KEY_ID?: string;
  ROUTER_KEY?: string;
  /** okta: the authorization server, the app's client id, the scope it asks for, and its private key, a JWK of ES256. */
  OKTA_ISSUER?: string;
  OKTA_CLIENT_ID?: string;
  OKTA_SCOPE?: string;
  OKTA_KEY?: string;
  /** aws: where STS is asked, the router's audience, and the keys of the role or user. */
  AWS_REGION?: string;
  AWS_AUDIENCE?: string;
  AWS_ACCESS_KEY_ID?: string;
  AWS_SECRET_ACCESS_KEY?: string;
  AWS_SESSION_TOKEN?: string;

  /** Where commands wait while the router is away. */
  DEFERRED: QueueLike;
  /** Where those go that the router refuses for good, or that have waited too long. */
  DEAD_LETTERS: QueueLike;
  /** How often one client may come; absent for no limit. */
  CLIENTS?: RateLimit;
}

/** A binding that the Worker's way of working needs is absent. Its name is all that this says. */
export class Unbound extends Error {
  constructor(name: string) {
    super(`${name} is not bound: see wrangler.jsonc`);
    this.name = "Unbound";
  }
}

/** The text bound to a name. Throws Unbound. */
export function bound(env: Env, name: keyof Env): string {
  const value = env[name];
  if (typeof value !== "string" || value === "") throw new Unbound(name);
  return value;
}
