// Hold what connects against a libzmq that gives addresses up.

import assert from "node:assert/strict";
import test from "node:test";
import { curveKeyPair, Pull, Push, Reply } from "zeromq";
import { Consumer, Subscriber } from "../dist/consumer.js";
import { connect } from "../dist/consumer/connect.js";
import { framesOf, id, jwks, key, Router, running, until } from "./consumer.router.mjs";

const keys = jwks(key);

/** Answers who asks to connect (ZeroMQ RFC 27) in this order, and the last one from then on; gives how many asked. */
async function authority(t, ...answers) {
  const asked = { count: 0 };
  const socket = new Reply({ linger: 0 });
  await socket.bind("inproc://zeromq.zap.01");
  const going = (async () => {
    for await (const [version, request] of socket) {
      asked.count++;
      const admitted = answers.length > 1 ? answers.shift() : answers[0];
      await socket.send([version, request, admitted ? "200" : "400", "", "", ""]);
    }
  })();
  t.after(() => {
    socket.close();
    return going;
  });
  return asked;
}

test("a router that learns of a key later gets its consumer, and its replies", async (t) => {
  const asked = await authority(t, false, false, true, false, true); // the channel thrice, then the desk
  const server = curveKeyPair();
  const own = curveKeyPair();
  const router = await Router.open(t, { curve: { curveServer: true, curvePublicKey: server.publicKey, curveSecretKey: server.secretKey, zapDomain: "test" } });
  const notes = [];
  const curve = { server: server.publicKey, secret: own.secretKey, public: own.publicKey };
  running(t, new Consumer({ connect: router.at, channel: "commands", keys, curve, log: (note) => notes.push(note) }), () => {});
  await router.deliver(1);
  assert.equal((await router.next()).id, id(1));
  assert.equal(asked.count, 5);
  assert.deepEqual(notes, [{ level: "warn", text: `${router.at}: the router does not know this side's CURVE key` }], "it is told once");
});

test("a connection that libzmq ends for good is made again", async (t) => {
  const push = new Push({ linger: 0 });
  await push.bind("tcp://127.0.0.1:*");
  const pull = new Pull({ linger: 0, maxMessageSize: 1000 });
  t.after(() => {
    push.close();
    pull.close();
  });
  connect(pull, push.lastEndpoint);
  await push.send("x".repeat(1001));
  const next = pull.receive();
  await until(() => !push.writable);
  await push.send("next"); // waits for somebody who takes it
  assert.equal(String(await next), "next");
});

test("a subscriber of several routers works on one delivery at a time", async (t) => {
  const routers = [await Router.open(t, { pub: true }), await Router.open(t, { pub: true })];
  const seen = new Set();
  let working = 0;
  running(t, new Subscriber({ connect: routers.map(({ at }) => at), channel: "telemetry", keys }), async ({ id }) => {
    assert.equal(++working, 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    working--;
    seen.add(id);
  });
  for (let n = 1; seen.size < 2; n = 3 - n) { // who subscribes late has missed some
    await routers[n - 1].channel.send(framesOf(n, { channel: "telemetry" }));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.deepEqual([...seen].sort(), [id(1), id(2)]);
});
