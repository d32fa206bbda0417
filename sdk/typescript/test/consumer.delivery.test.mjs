// Hold open() against the vectors that the Go and Python code read too.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";
import { leaf } from "../dist/consumer/delivery.js";
import { read } from "../dist/consumer/json.js";
import { Keys, open, parseKeys, Refused } from "../dist/consumer.js";

const vectors = new URL("../../testdata/vectors/", import.meta.url);
const delivery = JSON.parse(readFileSync(new URL("delivery.json", vectors)));
const events = JSON.parse(readFileSync(new URL("event.json", vectors)));

// What read() refuses. The rules for attributes are the router's, which made them
// before it signed.
const READ = /repeated|utf-8|surrogate|byte order mark|NaN|double|after/;

const framesOf = (vector) => vector.frames_base64.map((frame) => Buffer.from(frame, "base64"));

const keysOf = (jwks) => parseKeys(JSON.stringify(jwks));

function outcome(act) {
  try {
    act();
  } catch (refused) {
    if (refused instanceof Refused) return refused.check;
    throw refused;
  }
  return "ok";
}

function opened(frames, keys, now = delivery.now) {
  return outcome(() => open(frames, keys, delivery.channels, now));
}

function reads(event) {
  return outcome(() => read(event, "event", "specversion", "id", "source", "type")) === "ok";
}

for (const vector of delivery.open) {
  test(`open: ${vector.name}`, () => {
    assert.equal(opened(framesOf(vector), keysOf(delivery.keys)), vector.outcome);
  });
}

test("a known root is no milder", () => {
  const keys = keysOf(delivery.keys);
  for (const vector of delivery.open) opened(framesOf(vector), keys);
  for (const vector of delivery.open) {
    // Where the root is right, its signature is not read again.
    const want = /^sign(ature|ed)/.test(vector.name) ? "ok" : vector.outcome;
    assert.equal(opened(framesOf(vector), keys), want, vector.name);
  }
});

test("64 roots are remembered", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const keys = new Keys([["k", publicKey]]);
  const signature = (n) => sign(null, Buffer.from(`headgate.root.v1\nk\n1\n${rootOf(n).toString("base64")}\n`), privateKey);
  const rootOf = (n) => Buffer.alloc(32, n);
  const known = (n) => keys.verifies("k", 1, rootOf(n), Buffer.alloc(64)); // with no signature that is good
  for (let n = 0; n < 100; n++) assert.ok(keys.verifies("k", 1, rootOf(n), signature(n)));
  assert.deepEqual(Array.from({ length: 100 }, (_, n) => known(n)), Array.from({ length: 100 }, (_, n) => n >= 36));
});

test("the last second counts", () => {
  const frames = framesOf(delivery.open[0]);
  const { exp } = JSON.parse(frames[1]);
  assert.equal(opened(frames, keysOf(delivery.keys), exp + 0.9), "ok");
  assert.equal(opened(frames, keysOf(delivery.keys), exp + 1), "expired");
});

test("blocks outside the tree", () => {
  const frames = framesOf(delivery.open[0]);
  const signature = frames[4].subarray(9, 73);
  for (const [index, size, proof] of [[1, 1, 0], [0, 0, 0], [0, 257, 9], [255, 256, 7]]) {
    const place = Buffer.from([1, 0, 0, 0, index, 0, 0, size >> 8, size & 255]);
    frames[4] = Buffer.concat([place, signature, Buffer.alloc(32 * proof)]);
    assert.equal(opened(frames, keysOf(delivery.keys)), "block", `leaf ${index} of ${size}`);
  }
});

test("a header's members have their types", () => {
  const keys = keysOf(delivery.keys);
  const frames = framesOf(delivery.open[0]);
  const header = JSON.parse(frames[1]);
  for (const name of ["v", "id", "source", "channel", "kid", "exp"]) {
    for (const value of [null, [], {}, 1.5, true]) {
      frames[1] = Buffer.from(JSON.stringify({ ...header, [name]: value }));
      assert.equal(opened(frames, keys), "frames", `${name} is ${JSON.stringify(value)}`);
    }
  }
});

