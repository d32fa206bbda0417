import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { eventSigner } from "../dist/dsse.js";
import { bearer, EdgeError, hmac, makeEvent, Producer } from "../dist/index.js";
import { answer, fault, order, problem, producerTo, script, SECRET, taken } from "./router.mjs";

const key = hmac(SECRET, "edge-1");
const text = (bytes) => new TextDecoder().decode(bytes);

test("an event that is taken", async () => {
  const to = script(taken());
  assert.deepEqual(await producerTo(to, key).send(order()), { id: "order-1", source: "//shop.example/till", status: "accepted", attempts: 1 });
  const [{ url, method, headers, body, redirect }] = to.seen;
  assert.deepEqual([url, method, redirect], ["https://events.example/v1/events", "POST", "manual"]);
  assert.deepEqual(JSON.parse(text(body)), order());
  const { "webhook-signature": signature, ...rest } = headers;
  assert.deepEqual(rest, { "content-type": "application/cloudevents+json", "headgate-key-id": "edge-1", "webhook-id": "order-1", "webhook-timestamp": "1795341600" });
  const mac = createHmac("sha256", Buffer.from(SECRET.slice(6), "base64")).update(`order-1.1795341600.${text(body)}`).digest("base64");
  assert.equal(signature, `v1,${mac}`);
});

test("what each answer means", async () => {
  const doc = { id: "order-1", source: "//shop.example/till" };
  const channels = { orders: { state: "done", attempt: 1, result: { ok: true } } };
  const good = [
    [taken(202, "queued"), { status: "queued" }],
    [taken(200, "duplicate"), { status: "duplicate" }],
    [answer(202, { ...doc, status: "accepted", receipt: "note" }), { status: "accepted", receipt: "note" }],
    [answer(200, { ...doc, state: "done", channels }), { status: "done", channels }],
    [answer(200, { ...doc, state: "failed", channels: {} }), { status: "failed", channels: {} }],
    [answer(200, { ...doc, state: "dropped", channels: {} }), { status: "dropped", channels: {} }],
  ];
  for (const [said, want] of good) assert.deepEqual(await producerTo(script(said), key).send(order()), { ...doc, attempts: 1, ...want });

  const refusals = [
    ...[400, 403, 404, 405, 409, 413, 415, 422, 431].map((status) => [status, undefined, 1, false]),
    [401, undefined, 1, false],
    [401, 1, 2, true],
    ...[408, 425, 429, 500, 502, 503, 504, 530, 599].map((status) => [status, undefined, 3, true]),
    [503, 1, 3, true],
    [429, 2, 3, true],
  ];
  for (const [status, after, attempts, retryable] of refusals) {
    const to = script(problem(status, "some_code", after, { detail: "a detail", pointer: "/data" }));
    const e = await fault(producerTo(to, key).send(order()));
    const { name, code, pointer, requestId } = e;
    assert.deepEqual([name, code, pointer, requestId], ["EdgeError", "some_code", "/data", "r1"]);
    assert.deepEqual([e.status, e.retryAfter, e.attempts, e.retryable], [status, after, attempts, retryable], `${status}`);
    assert.equal(to.seen.length, attempts, `${status}`);
    assert.equal(e.message, "some_code a detail");
  }
});

test("a refusal that is no document has a code all the same", async () => {
  for (const body of ["<html>", "", "[]", "null", '"x"', '{"code":1,"detail":{}}', '{"detail":{"toString":1,"valueOf":1}}', undefined]) {
    const e = await fault(producerTo(script(answer(403, body)), key).send(order()));
    assert.deepEqual([e.code, e.status, e.message], ["http_403", 403, "http_403"]);
  }
});

