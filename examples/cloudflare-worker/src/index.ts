/**
 * The edge: proves who a client is, makes an event of its request, and hands
 * that to the router.
 *
 *     POST /commands/TYPE    answers once the event is kept: by the router, or by the queue
 *     GET  /commands/ID      what became of it; for the client that sent it
 *     POST /telemetry/TYPE   answers at once; the event may be lost
 */
import type { CloudEvent } from "@headgate/edge";
import { type Client, clientOf } from "./client.ts";
import { type Edge, edgeOf } from "./edge.ts";
import { bound, type Env } from "./env.ts";
import { eventOf } from "./event.ts";
import { Problem, problem } from "./problem.ts";

export default {
  async fetch(request, env, ctx) {
    try {
      return await answer(request, env, ctx);
    } catch (fault) {
      return problem(fault);
    }
  },

  async queue(batch, env) {
    for (const { end, id, fault } of await edgeOf(env).commands.deliver(batch)) {
      if (end !== "sent") console.warn({ at: "queue", event: id, end, why: fault?.code });
    }
  },
} satisfies ExportedHandler<Env, CloudEvent>;

async function answer(request: Request, env: Env, ctx: Pick<ExecutionContext, "waitUntil">): Promise<Response> {
  const [, kind, name = "", ...rest] = new URL(request.url).pathname.split("/");
  const route = rest.length === 0 && name !== "" ? `${request.method} /${kind}` : "";
  const way = ways[route];
  if (!way) throw new Problem(404, "not_found", "there is no such path");
  const edge = edgeOf(env);
  const client = await clientOf(await edge.clients.authenticate(request), env);
  return way({ request, env, ctx, edge, client, name });
}

interface Visit {
  readonly request: Request;
  readonly env: Env;
  readonly ctx: Pick<ExecutionContext, "waitUntil">;
  readonly edge: Edge;
  readonly client: Client;
  readonly name: string;
}

const ways: Record<string, ((v: Visit) => Promise<Response>) | undefined> = {
  "POST /commands": command,
  "GET /commands": status,
  "POST /telemetry": telemetry,
};

/** 2xx means that the event is kept: on the router's disk, or, as `deferred`, in the queue that goes there. */
async function command({ request, env, edge, client, name }: Visit): Promise<Response> {
  const event = await eventOf(request, name, client, bound(env, "TYPE"));
  const wait = waitOf(request);
  const said = await edge.commands.send(event, wait ? { wait } : {});
  const final = ["done", "failed", "dropped", "duplicate"].includes(said.status);
  return Response.json(said, { status: final ? 200 : 202, headers: { location: `/commands/${event.id}` } });
}

/** Only the sender's own: the source that is asked for is the client's. */
async function status({ edge, client, name }: Visit): Promise<Response> {
  return Response.json(await edge.router.status(client.source, name));
}

/** A reading that is lost on its way is lost: the platform gives it up to 30 s after this answer. */
async function telemetry({ request, env, ctx, edge, client, name }: Visit): Promise<Response> {
  const event = await eventOf(request, name, client, bound(env, "TYPE"));
  ctx.waitUntil(
    edge.direct.send(event).catch((fault: unknown) => {
      console.warn({ at: "telemetry", lost: event.id, why: fault instanceof Error ? fault.message : String(fault) });
    }),
  );
  return Response.json({ id: event.id, source: event.source, status: "sent" }, { status: 202 });
}

const LONGEST = 25; // s that a router lets a request wait (RFC 7240)

/** The seconds that a client would wait for the end of its command; 0 for none. */
function waitOf(request: Request): number {
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})/i.exec(request.headers.get("prefer") ?? "")?.[1];
  return Math.min(Number(wait ?? 0), LONGEST);
}