test("leaves", () => {
  for (const vector of delivery.leaves) {
    assert.equal(leaf(framesOf(vector)).toString("hex"), vector.leaf);
  }
});

test("leases", () => {
  for (const vector of delivery.leases) assert.equal(lease(vector), vector.lease);
});

for (const vector of events) {
  if (vector.outcome !== "ok" && !READ.test(vector.name)) continue;
  test(`read: ${vector.name}`, () => {
    assert.equal(reads(Buffer.from(vector.raw_base64, "base64")), vector.outcome === "ok");
  });
}

test("objects", () => {
  const strings = ["", ":", '":', "\\", '\\":"', "x".repeat(4e6), '"\\'.repeat(1e6)];
  for (const [data, good] of [
    ['{"a" : 1, "b"\n:[{"a":2}], "c":"\\":"}', true],
    ['{"a" : 1, "b":2, "a"\n:1}', false],
    ['{"__proto__":1,"__proto__":2}', false],
    ['{"\\ud83d":1}', false],
    ['{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), false],
    [JSON.stringify(strings, null, 1), true],
  ]) {
    const event = `{"specversion":"1.0","id":"1","source":"/a","type":"t","data":${data}}`;
    assert.equal(reads(Buffer.from(event)), good, data.slice(0, 40));
  }
  for (const text of ["null", "1", '"specversion"', "[]", ""]) {
    assert.equal(reads(Buffer.from(text)), false, text);
  }
});

test("keys of other kinds are passed over", () => {
  const other = { kty: "EC", crv: "P-256", kid: "other", x: "AA", y: "AA" };
  const encryption = { ...delivery.keys.keys[0], use: "enc" };
  const keys = keysOf({ keys: [other, encryption, ...delivery.keys.keys] });
  assert.equal(keys.size, 1);
  assert.ok(keys.has(delivery.keys.keys[0].kid));
});

test("key sets that are refused", () => {
  const [key] = delivery.keys.keys;
  for (const bad of [
    {},
    [],
    null,
    { keys: {} },
    { keys: [] },
    { keys: [null] },
    { keys: [{ ...key, crv: "X25519" }] },
    { keys: [key, key] },
    { keys: [{ ...key, d: key.x }] },
    { keys: [{ ...key, kid: "another" }] },
    { keys: [{ ...key, kid: undefined }] },
    { keys: [{ ...key, x: `${key.x}=` }] },
    { keys: [{ ...key, x: key.x.slice(1) }] },
    { keys: [{ ...key, x: undefined }] },
    { keys: Array(65).fill({ kty: "EC" }) },
  ]) {
    assert.throws(() => parseKeys(bad), Error, JSON.stringify(bad));
  }
  for (const text of ["", "{", "{}x"]) assert.throws(() => parseKeys(text));
  for (const good of [delivery.keys, JSON.stringify(delivery.keys), Buffer.from(JSON.stringify(delivery.keys))]) {
    assert.equal(parseKeys(good).size, 1);
  }
});

test("views of larger buffers are read where they begin", () => {
  const within = (frame) => Uint8Array.from([...Buffer.alloc(7, 0x22), ...frame, ...Buffer.alloc(5)]).subarray(7, 7 + frame.length);
  for (const vector of delivery.open) {
    assert.equal(opened(framesOf(vector).map(within), keysOf(delivery.keys)), vector.outcome, vector.name);
  }
});

// Computes a lease as the router does; a consumer only hands it back.
function lease({ key, channel, seq, attempt, peer }) {
  const mac = createHmac("sha256", Buffer.from(key, "hex")).update("HGPAE1");
  const parts = ["headgate.lease.v1", channel, String(seq), String(attempt), peer];
  mac.update(le64(parts.length));
  for (const part of parts) mac.update(le64(Buffer.byteLength(part))).update(part);
  return mac.digest().subarray(0, 16).toString("base64url");
}

function le64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}