test("an answer that does not say that this event was taken is none", async () => {
  const doc = { id: "order-1", source: "//shop.example/till", status: "accepted" };
  const none = ["", "<html>", "[]", "null", {}, { ...doc, id: "other" }, { ...doc, source: "//b" }, { ...doc, status: 200 }, { ...doc, status: undefined }, { ...doc, status: "rejected" }, { ...doc, status: "" }, { ...doc, state: "pending" }];
  for (const said of none) {
    const to = script(answer(200, said));
    const e = await fault(producerTo(to, key).send(order()));
    assert.deepEqual([e.code, e.retryable, e.attempts], ["bad_answer", true, 3], inspect(said));
  }
});

test("all tries have one id and the same bytes, and each a time and a signature of its own", async () => {
  const to = script(new TypeError("network"), problem(503, "overloaded"), taken());
  let asked = 0;
  const counting = (out) => (asked++, key(out));
  assert.equal((await producerTo(to, counting).send(makeEvent({ source: "//shop.example/till", type: "t", id: "order-1" }))).attempts, 3);
  const distinct = (pick) => new Set(to.seen.map(pick)).size;
  assert.equal(asked, 3);
  assert.equal(distinct(({ body }) => text(body)), 1);
  assert.equal(distinct(({ headers }) => headers["webhook-id"]), 1);
  assert.equal(distinct(({ headers }) => headers["webhook-timestamp"]), 3);
  assert.equal(distinct(({ headers }) => headers["webhook-signature"]), 3);
  for (const { headers, now } of to.seen) assert.equal(headers["webhook-timestamp"], String(Math.floor(now / 1000)));
});

test("an event that changes meanwhile goes out as it was", async () => {
  const event = order();
  const to = script(() => {
    event.data.amount = 99;
    return problem(503, "overloaded");
  }, taken());
  await producerTo(to, key).send(event);
  assert.equal(JSON.parse(text(to.seen[1].body)).data.amount, 12.5);
});

test("an answer that was lost after the event was taken: the next is a duplicate, and that is success", async () => {
  const cut = () => new Response(new ReadableStream({ start: (c) => c.error(new TypeError("terminated")) }), { status: 202 });
  const to = script(cut, taken(200, "duplicate"));
  assert.deepEqual(await producerTo(to, key).send(order()), { id: "order-1", source: "//shop.example/till", status: "duplicate", attempts: 2 });
});

test("pauses grow with full jitter", async () => {
  const to = script(problem(503, "overloaded"));
  await fault(producerTo(to, key, { tries: 8 }).send(order()));
  assert.deepEqual(to.slept, [50, 100, 200, 400, 800, 1600, 2000]);
  for (const [random, want] of [[0, 0], [0.999, 99.9]]) {
    const to = script(problem(503, "overloaded"), taken());
    await producerTo(to, key, { random: () => random }).send(order());
    assert.deepEqual(to.slept, [want]);
  }
});

test("Retry-After is kept to, and never slept for longer than maxWait", async () => {
  const soon = script(problem(429, "rate_limited", 1), taken());
  await producerTo(soon, key).send(order());
  assert.deepEqual(soon.slept, [1050]);
  const just = script(problem(429, "rate_limited", 2), taken());
  await producerTo(just, key).send(order());
  assert.deepEqual(just.slept, [2000]);
  const late = script(problem(503, "draining", 30), taken());
  const e = await fault(producerTo(late, key).send(order()));
  assert.deepEqual([e.code, e.retryAfter, e.retryable, e.attempts, late.slept.length], ["draining", 30, true, 1, 0]);
  const far = await fault(producerTo(script(problem(503, "draining", 999999)), key).send(order()));
  assert.equal(far.retryAfter, 3600);
  for (const odd of ["-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", ""]) {
    const e = await fault(producerTo(script(problem(503, "draining", odd)), key).send(order()));
    assert.equal(e.retryAfter, undefined, odd);
  }
});

test("401 with Retry-After is tried once more, and no more", async () => {
  const to = script(problem(401, "unauthenticated", 1), taken());
  assert.equal((await producerTo(to, key).send(order())).attempts, 2);
  const always = script(problem(401, "unauthenticated", 1));
  await fault(producerTo(always, key, { tries: 9 }).send(order()));
  assert.equal(always.seen.length, 2);
  const one = script(problem(401, "unauthenticated", 1));
  await fault(producerTo(one, key, { tries: 1 }).send(order()));
  assert.equal(one.seen.length, 1);
});

