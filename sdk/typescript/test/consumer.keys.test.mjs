// Follow keys through what becomes of them: files, key servers, producers.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import test from "node:test";
import { counts } from "../dist/consumer/counts.js";
import { Followed } from "../dist/consumer/followed.js";
import { Gate } from "../dist/consumer/gate.js";
import { canonical, CORE, digest } from "../dist/consumer/sealed.js";
import { Consumer, Refused } from "../dist/consumer.js";
import { eventOf, folder, framesOf, id, jwks, key, otherKey, put, Router, running } from "./consumer.router.mjs";

function number(bytes) {
  const text = String(bytes);
  assert.match(text, /^\d+$/);
  return Number(text);
}

test("a file, and its changes", (t) => {
  const at = folder(t);
  let time = 100_000;
  t.mock.method(performance, "now", () => time);
  const told = [];
  const path = join(at, "keys");

  // Puts a version in place as Kubernetes does: files are links through ..data.
  function swap(version, text) {
    mkdirSync(join(at, version));
    writeFileSync(join(at, version, "keys"), text);
    symlinkSync(version, join(at, "..next"));
    renameSync(join(at, "..next"), join(at, "..data"));
  }
  function after(ms, value, changed, lines) {
    time += ms;
    assert.equal(file.look((line) => told.push(line)), changed);
    assert.equal(file.value, value);
    assert.equal(told.length, lines);
  }

  swap("..v1", "1");
  symlinkSync("..data/keys", path);
  const file = new Followed({ path, made: "make keys", most: 8, parse: number });
  file.begin();
  after(5000, 1, false, 0);
  swap("..v2", "2");
  after(900, 1, false, 0);
  after(100, 2, true, 0);
  writeFileSync(path, "3"); // in place, with as many bytes
  after(1000, 3, true, 0);
  writeFileSync(path, "x");
  after(1000, 3, false, 1);
  after(1000, 3, false, 1);
  unlinkSync(path);
  after(1000, 3, false, 2);
  after(1000, 3, false, 2);
  writeFileSync(path, "3"); // as it was
  after(1000, 3, false, 2);
  unlinkSync(path);
  after(1000, 3, false, 3);
  writeFileSync(path, "123456789");
  after(1000, 3, false, 4);
  writeFileSync(path, "12345678");
  after(1000, 12345678, true, 4);
  assert.match(told[0], /keys changes nothing: /);
});

test("a start without keys", () => {
  const start = (path) => new Followed({ path, made: "make keys", most: 8, parse: number }).begin();
  assert.throws(() => start("/nowhere/keys"), /nowhere.*ENOENT.*`make keys` writes it/);
  assert.throws(() => start("/dev/null"), /make keys/);
  assert.throws(() => start("/dev/zero"), /over 0 KiB/);
});

const trust = (rest) => ({ connect: "tcp://127.0.0.1:1", channel: "commands", ...rest });

/** What becomes of a delivery at a gate: "ok", or the check that it fails. */
function outcome(gate, frames) {
  try {
    gate.open(frames);
    return "ok";
  } catch (refused) {
    assert.ok(refused instanceof Refused);
    return refused.check;
  }
}

test("a consumer follows its file; what came before its key waits", async (t) => {
  const router = await Router.open(t);
  const path = join(folder(t), "keys.json");
  put(path, jwks(key));
  const notes = [];
  const consumer = new Consumer({ connect: router.at, channel: "commands", keys: path, log: ({ level, text }) => level === "warn" && notes.push(text) });
  running(t, consumer, () => {});
  await router.deliver(1);
  assert.equal((await router.next()).id, id(1));
  await router.deliver(2, { by: otherKey });
  await router.deliver(3);
  assert.equal((await router.next()).id, id(3));
  put(path, jwks(otherKey));
  assert.equal((await router.next()).id, id(2), "with no delivery that asks for a look");
  await router.deliver(4);
  await router.deliver(5, { by: otherKey });
  assert.equal((await router.next()).id, id(5));
  assert.deepEqual(consumer.counts.refused, { kid: 2 });
  assert.deepEqual(notes.filter((text) => text !== "refused: kid"), []);
});

