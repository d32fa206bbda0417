// Hold Consumer against a router of libzmq's sockets.

import assert from "node:assert/strict";
import test from "node:test";
import { curveKeyPair, Push } from "zeromq";
import { Consumer, Failed, Keys, Retry } from "../dist/consumer.js";
import { eventOf, framesOf, id, jwks, key, otherKey, Router, running, SOURCE, TYPE, until } from "./consumer.router.mjs";

const keys = jwks(key);
const o = (router, rest = {}) => ({ connect: router.at, channel: "commands", keys, ...rest });

test("an event is worked on, and acknowledged", async (t) => {
  const router = await Router.open(t);
  const seen = [];
  const consumer = new Consumer(o(router));
  const stop = running(t, consumer, (event, { header, frames, signal }) => {
    seen.push([event, header.attempt, frames.length, signal.aborted]);
    return { total: 12.5 };
  });
  const lease = await router.deliver(1);
  assert.deepEqual(await router.next(), { id: id(1), source: SOURCE, lease, status: "done", result: { total: 12.5 } });
  assert.deepEqual(seen, [[eventOf(1), 1, 5, false]]);
  await stop();
  assert.deepEqual(await router.next(), { id: id(1), source: SOURCE, lease, goodbye: true });
  const { opened, done, unsent } = consumer.counts;
  assert.deepEqual({ opened, done, unsent }, { opened: 1, done: 1, unsent: 0 });
});

test("nothing is acknowledged before its work has returned", async (t) => {
  const router = await Router.open(t);
  let finish;
  running(t, new Consumer(o(router, { progressEvery: 5 })), () => new Promise((resolve) => (finish = resolve)));
  await router.deliver(1);
  for (let n = 0; n < 3; n++) assert.equal((await router.next({ progress: true })).id, id(1));
  assert.deepEqual(router.replies.filter((one) => one.status !== "progress"), []);
  finish();
  assert.equal((await router.next()).status, "done");
});

test("what work throws is the reply", async (t) => {
  const router = await Router.open(t);
  const notes = [];
  const consumer = new Consumer(o(router, { log: (note) => { notes.push(note); throw note; } }));
  const said = [
    () => { throw new Retry("later", 7); },
    () => { throw new Retry("whenever"); },
    () => { throw new Retry("in a year", 365 * 86_400); },
    () => { throw new Failed("no such order"); },
    () => { throw new TypeError("a bug\n  at line 2"); },
    () => Promise.reject("a text"),
    () => { throw undefined; },
    () => { throw { toString: () => { throw new Error("worse"); } }; },
    () => { throw new Error("é".repeat(600) + "\ud83d"); },
  ];
  running(t, consumer, ({ data }) => said[data.n]());
  const want = [
    { status: "retry", retry_after: 7, reason: "later" },
    { status: "retry", reason: "whenever" },
    { status: "retry", retry_after: 86_400, reason: "in a year" },
    { status: "failed", reason: "no such order" },
    { status: "retry", reason: "a bug\n  at line 2" },
    { status: "retry", reason: "a text" },
    { status: "retry", reason: "undefined" },
    { status: "retry", reason: "something was thrown that has no text" },
    { status: "retry", reason: "é".repeat(512) },
  ];
  for (let n = 0; n < said.length; n++) {
    const lease = await router.deliver(n);
    assert.deepEqual(await router.next(), { id: id(n), source: SOURCE, lease, ...want[n] });
  }
  const { retried, failed, thrown } = consumer.counts;
  assert.deepEqual({ retried, failed, thrown }, { retried: 8, failed: 1, thrown: 5 });
  assert.equal(notes.filter(({ level }) => level === "error").length, 5);
});

test("work stays done, whatever becomes of the result", async (t) => {
  const router = await Router.open(t);
  const circle = {};
  circle.circle = circle;
  const results = [undefined, null, 0, "x".repeat(65_534), "x".repeat(65_535), circle, 1n, () => {}];
  running(t, new Consumer(o(router)), ({ data }) => results[data.n]);
  const replies = [];
  for (let n = 0; n < results.length; n++) {
    await router.deliver(n);
    const { status, result, reason } = await router.next();
    assert.equal(status, "done");
    replies.push(reason === undefined ? result : reason.replace(/:[^]*/, ""));
  }
  assert.deepEqual(replies, [undefined, null, 0, results[3], ...Array(4).fill("result dropped")]);
});

