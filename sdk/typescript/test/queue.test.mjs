import assert from "node:assert/strict";
import { test } from "node:test";
import { eventSigner } from "../dist/dsse.js";
import { EdgeError, hmac, makeEvent } from "../dist/index.js";
import { QueuedProducer } from "../dist/queue.js";
import { fault, order, problem, producerTo, script, SECRET, taken } from "./router.mjs";

const key = hmac(SECRET, "edge-1");

/** A queue that keeps what it is sent, or fails as it is told. */
function queue(how = "up") {
  const items = [];
  const send = (body, options) => {
    if (how === "throws") throw new Error("Queue is overloaded. Please back off.");
    if (how === "down") return Promise.reject(new Error("Queue send failed: Internal Server Error"));
    if (how === "hangs") return new Promise(() => {});
    items.push({ body, options });
    return Promise.resolve();
  };
  return { items, send };
}

/** One item of a batch, which tells how it was settled first. */
function item(body, { age = 0, attempts = 1, at = Date.UTC(2026, 10, 22, 10) } = {}) {
  const settled = [];
  return { body, attempts, timestamp: new Date(at - age), settled, ack: () => settled.push("ack"), retry: (o) => settled.push(o) };
}

const queued = (to, more) => new QueuedProducer({ producer: producerTo(to, key), now: to.now, random: () => 1, sendTimeout: 20, ...more });
const one = async (to, more, body = order(), how) => {
  const it = item(body, how);
  const [end] = await queued(to, more).deliver({ messages: [it] });
  return { end: end.end, code: end.fault?.code, settled: it.settled };
};
const away = () => new TypeError("network");

test("the router has it: the queue does not", async () => {
  const q = queue();
  assert.equal((await queued(script(taken()), { queue: q }).send(order())).status, "accepted");
  assert.equal(q.items.length, 0);
});

test("the router is away: the queue has it", async () => {
  for (const end of [away(), problem(503, "draining", 60), problem(429, "rate_limited"), problem(401, "unauthenticated", 1)]) {
    const q = queue();
    const answer = await queued(script(end), { queue: q }).send(order());
    assert.deepEqual({ ...answer, attempts: 0 }, { id: "order-1", source: "//shop.example/till", status: "deferred", attempts: 0 });
    assert.deepEqual(q.items, [{ body: order(), options: { contentType: "json" } }]);
  }
});

test("the router refuses it for good: so does send, and the queue never sees it", async () => {
  for (const status of [400, 401, 403, 409, 413, 422]) {
    const q = queue();
    const e = await fault(queued(script(problem(status, "no")), { queue: q }).send(order()));
    assert.deepEqual([e.status, e.retryable, q.items.length], [status, false, 0]);
  }
});

test("a caller that gave up has deferred nothing", async () => {
  const q = queue();
  const e = await fault(queued(script(taken()), { queue: q }).send(order(), { signal: AbortSignal.abort() }));
  assert.deepEqual([e.code, q.items.length], ["aborted", 0]);
});

test("both are away: the caller is told to come again", async () => {
  for (const how of ["down", "hangs", "throws"]) {
    const e = await fault(queued(script(problem(503, "draining", 60)), { queue: queue(how) }).send(order()));
    assert.ok(e instanceof EdgeError);
    assert.deepEqual([e.code, e.status, e.retryable, e.retryAfter, e.cause.code], ["queue_unavailable", 503, true, 60, "draining"], how);
  }
});

test("an event that a queue cannot hold", async () => {
  const q = queue();
  const sized = (size) => {
    const event = order();
    return { ...event, data: "é".repeat((size - JSON.stringify({ ...event, data: "" }).length) / 2) };
  };
  const fits = sized(127_900);
  assert.ok(Math.abs(Buffer.byteLength(JSON.stringify(fits)) - 127_900) <= 1);
  assert.equal((await queued(script(away()), { queue: q }).send(fits)).status, "deferred");
  const e = await fault(queued(script(away()), { queue: q }).send(sized(127_904)));
  assert.deepEqual([e.code, e.retryable, e.cause.code, q.items.length], ["too_large_for_queue", false, "unreachable", 1]);
  assert.equal((await queued(script(taken()), { queue: q }).send(sized(200_000))).status, "accepted");
});

test("what a router would refuse for good is not put off", async () => {
  for (const data of ["half a \ud83d", 2 ** 53, { deep: ["\ude00"] }]) {
    const event = makeEvent({ source: "//shop.example/till", type: "t", data });
    for (const end of [away(), problem(503, "draining")]) {
      const q = queue();
      const to = script(end);
      const e = await fault(queued(to, { queue: q }).send(event));
      assert.deepEqual([e instanceof EdgeError, e.code, e.retryable, q.items.length, to.seen.length], [true, "bad_event", false, 0, 3]);
    }
    const said = await fault(queued(script(problem(400, "malformed")), { queue: queue() }).send(event));
    assert.equal(said.code, "malformed", "while it is there, the router says so");
  }
});

