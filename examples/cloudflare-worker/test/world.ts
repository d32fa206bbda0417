import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import type { CloudEvent } from "@headgate/edge";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { vi } from "vitest";
import type { Env } from "../src/env.ts";
import worker from "../src/index.ts";

/** A queue that keeps what it is sent, or does not. */
export class FakeQueue {
  readonly sent: CloudEvent[] = [];
  broken = false;

  async send(body: unknown): Promise<unknown> {
    if (this.broken) throw new Error("Queue send failed: Internal Server Error");
    this.sent.push(structuredClone(body) as CloudEvent);
    return {};
  }
}

/** One request to a server that is not there. */
export interface Asked {
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** What a server that is not there does with a request; to throw is to be away. */
export type Server = (asked: Asked) => Response | Promise<Response>;

export const away: Server = () => {
  throw new TypeError("internal error; reference = 0123456789");
};

/** Takes a request and never answers. */
export const silent: Server = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** Says the same of every request. */
export const says =
  (status: number, body: unknown, headers: Record<string, string> = {}): Server =>
  () =>
    Response.json(body, { status, headers });

/** The router that takes everything. */
export const accepts: Server = ({ body }) => {
  const { id, source } = JSON.parse(body) as CloudEvent;
  return Response.json({ id, source, status: "accepted" }, { status: 202 });
};

export const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const ISSUER = "https://login.test";
const AUDIENCE = "https://edge.test";
const mint = await generateKeyPair("ES256", { extractable: true });

/** All that surrounds one Worker: an issuer, a router, queues, and whichever more servers a test adds by their host's name. */
export class World {
  readonly asked: Asked[] = [];
  readonly deferred = new FakeQueue();
  readonly deadLetters = new FakeQueue();
  readonly env: Env;
  readonly servers: Record<string, Server> = { "login.test": issuer, "router.test": accepts };

  constructor(bindings: Partial<Env> = {}) {
    this.env = {
      ISSUER,
      AUDIENCE,
      SOURCE: "//edge.test/clients/",
      TYPE: "com.example.",
      ROUTER_URL: "https://router.test",
      ROUTER_KEY_ID: "edge-1",
      ROUTER_KEY: secret,
      DEFERRED: this.deferred,
      DEAD_LETTERS: this.deadLetters,
      ...bindings,
    };
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      const asked = { url: new URL(request.url), headers: request.headers, body: decode(await request.arrayBuffer()), signal: request.signal };
      this.asked.push(asked);
      const server = this.servers[asked.url.hostname];
      if (!server) throw new Error(`nobody is at ${request.url}`);
      return server(asked);
    });
  }

  set router(server: Server) {
    this.servers["router.test"] = server;
  }

  /** What a server was asked, in order. */
  of(host: string): Asked[] {
    return this.asked.filter(({ url }) => url.hostname === host);
  }

  /** The events that the router was sent, each try of each. */
  get events(): CloudEvent[] {
    return this.of("router.test")
      .filter(({ body }) => body !== "")
      .map(({ body }) => JSON.parse(body) as CloudEvent);
  }

  /** Has the Worker answer a request, as a client with a good token unless it says otherwise. */
  async visit(way: string, init: { token?: string; headers?: Record<string, string>; body?: BodyInit } = {}): Promise<Response> {
    const { response, ended } = await this.begin(way, init);
    await ended();
    return response;
  }

  /** The same, and leaves what the Worker does after its answer under way. */
  async begin(way: string, { token, headers, body }: { token?: string; headers?: Record<string, string>; body?: BodyInit } = {}) {
    const [method = "", path = ""] = way.split(" ");
    const request = new Request(`https://edge.test${path}`, {
      method,
      headers: { authorization: `Bearer ${token ?? (await tokenOf("alice"))}`, ...headers },
      ...(body !== undefined && { body }),
    });
    const ctx = createExecutionContext();
    const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], this.env, ctx);
    return { response, ended: () => waitOnExecutionContext(ctx) };
  }

  /** A command of JSON. */
  command(data: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.visit("POST /commands/order.created", {
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(data),
    });
  }
}

const decode = (bytes: ArrayBuffer) => new TextDecoder().decode(bytes); // text() warns of forms

async function issuer({ url }: Asked): Promise<Response> {
  switch (url.pathname) {
    case "/.well-known/openid-configuration":
      return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` });
    case "/keys":
      return Response.json({ keys: [{ ...(await exportJWK(mint.publicKey)), kid: "1", alg: "ES256", use: "sig" }] });
    default:
      return new Response(null, { status: 404 });
  }
}

/** A client's token, good unless claims say otherwise. */
export async function tokenOf(sub: string, claims: JWTPayload = {}, key: CryptoKey = mint.privateKey, kid = "1"): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub, iat: now, exp: now + 300, jti: crypto.randomUUID(), ...claims })
    .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" })
    .sign(key);
}

/** What an answer says, in one line: "503 unreachable". */
export async function verdict(response: Response): Promise<string> {
  const { status, code } = (await response.clone().json()) as { status: unknown; code?: string };
  return `${response.status} ${code ?? String(status)}`;
}