test("an event that was done is acknowledged again, with its result", async (t) => {
  const router = await Router.open(t);
  let works = 0;
  const consumer = new Consumer(o(router, { remember: 2 }));
  running(t, consumer, () => ++works);
  const first = await router.deliver(1);
  assert.equal((await router.next()).lease, first);
  const again = await router.deliver(1, { attempt: 2 });
  assert.deepEqual(await router.next(), { id: id(1), source: SOURCE, lease: again, status: "done", result: 1 });
  assert.equal(works, 1);
  assert.equal(consumer.counts.repeated, 1);
  for (const n of [2, 3, 1]) {
    await router.deliver(n);
    await router.next();
  }
  assert.equal(works, 4, "two are remembered, and no more");
});

test("(source, id) tells events apart", async (t) => {
  const router = await Router.open(t);
  const seen = [];
  running(t, new Consumer(o(router)), ({ source, id }) => void seen.push(source + id));
  for (const source of ["/a", "/b", "/a"]) {
    await router.deliver(1, { event: eventOf(1, { source }) });
    await router.next();
  }
  assert.deepEqual(seen, ["/aorder-1", "/border-1"]);
});

test("an event is never worked on twice at once; every lease is answered", async (t) => {
  const router = await Router.open(t);
  const finish = [];
  const consumer = new Consumer(o(router, { parallel: 2 }));
  running(t, consumer, ({ id }, { header }) => new Promise((resolve) => finish.push(() => resolve([id, header.attempt]))));
  const leases = [await router.deliver(1), await router.deliver(1, { attempt: 2 }), await router.deliver(2)];
  await until(() => finish.length === 2);
  await router.deliver(3);
  const late = await router.deliver(3, { attempt: 5 });
  await until(() => consumer.counts.repeated === 2);
  assert.equal(finish.length, 2, "no more than two work");
  finish.splice(0).forEach((one) => one());
  const replies = [await router.next(), await router.next(), await router.next()];
  assert.deepEqual(new Set(replies.map(({ lease }) => lease)), new Set(leases));
  await until(() => finish.length === 1);
  finish[0]();
  assert.deepEqual((await router.next()).result, [id(3), 5], "the work sees the last that came before it began");
  assert.equal((await router.next()).lease, late);
});

test("the same lease twice is answered once", async (t) => {
  const router = await Router.open(t);
  let finish;
  const consumer = new Consumer(o(router));
  const stop = running(t, consumer, () => new Promise((resolve) => (finish = resolve)));
  const frames = framesOf(1, { lease: "A".repeat(22), reply: router.reply });
  await router.channel.send(frames);
  await router.channel.send(frames);
  await until(() => consumer.counts.repeated === 1);
  finish();
  await stop();
  assert.equal((await router.next()).status, "done");
  assert.equal((await router.next()).goodbye, true);
  assert.deepEqual(router.replies, []);
});

test("what is refused is neither worked on nor answered", async (t) => {
  const router = await Router.open(t);
  const notes = [];
  const consumer = new Consumer(o(router, { log: ({ level, text }) => level === "info" || notes.push(text) }));
  running(t, consumer, () => {});
  const spoil = (at) => (frames) => (frames[at][0] ^= 1);
  await router.deliver(1, { spoil: spoil(2) });
  await router.deliver(1, { spoil: spoil(4) });
  await router.deliver(1, { spoil: (frames) => frames.pop() });
  await router.deliver(1, { by: otherKey });
  await router.deliver(1, { by: { ...otherKey, kid: key.kid } });
  await router.deliver(1, { channel: "others" });
  await router.deliver(1, { event: eventOf(1, { type: "" }), spoil: undefined, id: "another" });
  await router.deliver(1, { exp: Math.floor(Date.now() / 1000) - 1 });
  await router.deliver(1, { lease: undefined });
  await router.deliver(1, { reply: undefined });
  await router.deliver(1, { reply: "tcp://" });
  await router.deliver(1, { reply: "inproc://here" });
  await router.deliver(2);
  assert.equal((await router.next()).id, id(2));
  assert.deepEqual(consumer.counts.refused, { root: 2, block: 1, frames: 1, kid: 1, channel: 1, identity: 1, expired: 1, reply: 4 });
  assert.deepEqual(notes.sort(), ["block", "channel", "expired", "frames", "identity", "kid", "reply", "root"].map((check) => `refused: ${check}`));
  assert.deepEqual(router.replies, []);
});

test("a fault of the checks opens nothing, and ends nothing", async (t) => {
  const router = await Router.open(t);
  const consumer = new Consumer(o(router, { keys: Object.create(Keys.prototype) })); // whose methods throw
  running(t, consumer, () => assert.fail());
  for (let n = 1; n <= 3; n++) await router.deliver(n);
  await until(() => consumer.counts.refused.other === 3);
});

