import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { bearer, ed25519, hmac } from "../dist/index.js";
import { vectors } from "./vectors.mjs";

const { vectors: all } = vectors("webhook");
const accepted = all.filter((v) => v.outcome === "accept" && v.signing_key);

test("the signatures are those that a router accepts, to the byte", async () => {
  for (const v of accepted) {
    const credential = v.kind === "hmac" ? hmac(v.signing_key, "edge-1") : ed25519(v.signing_key, "edge-1");
    const body = new Uint8Array(Buffer.from(v.body, "base64"));
    const made = await credential({ id: v.id, body, now: Number(v.timestamp) * 1000 + 999 });
    assert.deepEqual({ ...made, "webhook-signature": "" }, { "headgate-key-id": "edge-1", "webhook-id": v.id, "webhook-timestamp": v.timestamp, "webhook-signature": "" }, v.name);
    assert.ok(v.signature.split(" ").includes(made["webhook-signature"]), v.name);
  }
  assert.ok(accepted.length >= 10);
});

test("an Ed25519 key may be its seed alone, or one of WebCrypto", async () => {
  const v = accepted.find((v) => v.kind === "ed25519");
  const body = new Uint8Array(Buffer.from(v.body, "base64"));
  const out = { id: v.id, body, now: Number(v.timestamp) * 1000 };
  const raw = Buffer.from(v.signing_key.slice(5), "base64");
  const seed = `whsk_${raw.subarray(0, 32).toString("base64")}`;
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), raw.subarray(0, 32)]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
  for (const one of [seed, key]) {
    const made = await ed25519(one)(out);
    assert.equal(made["webhook-signature"], v.signature);
    assert.ok(!("headgate-key-id" in made));
  }
});

test("a key that is none is refused at once, without a word of it", async () => {
  const b64 = (n) => Buffer.alloc(n, 7).toString("base64");
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
  const ec = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const bad = [
    ...["", "x", b64(32), `whsk_${b64(32)}`, `whsec_${b64(31)}`, `whsec_${b64(65)}`, `whsec_${b64(32).replace("=", "")}`, `whsec_${b64(32)}\n`, `whsec_${b64(32).replace(/.=$/, "d=")}`, ` whsec_${b64(32)}`].map((text) => [hmac, text]),
    ...["", `whsec_${b64(32)}`, `whsk_${b64(31)}`, `whsk_${b64(33)}`, `whsk_${b64(63)}`, `whsk_${b64(64)} `].map((text) => [ed25519, text]),
    [ed25519, pair.publicKey],
    [ed25519, ec.privateKey],
  ];
  for (const [make, text] of bad) {
    assert.throws(() => make(text), (e) => {
      assert.ok(e instanceof TypeError);
      assert.ok(typeof text !== "string" || text.length < 6 || !inspect(e).includes(b64(9).slice(0, 12)));
      return true;
    }, String(text));
  }
});

test("an id that cannot be signed is not signed", async () => {
  const credential = hmac(accepted[0].signing_key);
  for (const id of ["", "a.b", "a b", "é", "x".repeat(129), "a\n"]) {
    await assert.rejects(credential({ id, body: new Uint8Array(), now: 0 }), { code: "bad_id", retryable: false });
  }
});

test("a token is asked for at each try", async () => {
  let turn = 0;
  const credential = bearer(async () => `token-${++turn}`);
  assert.deepEqual(await credential({}), { authorization: "Bearer token-1" });
  assert.deepEqual(await credential({}), { authorization: "Bearer token-2" });
  assert.deepEqual(await bearer("a.b-c_d")({}), { authorization: "Bearer a.b-c_d" });
});

test("what is no token never becomes a header", async () => {
  for (const token of ["", null, "a b", "a\r\nx: y", undefined, "a,b"]) {
    await assert.rejects(bearer(() => token)({}), { code: "credential_unavailable", retryable: true });
  }
});

test("of the key that a token is bound to, only what is public goes out", async () => {
  const { privateKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", privateKey);
  const { "headgate-event-key": sent, authorization } = await bearer("t", jwk)({});
  assert.equal(authorization, "Bearer t");
  assert.deepEqual(JSON.parse(sent), { kty: "OKP", crv: "Ed25519", x: jwk.x });
});