/** A key server under the test's hand, without a network. */
function server(answers) {
  const asked = [];
  const ask = async (url, { redirect, signal, headers }) => {
    assert.deepEqual([String(url), redirect, typeof headers.accept], ["https://router.example/jwks.json", "manual", "string"]);
    asked.push(signal);
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    return typeof answer === "function" ? answer(signal) : Response.json(answer);
  };
  return { asked, ask };
}

const keysURL = new URL("https://router.example/jwks.json");

test("an unknown key has keys fetched, at most every 30 s", async (t) => {
  let time = 100_000;
  t.mock.method(performance, "now", () => time);
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const settle = () => new Promise(setImmediate);
  const pass = async (ms) => {
    time += ms;
    t.mock.timers.tick(ms);
    await settle();
  };
  const { asked, ask } = server([jwks(key), jwks(key, otherKey), () => Response.json({}, { status: 503 }), { keys: [] }, jwks(otherKey)]);
  const notes = [];
  const gate = new Gate(trust({ keys: keysURL, fetch: ask, log: ({ level, text }) => level === "warn" && notes.push(text) }), counts());
  const end = new AbortController();
  await gate.begin(end.signal);
  let changes = 0;
  const ended = gate.run(end.signal, () => changes++);
  assert.equal(outcome(gate, framesOf(1)), "ok");
  assert.equal(outcome(gate, framesOf(1, { by: otherKey })), "kid");
  for (let n = 0; n < 100; n++) gate.want();
  await pass(0);
  assert.deepEqual([asked.length, changes], [2, 1], "the first time at once");
  assert.equal(outcome(gate, framesOf(1, { by: otherKey })), "ok");
  for (let n = 0; n < 100; n++) gate.want();
  await pass(29_999);
  assert.equal(asked.length, 2);
  await pass(1);
  assert.deepEqual([asked.length, changes], [3, 2]);
  gate.want();
  await pass(30_000);
  assert.equal(asked.length, 4);
  for (const frames of [framesOf(1), framesOf(1, { by: otherKey })]) assert.equal(outcome(gate, frames), "ok", "the known keys stay");
  assert.match(notes[0], /^the known keys stay: router keys from https:\/\/router.example\/jwks.json: it answered 503$/);
  assert.match(notes[1], /no Ed25519 key/);
  gate.want();
  await pass(30_000);
  assert.equal(outcome(gate, framesOf(1)), "kid", "a key that is gone opens nothing");
  gate.want();
  end.abort();
  await ended;
  await pass(60_000);
  assert.equal(asked.length, 5, "nothing is asked after the end");
});

test("a key server that is asked at the start has to answer, well", async (t) => {
  const long = () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(64 << 10)) }));
  const hung = (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  for (const [answer, want] of [
    [() => Promise.reject(new TypeError("fetch failed")), /fetch failed/],
    [() => Response.redirect("https://evil.example/", 302), /it answered 302/],
    [() => new Response("no", { status: 404 }), /it answered 404/],
    [() => new Response("{"), /JSON/],
    [long, /over 256 KiB/],
  ]) {
    await assert.rejects(new Consumer(trust({ keys: keysURL, fetch: server([answer]).ask })).run(() => {}), want);
  }
  const end = new AbortController();
  const ended = new Consumer(trust({ keys: keysURL, fetch: server([hung]).ask })).run(() => {}, { signal: end.signal });
  end.abort();
  await ended;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const late = new Consumer(trust({ keys: keysURL, fetch: server([hung]).ask })).run(() => {});
  t.mock.timers.tick(5000);
  await assert.rejects(late, /did not answer within 5 s/);
  const secret = new URL("https://user:hunter2@router.example/jwks.json");
  const refusing = () => Promise.reject(new Error("away"));
  await assert.rejects(new Consumer(trust({ keys: secret, fetch: refusing })).run(() => {}), (fault) => !fault.message.includes("hunter2"));
});

test("keys over http, on loopback", async (t) => {
  const router = await Router.open(t);
  const web = createServer((_, answer) => answer.end(JSON.stringify(jwks(key)))).listen(0, "127.0.0.1");
  await once(web, "listening");
  t.after(() => web.close());
  const keys = new URL(`http://127.0.0.1:${web.address().port}/.well-known/jwks.json`);
  running(t, new Consumer({ connect: router.at, channel: "commands", keys }), () => {});
  await router.deliver(1);
  assert.equal((await router.next()).id, id(1));
});

