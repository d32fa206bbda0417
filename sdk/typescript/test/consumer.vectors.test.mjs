// Read the vectors of the wire contract by its text alone: digests, webhook signatures
// and replies, for which a consumer needs no code. Go and Python read them too.

import assert from "node:assert/strict";
import { createHash, createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";
import { CORE, DATA, dataOf, members } from "../dist/consumer/sealed.js";

const UNCOVERED = ["dssematerial", "traceparent", "tracestate"]; // a retry may change them

const REPLAY_WINDOW = 300; // seconds
const MAX_SIGNATURES = 4;

const MAX_REPLIES = 1000;
const LEASE = /^[A-Za-z0-9_-]{21}[AQgw]$/; // 16 bytes in their only spelling
const STATUSES = ["done", "progress", "retry", "failed"];
const STRINGS = { id: "", source: "", lease: "", status: "", reason: "" };
const ABSENT = { ...STRINGS, retry_after: 0, goodbye: false };

const vectors = new URL("../../testdata/vectors/", import.meta.url);
const load = (name) => JSON.parse(readFileSync(new URL(name, vectors)));

for (const vector of load("event.json")) {
  if (vector.outcome !== "ok") continue;
  test(`digest: ${vector.name}`, () => {
    const texts = members(Buffer.from(vector.raw_base64, "base64").toString());
    const data = dataOf(texts);
    assert.equal(data.toString("base64"), vector.data_base64 ?? "");
    assert.equal(digest(texts, data), vector.digest);
  });
}

test("data is cut out exactly", () => {
  for (const data of ['"}\\",{"', '{ "a" :[1, {"b":"]"}] }', "[]", "1.50e0", "false"]) {
    const texts = members(` { "a":"{" , "data" : ${data} ,"b":1}`);
    assert.deepEqual([...texts], [["a", '"{"'], ["data", data], ["b", "1"]]);
    assert.equal(dataOf(texts).toString(), data);
  }
});

for (const vector of load("webhook.json").vectors) {
  test(`webhook: ${vector.name}`, () => {
    assert.equal(verifies(vector), vector.outcome === "accept");
  });
}

for (const vector of load("delivery.json").replies) {
  test(`reply: ${vector.name}`, () => {
    assert.equal(replies(vector.frame).length, vector.good);
  });
}

// Computes the same-event digest: what null stands for is absent.
function digest(texts, data) {
  // The JSON text of an integer or a boolean is its canonical string.
  const value = (text) => (text === "null" ? "" : text.startsWith('"') ? JSON.parse(text) : text);
  const others = [...CORE, ...DATA, ...UNCOVERED];
  const extensions = [...texts.keys()]
    .filter((name) => !others.includes(name) && texts.get(name) !== "null")
    .sort() // the names are ASCII, so this is bytewise
    .flatMap((name) => [name, value(texts.get(name))]);
  const core = CORE.map((name) => value(texts.get(name) ?? "null"));
  const sealed = pae(["headgate.event.v1", ...core, data, ...extensions]);
  return createHash("sha256").update(sealed).digest("hex");
}

function pae(parts) {
  const sized = parts.flatMap((part) => [le64(Buffer.byteLength(part)), Buffer.from(part)]);
  return Buffer.concat([Buffer.from("HGPAE1"), le64(parts.length), ...sized]);
}

function le64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

// Judges one request's webhook headers, with one key, at the time now.
function verifies({ id, timestamp, body, signature, kind, key, now }) {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id)) return false;
  if (!/^[1-9][0-9]{9}$/.test(timestamp)) return false;
  if (Math.abs(now - Number(timestamp)) > REPLAY_WINDOW) return false;
  const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body, "base64")]);
  const bytes = Buffer.from(key.slice(key.indexOf("_") + 1), "base64");
  const [version, fits] = { hmac: ["v1", isMAC], ed25519: ["v1a", isSignature] }[kind];
  return signature.split(" ", MAX_SIGNATURES).some((entry) => {
    const prefix = `${version},`;
    return entry.startsWith(prefix) && fits(bytes, content, strict(entry.slice(prefix.length)));
  });
}

function isMAC(secret, content, given) {
  const mac = createHmac("sha256", secret).update(content).digest();
  return given.length === mac.length && timingSafeEqual(mac, given);
}

function isSignature(bytes, content, signature) {
  const jwk = { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") };
  return verify(null, content, createPublicKey({ key: jwk, format: "jwk" }), signature);
}

// Decodes base64 in its only spelling; another gives nothing, which never fits.
function strict(text) {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : Buffer.alloc(0);
}

// Gives the good replies of one frame: a reply, or an array of them.
function replies(frame) {
  let value;
  try {
    value = JSON.parse(frame);
  } catch {
    return [];
  }
  const batch = Array.isArray(value) ? value : [value];
  return batch.length <= MAX_REPLIES ? batch.filter(isReply) : [];
}

function isReply(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const reply = { ...ABSENT };
  for (const name in ABSENT) {
    reply[name] = value[name] ?? ABSENT[name];
    if (typeof reply[name] !== typeof ABSENT[name]) return false;
  }
  const leaves = reply.goodbye && !reply.status;
  if (leaves && !reply.lease) return true;
  if (!reply.id || !reply.source || !LEASE.test(reply.lease)) return false;
  return leaves || (STATUSES.includes(reply.status) && reply.retry_after >= 0);
}
