// Hold Subscriber against a PUB of libzmq's.

import assert from "node:assert/strict";
import test from "node:test";
import { Subscriber } from "../dist/consumer.js";
import { eventOf, framesOf, jwks, key, otherKey, Router, running, until } from "./consumer.router.mjs";

const telemetry = (n, rest = {}) => framesOf(n, { channel: "telemetry", ...rest });

/** Publishes event 0 until the subscriber has come. */
async function joined(router, seen) {
  while (seen.length === 0) {
    await router.channel.send(telemetry(0));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("every delivery that opens, one at a time", async (t) => {
  const router = await Router.open(t, { pub: true });
  const seen = [];
  const notes = [];
  let busy = 0;
  const subscriber = new Subscriber({ connect: router.at, channel: "telemetry", keys: jwks(key), log: ({ level, text }) => notes.push([level, text]) });
  const stop = running(t, subscriber, async (event, { header, frames }) => {
    assert.equal(++busy, 1);
    assert.deepEqual([header.channel, frames.length], ["telemetry", 5]);
    await new Promise(setImmediate);
    seen.push(event.data.n);
    busy--;
    if (event.data.n === 2) throw new Error("costs this one");
  });
  await joined(router, seen);
  for (const frames of [telemetry(1), telemetry(2), framesOf(3), telemetry(4, { by: otherKey }), telemetry(5)]) await router.channel.send(frames);
  await until(() => seen.includes(5));
  await stop();
  assert.deepEqual(seen.filter((n) => n > 0), [1, 2, 5]);
  assert.deepEqual(subscriber.counts.refused, { channel: 1, kid: 1 });
  assert.equal(subscriber.counts.thrown, 1);
  assert.deepEqual(notes.filter(([level]) => level === "error"), [["error", "subscriber threw: costs this one"]]);
  await assert.rejects(new Subscriber({ connect: router.at, channel: "telemetry", keys: "/nowhere" }).run(() => {}), /nowhere/);
});

test("topics are beginnings of types", async (t) => {
  const router = await Router.open(t, { pub: true });
  const seen = [];
  const topics = ["com.example.order.", "com.example.till"];
  running(t, new Subscriber({ connect: [router.at], channel: "telemetry", keys: jwks(key), topics }), ({ type }) => void seen.push(type));
  await joined(router, seen);
  const types = ["com.example.customer", "com.example.order.paid", "com.example.tills", "com.example.order.end"];
  for (const [n, type] of types.entries()) await router.channel.send(telemetry(n, { event: eventOf(n, { type }) }));
  await until(() => seen.at(-1) === "com.example.order.end");
  assert.deepEqual(seen.slice(-3), types.slice(1));
});

test("options", () => {
  const good = { connect: "tcp://127.0.0.1:1", channel: "telemetry", keys: jwks(key) };
  for (const bad of [{ connect: [] }, { channel: "" }, { keys: undefined }, { producers: {} }, { maxEvent: 0 }]) {
    assert.throws(() => new Subscriber({ ...good, ...bad }), Error, JSON.stringify(bad));
  }
});
