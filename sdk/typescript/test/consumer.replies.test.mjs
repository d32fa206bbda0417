// Hold what replies are sent by, and what is remembered, against their bounds.

import assert from "node:assert/strict";
import test from "node:test";
import { Pull } from "zeromq";
import { counts } from "../dist/consumer/counts.js";
import { Memory } from "../dist/consumer/memory.js";
import { Replier } from "../dist/consumer/replier.js";
import { Replies } from "../dist/consumer/replies.js";
import { until } from "./consumer.router.mjs";

const lease = (n, reply) => ({ id: `e-${n}`, source: "/a", lease: "A".repeat(22), reply });

/** A router's desk, and the frames that came there. */
async function desk(t) {
  const socket = new Pull();
  await socket.bind("tcp://127.0.0.1:*");
  const frames = [];
  const going = (async () => {
    for await (const [text] of socket) frames.push(JSON.parse(text));
  })();
  t.after(() => {
    socket.close();
    return going;
  });
  return { at: socket.lastEndpoint, frames };
}

test("what is put at once goes at once, a goodbye alone", async (t) => {
  const { at, frames } = await desk(t);
  const replier = new Replier(at, undefined, counts());
  replier.put(lease(1), { status: "done" });
  replier.put(lease(2), { status: "done", result: "1.50" });
  replier.put(lease(2), { goodbye: true });
  replier.put(lease(3), { status: "progress" });
  await replier.close();
  await until(() => frames.length === 3);
  const names = frames.map((frame) => (Array.isArray(frame) ? frame.map(({ id }) => id) : frame));
  assert.deepEqual(names, [["e-1", "e-2"], { id: "e-2", source: "/a", lease: "A".repeat(22), goodbye: true }, { id: "e-3", source: "/a", lease: "A".repeat(22), status: "progress" }]);
  assert.equal(frames[0][1].result, 1.5);
});

test("a frame has 1,000 replies at most, and few results", async (t) => {
  const { at, frames } = await desk(t);
  const replier = new Replier(at, undefined, counts());
  for (let n = 0; n < 2500; n++) replier.put({ id: "e", source: "/", lease: "L" }, { status: "done" });
  for (let n = 0; n < 4; n++) replier.put(lease(n), { status: "done", result: JSON.stringify("x".repeat(40_000)) });
  await replier.close();
  await until(() => frames.flat().length === 2504);
  assert.deepEqual(frames.map((frame) => [frame].flat().length), [1000, 1000, 501, 2, 1]);
});

test("a router that is away has so many replies wait, then they are counted", async () => {
  const done = counts();
  const replier = new Replier("tcp://127.0.0.1:1", undefined, done);
  for (let n = 0; n < 5000; n++) replier.put(lease(n), { status: "progress" });
  for (let n = 0; n < 8192 - 4097; n++) replier.put(lease(n), { status: "done" });
  assert.equal(done.unsent, 0, "progress leaves half of the room");
  replier.put(lease(0), { status: "done" });
  assert.equal(done.unsent, 1);
  await replier.close();
  assert.equal(done.unsent, 1 + 8192);
});

test("eight addresses stay connected, those used last", async (t) => {
  const { at, frames } = await desk(t);
  const replies = new Replies(undefined, counts());
  const first = replies.to(at);
  for (let n = 1; n <= 7; n++) replies.to(`tcp://127.0.0.1:${n}`);
  assert.equal(replies.to(at), first);
  replies.to("tcp://127.0.0.1:8");
  assert.equal(replies.to(at), first);
  for (let n = 11; n <= 18; n++) replies.to(`tcp://127.0.0.1:${n}`);
  assert.notEqual(replies.to(at), first);
  replies.send(lease(1, at), { status: "done" });
  await until(() => frames.length === 1);
  for (const bad of ["", "tcp://", "udp://127.0.0.1:1", "inproc://a", "tcp://127.0.0.1:x"]) assert.throws(() => replies.to(bad), Error, bad);
  await replies.close();
});

test("an address that cannot be connected to costs no socket", async () => {
  const replies = new Replies(undefined, counts());
  for (let n = 0; n < 1100; n++) { // libzmq has 1023
    assert.throws(() => replies.to("udp://127.0.0.1:1"), /neither/);
    assert.throws(() => replies.to("tcp://127.0.0.1:x"), /Invalid argument/);
  }
  replies.to("tcp://127.0.0.1:1");
  await replies.close();
});

test("memory forgets the oldest, and the oldest results first", () => {
  const memory = new Memory(100);
  const result = "x".repeat(4 << 20);
  for (let n = 0; n < 6; n++) memory.remember(`e-${n}`, n === 1 ? undefined : result);
  assert.deepEqual(Array.from({ length: 6 }, (_, n) => [memory.has(`e-${n}`), memory.result(`e-${n}`) !== undefined]), [
    [true, false], [true, false], [true, true], [true, true], [true, true], [true, true],
  ]);
  for (let n = 6; n < 103; n++) memory.remember(`e-${n}`, undefined);
  assert.deepEqual([memory.has("e-2"), memory.has("e-3")], [false, true]);
  memory.remember("last", result);
  assert.ok(memory.result("e-4") && memory.result("last"), "what is forgotten makes room");
});