test("in batches", async (t) => {
  const router = await Router.open(t);
  const sizes = [];
  let go;
  const gone = new Promise((resolve) => (go = resolve));
  const consumer = new Consumer(o(router));
  const work = async (batch, { signal }) => {
    assert.equal(signal.aborted, false);
    sizes.push(batch.length);
    await gone;
    return batch.map(({ event: { data: { n } }, header, frames }) => {
      if (n === 3) return new Retry("not now", 9);
      if (n === 4) return new Failed("never");
      if (n === 5) return new Error("a bug");
      return frames.length === 5 ? header.seq : undefined;
    });
  };
  running(t, consumer, work, { batch: 10 });
  await router.deliver(0);
  await until(() => sizes.length === 1);
  for (let n = 1; n < 25; n++) await router.deliver(n);
  await until(() => consumer.counts.opened === 25);
  go();
  const replies = [];
  while (replies.length < 25) replies.push(await router.next());
  assert.deepEqual(sizes, [1, 10, 10, 4]);
  let sum = 0;
  for (const frame of router.frames) assert.ok([1, 11, 21, 25].includes((sum += frame)), "the replies to a batch travel together");
  for (const [n, { id: name, status, result, reason, retry_after }] of replies.entries()) {
    const want = { 3: ["retry", undefined, "not now", 9], 4: ["failed", undefined, "never", undefined], 5: ["retry", undefined, "a bug", undefined] }[n];
    assert.deepEqual([name, status, result, reason, retry_after], [id(n), ...(want ?? ["done", n, undefined, undefined])]);
  }
});

test("a batch ends as a whole, too", async (t) => {
  const router = await Router.open(t);
  const consumer = new Consumer(o(router));
  const work = [
    () => {},
    () => { throw new Error("lost the database"); },
    () => { throw new Failed("all of it"); },
    () => [],
    () => [1, 2],
    () => "1",
    () => null,
  ];
  running(t, consumer, ([one]) => work[one.event.data.n](), { batch: 3 });
  const no = "work has returned no list of 1 ends";
  for (const [n, [status, reason]] of [["done"], ["retry", "lost the database"], ["failed", "all of it"], ...Array(4).fill(["retry", no])].entries()) {
    await router.deliver(n);
    const reply = await router.next();
    assert.deepEqual([reply.status, reply.reason], [status, reason]);
  }
});

test("what expires while it waits is given back", async (t) => {
  const router = await Router.open(t);
  const seen = [];
  const finish = [];
  running(t, new Consumer(o(router)), ({ data }) => new Promise((resolve) => seen.push(data.n) && finish.push(resolve)));
  await router.deliver(1);
  await until(() => finish.length === 1);
  const exp = Math.floor(Date.now() / 1000) + 1;
  await router.deliver(2, { exp });
  await until(() => Date.now() / 1000 >= exp + 1);
  finish[0]();
  const { reason, status } = (await router.next(), await router.next());
  assert.deepEqual([status, reason], ["retry", "expired while it waited"]);
  assert.deepEqual(seen, [1]);
});

test("at the end work may finish, and what waits is given back", async (t) => {
  const router = await Router.open(t);
  const begun = [];
  const consumer = new Consumer(o(router));
  let finish;
  const stop = running(t, consumer, ({ data }) => new Promise((resolve) => (begun.push(data.n), (finish = resolve))));
  await router.deliver(1);
  const last = await router.deliver(2);
  await until(() => consumer.counts.opened === 2);
  const ended = stop();
  finish();
  await ended;
  assert.deepEqual(begun, [1]);
  assert.deepEqual([(await router.next()).id, await router.next()], [id(1), { id: id(2), source: SOURCE, lease: last, goodbye: true }]);
  assert.deepEqual(router.frames, [1, 1], "a goodbye is alone in its frame");
});