test("what lies in the queue is signed already, and delivered as it is", async () => {
  const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const signEvent = eventSigner({ key: privateKey });
  const q = queue();
  const to = script(away(), away(), away(), taken());
  const sender = new QueuedProducer({ producer: producerTo(to, key, { signEvent }), queue: q, now: to.now });
  await sender.send(order());
  const [{ body }] = q.items;
  assert.ok(body.dssematerial);
  await sender.deliver({ messages: [item(structuredClone(body))] });
  const sent = to.seen.map((r) => JSON.parse(new TextDecoder().decode(r.body)).dssematerial);
  assert.deepEqual(new Set(sent), new Set([body.dssematerial]));
  assert.equal(new Set(to.seen.map(({ headers }) => headers["webhook-timestamp"])).size, 4);
});

test("the loss table of deliver", async () => {
  const old = { age: 12 * 3600_000 + 1 };
  const retry = { delaySeconds: 10 };
  const table = [
    // router, dead letters, age -> end, why, settled, dead letters that came
    [taken(), "up", {}, "sent", undefined, "ack", 0],
    [taken(200, "duplicate"), "up", {}, "sent", undefined, "ack", 0],
    [away(), "up", {}, "retried", "unreachable", retry, 0],
    [problem(503, "overloaded"), "up", {}, "retried", "overloaded", retry, 0],
    [problem(503, "draining", 77), "up", {}, "retried", "draining", { delaySeconds: 77 }, 0],
    [problem(422, "schema"), "up", {}, "dead", "schema", "ack", 1],
    [problem(403, "forbidden"), "up", {}, "dead", "forbidden", "ack", 1],
    [problem(401, "unauthenticated"), "up", {}, "retried", "unauthenticated", retry, 0],
    [new Response(null, { status: 302 }), "up", {}, "retried", "redirect", retry, 0],
    ...[400, 403, 404, 405].map((status) => [new Response("<html>", { status }), "up", {}, "retried", `http_${status}`, retry, 0]),
    [problem(401, "unauthenticated"), "up", old, "dead", "too_old", "ack", 1],
    [problem(422, "schema"), "down", {}, "retried", "queue_unavailable", retry, 0],
    [problem(422, "schema"), "hangs", {}, "retried", "queue_unavailable", retry, 0],
    [problem(422, "schema"), "throws", {}, "retried", "queue_unavailable", retry, 0],
    [problem(422, "schema"), undefined, {}, "retried", "schema", retry, 0],
    [taken(), "up", old, "dead", "too_old", "ack", 1],
    [taken(), "down", old, "retried", "queue_unavailable", retry, 0],
    [taken(), undefined, old, "retried", "too_old", retry, 0],
    [taken(), "up", { age: 12 * 3600_000 }, "sent", undefined, "ack", 0],
  ];
  for (const [router, how, age, end, code, settled, dead] of table) {
    const deadLetters = how && queue(how);
    const to = script(router);
    const got = await one(to, { queue: queue("down"), deadLetters }, order(), age);
    const name = `${code} ${how}`;
    assert.deepEqual(got, { end, code, settled: [settled] }, name);
    assert.equal(deadLetters?.items.length ?? 0, dead, name);
    if (dead) assert.deepEqual(deadLetters.items[0].body, order());
    if (code === "too_old") assert.equal(to.seen.length, 0, "what is too old is not sent: the router may have forgotten its id");
  }
});

test("what is no event goes to the dead letters", async () => {
  for (const body of [null, 1, "x", {}, { id: 1 }]) {
    const deadLetters = queue();
    assert.deepEqual(await one(script(taken()), { queue: queue(), deadLetters }, body), { end: "dead", code: "bad_event", settled: ["ack"] });
    assert.deepEqual(deadLetters.items[0].body, body);
  }
});

test("delays double up to a bound, at random", async () => {
  const delay = async (attempts, random) => (await one(script(away()), { queue: queue(), random: () => random }, order(), { attempts })).settled[0].delaySeconds;
  assert.deepEqual(await Promise.all([1, 2, 3, 7, 8, 100].map((n) => delay(n, 1))), [10, 20, 40, 640, 900, 900]);
  assert.deepEqual(await Promise.all([1, 2, 100].map((n) => delay(n, 0))), [5, 10, 450]);
});

test("the least that 100 attempts take, the most that a queue makes, outlasts maxAge", async () => {
  let sum = 0;
  for (let attempts = 1; attempts <= 100; attempts++) {
    sum += (await one(script(away()), { queue: queue(), random: () => 0.5 }, order(), { attempts })).settled[0].delaySeconds;
  }
  assert.ok(sum > 12 * 3600, `${sum} s`);
});

test("each item of a batch is settled by itself, five at once", async () => {
  let now = 0;
  let most = 0;
  const said = { b: () => problem(422, "schema"), c: () => problem(503, "overloaded") };
  const to = script(async (_, { body }) => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    const { id } = JSON.parse(new TextDecoder().decode(body));
    return said[id]?.() ?? taken(202, "accepted", id);
  });
  const ids = [..."abcdefghijkl"];
  const items = ids.map((id) => item(order(id)));
  const deadLetters = queue();
  const ends = await queued(to, { queue: queue(), deadLetters }).deliver({ messages: items });
  assert.deepEqual(ends.map(({ id, end }) => id + end[0]), ids.map((id) => id + ({ b: "d", c: "r" }[id] ?? "s")));
  assert.deepEqual(items.map(({ settled }) => settled.length), ids.map(() => 1));
  assert.equal(most, 5);
  assert.deepEqual(await queued(to, { queue: queue() }).deliver({ messages: [] }), []);
});
