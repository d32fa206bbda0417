import { connect } from "cloudflare:sockets";
import { EdgeError, Producer } from "@headgate/edge";
import { Verifier } from "@headgate/edge/oidc";
import { QueuedProducer } from "@headgate/edge/queue";
import { zmtp } from "@headgate/edge/zmtp";
import { credentialOf } from "./credential.ts";
import { bound, type Env, Unbound } from "./env.ts";

/** What an isolate works with. Nothing in it is a connection or a promise of a request's: requests share neither. */
export interface Edge {
  /** Knows the clients. */
  readonly clients: Verifier;
  /** The router's HTTP door, which alone answers for what became of an event. */
  readonly router: Producer;
  /** The way of events: to the router's HTTP or ZeroMQ door. */
  readonly direct: Producer;
  /** The same, and the queue while there is no way. */
  readonly commands: QueuedProducer;
}

/** Keeps key sets, imported keys and tokens for as long as the isolate lives. */
const edges = new WeakMap<Env, Edge>();

/** The isolate's Edge. Throws Unbound. */
export function edgeOf(env: Env): Edge {
  const known = edges.get(env);
  if (known) return known;
  const edge = wire(env);
  edges.set(env, edge);
  return edge;
}

const TIMEOUT = 3_000; // ms of each of three tries: so long a client waits for a silent router before its command is deferred

/** Addresses at which nobody else can answer "accepted", or read events: over TLS, or on this machine. */
const SEALED = /^((https|tls):|(http|tcp):\/\/(127(\.\d+){3}|\[::1\])(:\d+)?(\/|$))/;

function wire(env: Env): Edge {
  const credential = credentialOf(env);
  const clients = new Verifier({ issuer: bound(env, "ISSUER"), audience: bound(env, "AUDIENCE") });
  const url = bound(env, "ROUTER_URL");
  if (!(env.ROUTER || SEALED.test(url))) throw new Unbound("ROUTER_URL as https://, or ROUTER,");
  const router = new Producer({ url, fetch: wayOf(env), credential, timeout: TIMEOUT });
  const address = env.ROUTER_ZMTP;
  if (address && !SEALED.test(address)) throw new Unbound("ROUTER_ZMTP as tls://");
  const direct = address ? new Producer({ post: zmtp({ connect, address }), credential, timeout: TIMEOUT }) : router;
  const commands = new QueuedProducer({ producer: keeping(direct), queue: env.DEFERRED, deadLetters: env.DEAD_LETTERS });
  return { clients, router, direct, commands };
}

const KEPT = ["accepted", "duplicate", "done", "failed", "dropped"]; // "queued" is in the router's memory, and may be lost

/** Sends like a producer, and counts as taken only what the router says it keeps. */
function keeping(producer: Producer): Pick<Producer, "send" | "sign"> {
  return {
    sign: (event) => producer.sign(event),
    async send(event, options) {
      const answer = await producer.send(event, options);
      if (KEPT.includes(answer.status)) return answer;
      throw new EdgeError("not_kept", "the router does not keep such events", { attempts: answer.attempts });
    },
  };
}

/** The way to the router's HTTP door, past Cloudflare Access where that stands before it. */
function wayOf(env: Env): typeof fetch {
  const { ROUTER: way, ACCESS_CLIENT_ID: id } = env;
  const ask: typeof fetch = (input, init) => (way ? way.fetch(input, init) : fetch(input, init));
  if (!id) return ask;
  const token = { "cf-access-client-id": id, "cf-access-client-secret": bound(env, "ACCESS_CLIENT_SECRET") };
  return (input, init) => {
    const headers = new Headers(init?.headers);
    for (const [name, value] of Object.entries(token)) headers.set(name, value);
    return ask(input, { ...init, headers });
  };
}