test("work that outlasts the grace is told, and given back", async (t) => {
  const router = await Router.open(t);
  const consumer = new Consumer(o(router, { grace: 10 }));
  const stop = running(t, consumer, (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  await router.deliver(1);
  await until(() => consumer.counts.opened === 1);
  await stop();
  assert.equal((await router.next()).goodbye, true);
  assert.deepEqual([consumer.counts.done, consumer.counts.retried], [0, 0]);
});

test("the end from within work begins nothing more", async (t) => {
  const router = await Router.open(t);
  const end = new AbortController();
  const seen = [];
  const consumer = new Consumer(o(router));
  const ended = consumer.run(({ data }) => {
    seen.push(data.n);
    if (seen.length === 3) end.abort();
  }, { signal: end.signal });
  for (let n = 1; n < 10; n++) await router.deliver(n);
  await ended;
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(consumer.counts.done, 3);
  await consumer.run(() => {}, { signal: end.signal });
});

test("several routers, each with its own replies and goodbye", async (t) => {
  const routers = [await Router.open(t), await Router.open(t)];
  const consumer = new Consumer({ ...o(routers[0]), connect: routers.map(({ at }) => at) });
  const stop = running(t, consumer, () => {});
  for (const [n, router] of routers.entries()) {
    await router.deliver(n);
    assert.equal((await router.next()).id, id(n));
  }
  await stop();
  for (const router of routers) assert.equal((await router.next()).goodbye, true);
});

test("a router that restarts is found again, and is told what was done", async (t) => {
  const first = await Router.open(t);
  const { at, reply } = first;
  const consumer = new Consumer(o(first));
  let works = 0;
  running(t, consumer, () => void works++);
  await first.deliver(1);
  await first.next();
  await first.stop();
  const second = new Router(t);
  await second.channel.bind(at);
  const lease = await second.deliver(1, { attempt: 2, reply });
  await until(() => consumer.counts.repeated === 1);
  await second.desk.bind(reply);
  const [text] = await second.desk.receive();
  assert.equal(JSON.parse(text).lease, lease, "it has waited for the desk");
  assert.equal(works, 1);
});

test("replies to a router that is gone are counted", async (t) => {
  const router = await Router.open(t);
  const consumer = new Consumer(o(router));
  const gone = new Push();
  await gone.bind("tcp://127.0.0.1:*");
  const reply = gone.lastEndpoint;
  gone.unbind(reply);
  gone.close();
  const stop = running(t, consumer, () => {});
  await router.deliver(1, { reply });
  await until(() => consumer.counts.done === 1);
  await stop();
  assert.equal(consumer.counts.unsent, 2, "the reply and the goodbye");
});

test("2,000 events, 16 at once", async (t) => {
  const router = await Router.open(t);
  let most = 0;
  let now = 0;
  const consumer = new Consumer(o(router, { parallel: 16 }));
  running(t, consumer, async () => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
  });
  for (let n = 0; n < 2000; n++) await router.deliver(n);
  const ids = new Set();
  while (ids.size < 2000) {
    const reply = await router.next();
    assert.equal(reply.status, "done");
    ids.add(reply.id);
  }
  assert.equal(most, 16);
  assert.ok(router.frames.length < 2000, "replies go together");
});

test("under CURVE, both ways", async (t) => {
  const server = curveKeyPair();
  const own = curveKeyPair();
  const router = await Router.open(t, { curve: { curveServer: true, curvePublicKey: server.publicKey, curveSecretKey: server.secretKey } });
  const curve = { server: server.publicKey, secret: own.secretKey, public: own.publicKey };
  running(t, new Consumer(o(router, { curve })), () => {});
  await router.deliver(1);
  assert.equal((await router.next()).id, id(1));
});

test("an event over maxEvent is refused, and the next goes on", async (t) => {
  const router = await Router.open(t);
  const consumer = new Consumer(o(router, { maxEvent: 1000 }));
  running(t, consumer, () => {});
  for (const [n, size] of [[1, 1000], [2, 1001], [3, 1000]]) {
    const event = eventOf(n, { data: "" });
    const data = "x".repeat(size - JSON.stringify(event).length);
    await router.deliver(n, { event: { ...event, data } });
  }
  assert.deepEqual([(await router.next()).id, (await router.next()).id], [id(1), id(3)]);
  assert.deepEqual(consumer.counts.refused, { size: 1 });
});

test("options", async (t) => {
  const router = await Router.open(t);
  const good = o(router);
  for (const bad of [
    { connect: undefined }, { connect: [] }, { connect: "127.0.0.1:5555" }, { connect: "http://127.0.0.1:1" }, { channel: "" }, { keys: undefined }, { keys: {} },
    { producers: {} }, { parallel: 0 }, { parallel: 1.5 }, { remember: -1 }, { progressEvery: 0 }, { grace: NaN }, { maxEvent: -1 },
    { keys: new URL("http://router.example/jwks.json") }, { keys: new URL("http://localhost/jwks.json") }, { keys: new URL("file:///keys.json") },
  ]) {
    assert.throws(() => new Consumer({ ...good, ...bad }), Error, JSON.stringify(bad));
  }
  for (const keys of [new URL("https://router.example/jwks.json"), new URL("http://127.0.0.1:1/"), new URL("http://[::1]/")]) new Consumer({ ...good, keys });
  const consumer = new Consumer(good);
  running(t, consumer, () => {});
  await assert.rejects(consumer.run(() => {}), /run is running/);
  for (const batch of [0, 1.5, "2"]) await assert.rejects(new Consumer(good).run(() => {}, { batch }), TypeError);
  await assert.rejects(new Consumer({ ...good, keys: "/nowhere/keys.json" }).run(() => {}), /nowhere.*headgate key export/);
});