/** A fetch that never answers, and ends as its signal does, or not even then. */
const silent = (heeds) => (_, { signal }) => new Promise((_, reject) => heeds && signal.addEventListener("abort", () => reject(signal.reason)));

test("a router that is silent ends in time, whether the transport heeds the signal or not", async () => {
  for (const heeds of [true, false]) {
    const to = script(silent(heeds));
    const e = await fault(producerTo(to, key, { timeout: 20, tries: 2 }).send(order()));
    assert.deepEqual([e.code, e.retryable, e.attempts], ["timeout", true, 2]);
    for (const { signal } of to.seen) assert.equal(signal.reason.name, "TimeoutError");
  }
});

test("a credential that never comes ends in time too", async () => {
  const to = script(taken());
  const e = await fault(producerTo(to, () => new Promise(() => {}), { timeout: 20, tries: 1 }).send(order()));
  assert.deepEqual([e.code, to.seen.length], ["timeout", 0]);
});

test("a body that never ends ends in time", async () => {
  const to = script((_, { signal }) => new Response(new ReadableStream({ start: (c) => signal.addEventListener("abort", () => c.error(signal.reason)) }), { status: 202 }));
  assert.equal((await fault(producerTo(to, key, { timeout: 20, tries: 1 }).send(order()))).code, "timeout");
});

test("the timer of a try does not outlast it", async () => {
  const to = script(taken());
  const began = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  await producerTo(to, key, { timeout: 60_000 }).send(order());
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, began);
});

test("a caller gives up, before, during or between tries", async () => {
  const before = script(taken());
  assert.equal((await fault(producerTo(before, key).send(order(), { signal: AbortSignal.abort() }))).code, "aborted");
  assert.equal(before.seen.length, 0);

  const during = new AbortController();
  const to = script(silent(true));
  const e = fault(producerTo(to, key).send(order(), { signal: during.signal }));
  while (!to.seen.length) await new Promise(setImmediate);
  during.abort();
  assert.deepEqual([(await e).code, (await e).retryable, (await e).attempts], ["aborted", false, 1]);

  const between = new AbortController();
  const down = script(problem(503, "overloaded"));
  const gone = await fault(producerTo(down, key, { sleep: async () => between.abort() }).send(order(), { signal: between.signal }));
  assert.deepEqual([gone.code, down.seen.length], ["aborted", 1]);
});

test("a redirect is not followed", async () => {
  for (const status of [301, 302, 307, 308]) {
    const to = script(new Response(null, { status, headers: { location: "https://evil.example/" } }));
    const e = await fault(producerTo(to, key).send(order()));
    assert.deepEqual([e.code, e.status, e.retryable, to.seen.length], ["redirect", status, false, 1]);
  }
  const opaque = await fault(producerTo(script(() => Response.error()), key).send(order())); // what a browser shows of it
  assert.deepEqual([opaque.code, opaque.status], ["redirect", 0]);
});

test("every body is read or cancelled", async () => {
  const left = (response) => response.bodyUsed || response.body === null;
  for (const said of [taken(), problem(503, "overloaded"), problem(400, "malformed"), answer(502, "<html>"), answer(302, "moved")]) {
    const to = script(said);
    await producerTo(to, key).send(order()).catch(() => {});
    assert.ok(to.bodies.length && to.bodies.every(left), `${said.status}`);
  }
  let cancelled = false;
  const endless = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 20)), cancel: () => void (cancelled = true) });
  const e = await fault(producerTo(script(() => new Response(endless)), key, { tries: 1 }).send(order()));
  assert.deepEqual([e.code, cancelled], ["bad_answer", true]);
});

