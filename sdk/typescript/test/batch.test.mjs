import assert from "node:assert/strict";
import { test } from "node:test";
import { sendBatch } from "../dist/batch.js";
import { eventSigner } from "../dist/dsse.js";
import { EdgeError, hmac, Producer } from "../dist/index.js";
import { answer, fault, order, problem, producerTo, script, SECRET } from "./router.mjs";

const key = hmac(SECRET, "edge-1");
const source = "//shop.example/till";
const ok = (id, status = "accepted") => ({ id, source, status_code: status === "duplicate" ? 200 : 202, status });
const no = (id, status_code, code, more = {}) => ({ id, source, status_code, code, ...more });
const results = (...list) => answer(200, { results: list });
const ids = ({ body }) => JSON.parse(new TextDecoder().decode(body)).map(({ id }) => id);
const short = (end) => (end instanceof EdgeError ? [end.code, end.status, end.attempts, end.retryable] : [end.id, end.status, end.attempts]);

test("each event has an end of its own, in order", async () => {
  const to = script(results(ok("a"), no("b", 403, "forbidden", { detail: "no" }), ok("c", "duplicate"), no("d", 422, "schema", { pointer: "/data/x" })));
  const ends = await sendBatch(producerTo(to, key), ["a", "b", "c", "d"].map(order));
  assert.deepEqual(ends.map(short), [["a", "accepted", 1], ["forbidden", 403, 1, false], ["c", "duplicate", 1], ["schema", 422, 1, false]]);
  assert.deepEqual(ends[0], { id: "a", source, status: "accepted", attempts: 1 });
  assert.equal(ends[3].pointer, "/data/x");
  assert.equal(to.seen[0].headers["content-type"], "application/cloudevents-batch+json");
  assert.match(to.seen[0].headers["webhook-id"], /^[0-9a-f-]{36}$/);
});

test("those that are to come again do, without the others", async () => {
  const to = script(
    results(ok("a"), no("b", 503, "channel_full", { retry_after: 1 }), no("c", 400, "malformed"), no("d", 429, "rate_limited", { retry_after: 2 })),
    results(no("b", 503, "channel_full"), ok("d")),
    results(ok("b", "duplicate")),
  );
  const ends = await sendBatch(producerTo(to, key), ["a", "b", "c", "d"].map(order));
  assert.deepEqual(to.seen.map(ids), [["a", "b", "c", "d"], ["b", "d"], ["b"]]);
  assert.deepEqual(ends.map(short), [["a", "accepted", 1], ["b", "duplicate", 3], ["malformed", 400, 1, false], ["d", "accepted", 2]]);
  assert.deepEqual(to.slept, [2000, 100]);
});

test("what was told before stands when the rest fails", async () => {
  const to = script(results(ok("a"), no("b", 503, "overloaded")), problem(401, "unauthenticated"));
  const ends = await sendBatch(producerTo(to, key), ["a", "b"].map(order));
  assert.deepEqual(ends.map(short), [["a", "accepted", 1], ["overloaded", 503, 1, true]]);
});

test("a batch that is refused as a whole is so for each event", async () => {
  const ends = await sendBatch(producerTo(script(problem(413, "too_large")), key), ["a", "b"].map(order));
  assert.deepEqual(ends.map(short), [["too_large", 413, 1, false], ["too_large", 413, 1, false]]);
  const away = await sendBatch(producerTo(script(new TypeError("x")), key), [order("a")]);
  assert.deepEqual(away.map(short), [["unreachable", undefined, 3, true]]);
});

test("an answer that is not one for each event is none", async () => {
  for (const said of [answer(200, {}), results(ok("a")), results(ok("a"), ok("b"), ok("c")), answer(200, { results: 2 })]) {
    const ends = await sendBatch(producerTo(script(said), key), ["a", "b"].map(order));
    assert.deepEqual(ends.map(({ code }) => code), ["bad_answer", "bad_answer"]);
  }
  const crossed = await sendBatch(producerTo(script(results(ok("b"), null)), key), ["a", "b"].map(order));
  assert.deepEqual(crossed.map(({ code }) => code), ["bad_answer", "bad_answer"]);
});

test("each event of a batch is signed once", async () => {
  const { privateKey } = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const to = script(results(no("a", 503, "overloaded"), no("b", 503, "overloaded")), results(ok("a"), ok("b")));
  await sendBatch(producerTo(to, key, { signEvent: eventSigner({ key: privateKey }) }), ["a", "b"].map(order));
  const [first, again] = to.seen.map(({ body }) => new TextDecoder().decode(body));
  assert.equal(first, again);
  assert.equal(JSON.parse(first).filter(({ dssematerial }) => dssematerial).length, 2);
});

test("receipts are asked for, another way than HTTP is taken, and a caller gives up", async () => {
  const to = script(results(ok("a")));
  await sendBatch(producerTo(to, key), [order("a")], { receipt: true });
  assert.deepEqual([to.seen[0].headers.prefer, to.seen[0].url, to.seen[0].method], ["return=receipt", "https://events.example/v1/events", "POST"]);
  const seen = [];
  const post = async (request) => (seen.push(request), { status: 200, body: { results: [ok("a")] } });
  assert.deepEqual((await sendBatch(new Producer({ post, credential: key }), [order("a")])).map(short), [["a", "accepted", 1]]);
  assert.equal(seen[0].headers["content-type"], "application/cloudevents-batch+json");
  const ends = await sendBatch(producerTo(to, key), [order("a")], { signal: AbortSignal.abort() });
  assert.deepEqual([ends[0].code, to.seen.length], ["aborted", 1]);
});

test("a batch has 1 to 1000 events, and all of them are some", async () => {
  const to = script(results());
  for (const events of [[], Array.from({ length: 1001 }, (_, i) => order(`${i}`)), [order("a"), {}]]) {
    assert.equal((await fault(sendBatch(producerTo(to, key), events))).code, "bad_event");
  }
  assert.equal(to.seen.length, 0);
});