const till = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const ring = (pattern, ...pairs) => ({
  [pattern]: { keys: pairs.map(({ publicKey }, n) => ({ ...publicKey.export({ format: "jwk" }), kid: `till-${n}` })) },
});

/** Signs an event as its producer does, with these of its extensions. */
function produced(event, { privateKey }, ...names) {
  const b64 = (bytes) => Buffer.from(bytes).toString("base64");
  const core = digest([...CORE.map((name) => event[name]), JSON.stringify(event.data)]);
  const ext = names.length ? { ext: b64(digest(names.map((name) => canonical(event[name])))), signedextattrs: names } : {};
  const payload = Buffer.from(JSON.stringify({ core: b64(core), ...ext }));
  const payloadType = "https://cloudevents.io/verifiability/dsse/v0.1";
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
  const envelope = { payload: b64(payload), payloadType, signatures: [{ keyid: "till-0", sig: b64(sign(null, pae, privateKey)) }] };
  return { ...event, dssematerial: b64(JSON.stringify(envelope)) };
}

test("with producers, only what they signed is worked on", async (t) => {
  const router = await Router.open(t);
  const path = join(folder(t), "producers.json");
  put(path, ring("//shop.example/**", till));
  const seen = [];
  const consumer = new Consumer({ connect: router.at, channel: "commands", keys: jwks(key), producers: path });
  running(t, consumer, (event) => void seen.push(event));
  const event = eventOf(1, { priority: 3, color: "red" });
  const good = produced(event, till, "priority");
  await router.deliver(1);
  await router.deliver(1, { event: produced(event, stranger) });
  await router.deliver(1, { event: { ...good, data: { n: 2 } } });
  await router.deliver(1, { event: { ...good, priority: 4 } });
  await router.deliver(1, { event: { ...good, source: "//other.example/a" } });
  await router.deliver(1, { event: good, transforms: [{ name: "mask", version: "1" }] });
  await router.deliver(1, { event: good });
  assert.equal((await router.next()).status, "done");
  const { color, ...kept } = good;
  assert.deepEqual(seen, [kept], "what is not signed is left out");
  assert.deepEqual(consumer.counts.refused, {
    dsse_absent: 1, dsse_signature_mismatch: 1, dsse_core_mismatch: 1, dsse_extensions_mismatch: 1, dsse_no_key: 1, transformed: 1,
  });
  assert.equal(consumer.counts.opened, 1);
});

test("producers may stand in the program", (t) => {
  const gate = new Gate(trust({ keys: jwks(key), producers: ring("//shop.example/*", till) }), counts());
  assert.equal(outcome(gate, framesOf(1, { event: produced(eventOf(1), till) })), "ok");
  assert.equal(outcome(gate, framesOf(1)), "dsse_absent");
});

test("a file of producers is followed", async (t) => {
  let time = 100_000;
  t.mock.method(performance, "now", () => time);
  const path = join(folder(t), "producers.json");
  put(path, ring("**", till));
  const gate = new Gate(trust({ keys: jwks(key), producers: path }), counts());
  await gate.begin(new AbortController().signal);
  const frames = framesOf(1, { event: produced(eventOf(1), till) });
  assert.equal(outcome(gate, frames), "ok");
  put(path, ring("**", stranger));
  time += 1000;
  assert.equal(outcome(gate, frames), "dsse_signature_mismatch");
  put(path, "{}");
  time += 1000;
  assert.equal(outcome(gate, frames), "dsse_signature_mismatch", "a broken file changes nothing");
});

test("refusals of one check are told once a second, and all counted", (t) => {
  let time = 100_000;
  t.mock.method(performance, "now", () => time);
  const notes = [];
  const done = counts();
  const gate = new Gate(trust({ keys: jwks(key), log: ({ text }) => notes.push(text) }), done);
  for (let n = 0; n < 30; n++, time += 100) gate.refuse("root");
  gate.refuse("kid");
  assert.deepEqual(notes, ["refused: root", "refused: root", "refused: root", "refused: kid"]);
  assert.deepEqual(done.refused, { root: 30, kid: 1 });
});

