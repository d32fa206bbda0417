/**
 * A Worker for tests alone. It sends events by ZeroMQ as a request's query asks,
 * and answers with what became of them: {"accepted": 2, "timeout": 1}.
 *
 *     to=tcp://HOST:PORT     the peer
 *     id=probe events=3      ids are probe-0, probe-1, ..
 *     bytes=100              of each event's data
 *     timeout=500 answer=64  ms, and the bytes of the largest answer
 *     together=1             over one connection, up to 32 at once; or each over its own
 */
import { connect } from "cloudflare:sockets";
import { EdgeError, hmac, makeEvent, type Post, Producer } from "@headgate/edge";
import { Dealer, zmtp } from "@headgate/edge/zmtp";

interface Env {
  SOURCE: string;
  ROUTER_KEY: string;
  ROUTER_KEY_ID: string;
}

const AT_ONCE = 32;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const ask = Object.fromEntries(new URL(request.url).searchParams);
    if (!ask["to"]) return new Response(null, { status: 404 });
    const way = {
      connect,
      address: ask["to"],
      timeout: Number(ask["timeout"] ?? 5000),
      maxAnswer: Number(ask["answer"] ?? 65536),
    };
    const counts: Record<string, number> = {};
    const count = (name: string) => {
      counts[name] = (counts[name] ?? 0) + 1;
    };
    let dealer: Dealer | undefined;
    try {
      if (ask["together"]) dealer = await Dealer.open(way);
      const post: Post = dealer ? ({ headers, body, signal }) => dealer!.request(headers, body, signal) : zmtp(way);
      const producer = new Producer({ post, credential: hmac(env.ROUTER_KEY, env.ROUTER_KEY_ID), tries: 1 });
      const events = Number(ask["events"] ?? 1);
      const data = "x".repeat(Number(ask["bytes"] ?? 0));
      let next = 0;
      const send = async () => {
        while (next < events) {
          const id = `${ask["id"]}-${next++}`;
          try {
            const event = makeEvent({ id, source: env.SOURCE, type: "com.example.order.created", time: new Date(0), data });
            count((await producer.send(event)).status);
          } catch (fault) {
            count(codeOf(fault));
          }
        }
      };
      await Promise.all(Array.from({ length: ask["together"] ? AT_ONCE : 1 }, send));
    } catch (fault) {
      count(codeOf(fault));
    } finally {
      dealer?.close();
    }
    return Response.json(counts);
  },
};

/** A fault of any other kind, or one that a sender would take for final, is none that this may end in. */
function codeOf(fault: unknown): string {
  if (!(fault instanceof EdgeError)) return `no EdgeError: ${String(fault)}`;
  return fault.retryable ? fault.code : `${fault.code}, final`;
}
