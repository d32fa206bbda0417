import assert from "node:assert/strict";
import { test } from "node:test";
import { eventSigner } from "../dist/dsse.js";
import { makeEvent } from "../dist/index.js";
import { check } from "../dist/queue.js";
import { vectors } from "./vectors.mjs";

const { sign, verify } = vectors("dsse");
const TYPE = "https://cloudevents.io/verifiability/dsse/v0.1";
const ed = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
const ec = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
const keys = [
  { ...ed, algorithm: "Ed25519", name: "Ed25519" },
  { ...ec, algorithm: { name: "ECDSA", hash: "SHA-256" }, name: "ES256" },
];

function opened(event) {
  const envelope = JSON.parse(Buffer.from(event.dssematerial, "base64").toString());
  const payload = Buffer.from(envelope.payload, "base64").toString();
  return { envelope, payload, sig: Buffer.from(envelope.signatures[0].sig, "base64") };
}

/** Writes of an event what the vectors cover, as other languages would. */
const written = (event) => event.replace("12.50", "12.5"); // numbers are JavaScript's

for (const { privateKey, publicKey, algorithm, name } of keys) {
  test(`${name}: what is signed is what the shared vectors say`, async () => {
    for (const v of sign) {
      const event = JSON.parse(v.event);
      if (written(v.event) !== v.event) event.data = undefined; // its data cannot be said to the byte here
      const signed = await eventSigner({ key: privateKey, keyId: "till", extensions: v.extensions })(event);
      const { envelope, payload, sig } = opened(signed);
      assert.equal(envelope.payloadType, TYPE);
      assert.equal(envelope.signatures[0].keyid, "till");
      if (event.data !== undefined) assert.equal(payload, v.payload, v.name);
      const pae = Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} ${payload}`);
      if (event.data !== undefined) assert.equal(pae.toString(), v.signed, v.name);
      assert.ok(await crypto.subtle.verify(algorithm, publicKey, sig, pae), v.name);
      assert.equal(sig.length, 64);
    }
  });
}

test("the material is that of every shared event that verifies and can be said here", async () => {
  let same = 0;
  for (const v of verify.filter((v) => v.outcome === "ok")) {
    const event = JSON.parse(v.event);
    const { dssematerial, ...plain } = event;
    const theirs = JSON.parse(opened(event).payload);
    if (/12\.50|1\.0+[,}]/.test(v.event)) continue; // numbers are JavaScript's
    const signed = await eventSigner({ key: ed.privateKey, extensions: theirs.signedextattrs ?? [] })(plain).catch((e) => e);
    if (/absent and empty/.test(v.name)) {
      assert.equal(signed.code, "bad_event");
      continue;
    }
    const ours = JSON.parse(opened(signed).payload);
    const text = (b) => b?.replaceAll("-", "+").replaceAll("_", "/");
    assert.equal(ours.core, text(theirs.core), v.name);
    if (theirs.ext) assert.equal(ours.ext, text(theirs.ext), v.name);
    same++;
  }
  assert.ok(same >= 15, `${same}`);
});

test("Ed25519 gives the same every time, and nothing else in the event changes", async () => {
  const event = makeEvent({ source: "//a", type: "t", data: { a: 1 } });
  const signer = eventSigner({ key: ed.privateKey });
  const one = await signer(event);
  assert.deepEqual(await signer(event), one);
  assert.deepEqual(await signer(one), one);
  const { dssematerial, ...rest } = one;
  assert.deepEqual(rest, event);
  assert.ok(!("dssematerial" in event));
});

test("a change to whatever is signed changes the material", async () => {
  const event = makeEvent({ id: "1", source: "//a", type: "t", subject: "s", time: "2026-11-22T10:00:00Z", dataschema: "/d", datacontenttype: "application/json", data: "x", extensions: { exta: "1" } });
  const signer = eventSigner({ key: ed.privateKey, extensions: ["exta", "extb"] });
  const { dssematerial: before } = await signer(event);
  const changes = { id: "2", source: "//b", type: "u", subject: "r", time: "2026-11-22T10:00:01Z", dataschema: "/e", datacontenttype: "text/plain", data: "y", exta: "2", extb: "1" };
  for (const [name, value] of Object.entries(changes)) {
    assert.notEqual((await signer({ ...event, [name]: value })).dssematerial, before, name);
  }
  assert.equal((await signer({ ...event, extc: "1" })).dssematerial, before);
  assert.equal((await signer({ ...event, time: "2026-11-22T11:00:00.9+01:00" })).dssematerial, before);
});

test("an event of which nothing could be verified is not signed", async () => {
  const event = makeEvent({ source: "//a", type: "t" });
  const signer = eventSigner({ key: ed.privateKey, extensions: ["exta"] });
  for (const time of ["yesterday", "2016-12-31T23:59:60Z", "2026-13-01T00:00:00Z", "2026-11-22T10:00:00+24:00"]) {
    await assert.rejects(signer({ ...event, time }), { code: "bad_event", retryable: false }, time);
  }
  await assert.rejects(signer({ ...event, exta: "" }), { code: "bad_event" });
});

test("what is signed and no router would take is seen by check", async () => {
  const event = makeEvent({ source: "//a", type: "t" });
  const signer = eventSigner({ key: ed.privateKey });
  for (const time of ["2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-00:01", "2026-11-22T24:00:00Z"]) {
    const signed = await signer({ ...event, time });
    assert.throws(() => check(signed), { code: "bad_event" }, time);
  }
  const many = Array.from({ length: 200 }, (_, i) => `extension${i}`);
  const large = await eventSigner({ key: ed.privateKey, extensions: many })(event);
  assert.throws(() => check(large), { code: "bad_event" });
});

test("no extension is taken from what every object has", async () => {
  const event = makeEvent({ id: "1", source: "//a", type: "t", time: new Date(0) });
  const signed = (event) => eventSigner({ key: ed.privateKey, extensions: ["constructor"] })(event).then((e) => opened(e).payload);
  assert.equal(await signed(event), await signed({ ...event, constructor: undefined }));
  assert.notEqual(await signed(event), await signed({ ...event, constructor: "x" }));
});

test("keys and names that cannot sign are refused at once", async () => {
  const rsa = await crypto.subtle.generateKey({ name: "RSA-PSS", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, false, ["sign", "verify"]);
  const p384 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, false, ["sign", "verify"]);
  for (const key of [rsa.privateKey, p384.privateKey, ed.publicKey, ec.publicKey]) assert.throws(() => eventSigner({ key }), TypeError);
  for (const extensions of [["id"], ["data"], ["dssematerial"], ["a", "a"], ["A"], [""], ["a".repeat(21)]]) {
    assert.throws(() => eventSigner({ key: ed.privateKey, extensions }), TypeError, String(extensions));
  }
});