test("wait and receipt are asked for, and the wait comes on top of the time", async (t) => {
  for (const [options, want] of [
    [{}, undefined],
    [{ wait: 10 }, "wait=10"],
    [{ wait: 99 }, "wait=25"],
    [{ wait: 0.5 }, "wait=1"],
    [{ receipt: true }, "return=receipt"],
    [{ wait: 3, receipt: true }, "wait=3, return=receipt"],
  ]) {
    const to = script(taken());
    await producerTo(to, key).send(order(), options);
    assert.equal(to.seen[0].headers.prefer, want);
  }
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const to = script(silent(true));
  const end = fault(producerTo(to, key, { timeout: 5, tries: 1 }).send(order(), { wait: 0.01 }));
  while (!to.seen.length) await new Promise(setImmediate);
  t.mock.timers.tick(1004);
  assert.equal(to.seen[0].signal.aborted, false);
  t.mock.timers.tick(1);
  assert.equal((await end).code, "timeout");
});

test("a credential that is not to be had may be tried again, and its own error stands", async () => {
  const no = script(taken());
  const e = await fault(producerTo(no, bearer(async () => { throw new Error("issuer away"); })).send(order()));
  assert.deepEqual([e.code, e.retryable, e.attempts, no.seen.length, e.cause.message], ["credential_unavailable", true, 3, 0, "issuer away"]);
  const own = await fault(producerTo(no, bearer(async () => { throw new EdgeError("mine", "x", { retryable: true }); })).send(order()));
  assert.deepEqual([own.code, own.attempts], ["mine", 3]);
  const twice = script(taken());
  let turn = 0;
  assert.equal((await producerTo(twice, bearer(() => (turn++ ? "t" : ""))).send(order())).attempts, 2);
  const bad = await fault(producerTo(no, key).send(order("a.b")));
  assert.deepEqual([bad.code, bad.retryable, bad.attempts, no.seen.length], ["bad_id", false, 1, 0]);
});

test("what is no event is not sent", async () => {
  const to = script(taken());
  for (const event of [undefined, null, 1, "x", {}, { id: "1" }, { id: 1, source: "//a" }]) {
    assert.equal((await fault(producerTo(to, key).send(event))).code, "bad_event");
  }
  assert.equal(to.seen.length, 0);
});

test("an event is signed once, whatever is tried", async () => {
  const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  let times = 0;
  const signer = eventSigner({ key: privateKey });
  const signEvent = (event) => (times++, signer(event));
  const to = script(problem(503, "overloaded"), taken());
  const producer = producerTo(to, key, { signEvent });
  await producer.send(order());
  assert.equal(times, 1);
  const sent = to.seen.map(({ body }) => JSON.parse(text(body)).dssematerial);
  assert.ok(sent[0] && sent[0] === sent[1]);
  const signed = await producer.sign(order());
  await producer.send(signed);
  assert.equal(times, 2);
  assert.equal(JSON.parse(text(to.seen[2].body)).dssematerial, signed.dssematerial);
});

test("no error tells a secret, a token or an event's data", async () => {
  const token = "secret-token-in-a-header";
  const event = { ...order(), data: { pin: "1234-data" } };
  const ends = [problem(403, "forbidden"), problem(503, "overloaded"), answer(200, "x"), new TypeError("fetch failed"), new Response(null, { status: 302 })];
  for (const end of ends) {
    for (const credential of [key, bearer(token)]) {
      const e = await fault(producerTo(script(end), credential).send(event));
      const all = inspect(e, { depth: 9, showHidden: true }) + JSON.stringify(e);
      for (const secret of [token, SECRET.slice(6, 20), "1234-data", "v1,"]) assert.ok(!all.includes(secret), `${e.code}: ${secret}`);
    }
  }
});

test("a router that is silent once is not waited for again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const post = async ({ headers, signal }) => {
    asked.push(headers.prefer);
    if (asked.length > 1) return { status: 202, body: { id: "order-1", source: "//shop.example/till", status: "accepted" } };
    queueMicrotask(() => t.mock.timers.tick(15_000));
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  await new Producer({ post, credential: async () => ({}), sleep: async () => {} }).send(order(), { wait: 10, receipt: true });
  assert.deepEqual(asked, ["wait=10, return=receipt", "return=receipt"]);
});

