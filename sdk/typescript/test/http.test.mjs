import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { hmac, Producer } from "../dist/index.js";
import { fault, order, SECRET } from "./router.mjs";

/** Serves on loopback, over a real fetch, until the tests are over. */
async function serve(work) {
  const server = createServer(work);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}
const producer = (url, more) => new Producer({ url, credential: hmac(SECRET, "edge-1"), sleep: async () => {}, ...more });
const take = (response, word = "accepted") => response.end(JSON.stringify({ id: "order-1", source: "//shop.example/till", status: word }));

test("an event over a real connection", async () => {
  let seen;
  const url = await serve(async (request, response) => {
    seen = { method: request.method, url: request.url, headers: request.headers, body: (await request.toArray()).join("") };
    take(response.writeHead(202));
  });
  assert.equal((await producer(url).send(order(), { wait: 1 })).status, "accepted");
  assert.deepEqual([seen.method, seen.url, seen.body, seen.headers.prefer], ["POST", "/v1/events", JSON.stringify(order()), "wait=1"]);
  assert.equal(seen.headers["content-type"], "application/cloudevents+json");
  assert.equal(seen.headers["webhook-id"], "order-1");
});

test("the connection is cut after the router took the event: the next try is a duplicate", async () => {
  const tries = [];
  const url = await serve(async (request, response) => {
    tries.push((await request.toArray()).join(""));
    if (tries.length > 1) return take(response.writeHead(200), "duplicate");
    response.writeHead(202, { "content-length": 100 }).write("{");
    setImmediate(() => request.socket.destroy());
  });
  const { status, attempts } = await producer(url).send(order());
  assert.deepEqual([status, attempts, tries[0]], ["duplicate", 2, tries[1]]);
});

test("a redirect leads nowhere", async () => {
  let visits = 0;
  const there = await serve((_, response) => (visits++, take(response.writeHead(202))));
  const here = await serve((_, response) => response.writeHead(307, { location: `${there}/v1/events` }).end("moved"));
  assert.equal((await fault(producer(here).send(order()))).code, "redirect");
  assert.equal(visits, 0);
});

test("a server that says nothing, and one that is not there", async () => {
  const url = await serve(() => {});
  assert.deepEqual(await fault(producer(url, { timeout: 50, tries: 1 }).send(order())).then((e) => [e.code, e.retryable]), ["timeout", true]);
  assert.deepEqual(await fault(producer("http://127.0.0.1:1").send(order())).then((e) => [e.code, e.attempts]), ["unreachable", 3]);
});

test("connections are used again: no answer is left unread", async () => {
  const sockets = new Set();
  const url = await serve((request, response) => {
    sockets.add(request.socket);
    response.writeHead(503, { "retry-after": "1", "content-type": "application/problem+json" }).end(JSON.stringify({ code: "overloaded", pad: "x".repeat(100_000) }));
  });
  const e = await fault(producer(url, { tries: 20 }).send(order()));
  assert.deepEqual([e.code, e.retryAfter, e.attempts, sockets.size], ["overloaded", 1, 20, 1]);
});