test("another way than HTTP", async () => {
  const seen = [];
  const post = async (request) => (seen.push(request), { status: 202, body: { id: "order-1", source: "//shop.example/till", status: "accepted" } });
  const producer = new Producer({ post, credential: key });
  assert.equal((await producer.send(order())).status, "accepted");
  assert.equal(seen[0].headers["content-type"], "application/cloudevents+json");
  await assert.rejects(producer.status("//a", "1"), TypeError);
  const to = script(answer(200, { id: "1", source: "//a", state: "done", channels: {} }));
  assert.equal((await producerTo(to, key, { post }).status("//a", "1")).state, "done", "questions go by url");
  assert.equal(seen.length, 1);
  for (const status of [-1, 0, 100, 199]) {
    const odd = new Producer({ post: async () => ({ status, body: { id: "order-1", source: "//shop.example/till", status: "accepted" } }), credential: key });
    assert.equal((await fault(odd.send(order()))).status, status, "no success");
  }
  const after = new Producer({ post: async () => ({ status: 503, retryAfter: 9, body: { code: "draining" } }), credential: key });
  assert.equal((await fault(after.send(order()))).retryAfter, 9);
  const final = new Producer({ post: async () => { throw new EdgeError("protocol", "x"); }, credential: key });
  assert.deepEqual([(await fault(final.send(order()))).code, (await fault(final.send(order()))).attempts], ["protocol", 1]);
});

test("addresses that cannot be are refused at once", () => {
  for (const url of [undefined, "", "events.example", "ftp://events.example", "https://", "http://events.example", "http://127.0.0.1.events.example", "http://127.0.0.1:80@events.example"]) {
    assert.throws(() => new Producer({ url, credential: key }), TypeError, url);
  }
  for (const url of ["https://events.example/", "http://127.0.0.1:8080", "http://[::1]:8080"]) new Producer({ url, credential: key });
  new Producer({ url: "http://router", credential: key, fetch: async () => {} });
});

test("an address may have slashes at its end, and a path before it", async () => {
  const to = script(taken());
  await producerTo(to, key, { url: "https://events.example/gate//" }).send(order());
  assert.equal(to.seen[0].url, "https://events.example/gate/v1/events");
});

test("where an event is", async () => {
  const doc = { id: "a b&c'", source: "//shop.example/tïll?x=1", state: "pending", channels: { orders: { state: "pending", attempt: 0 } } };
  const to = script(problem(503, "overloaded"), answer(200, doc));
  assert.deepEqual(await producerTo(to, key).status(doc.source, doc.id, { wait: 5 }), doc);
  const [{ url, method, headers, body }, again] = to.seen;
  const target = url.slice("https://events.example".length);
  assert.deepEqual([method, body, headers["content-type"], headers.prefer], [undefined, undefined, undefined, "wait=5"]);
  assert.equal(new URL(url).pathname + new URL(url).search, target, "it goes out as it is signed");
  const asked = new URL(url).searchParams;
  assert.deepEqual([...asked], [["source", doc.source], ["id", doc.id]]);
  for (const { headers } of [to.seen[0], again]) {
    const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = headers;
    assert.equal(signature, `v1,${createHmac("sha256", Buffer.from(SECRET.slice(6), "base64")).update(`${id}.${at}.GET ${target}`).digest("base64")}`);
  }
  const none = await fault(producerTo(script(problem(404, "not_found")), key).status("//a", "1"));
  assert.deepEqual([none.code, none.status, none.retryable], ["not_found", 404, false]);
  for (const said of [{}, { ...doc, id: "x" }, { ...doc, source: "x" }, { ...doc, state: undefined }]) {
    assert.equal((await fault(producerTo(script(answer(200, said)), key).status(doc.source, doc.id))).code, "bad_answer");
  }
});
