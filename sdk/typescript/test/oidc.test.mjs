import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { OidcError, Verifier } from "../dist/oidc.js";
import { fault } from "./router.mjs";

const ISSUER = "https://id.example/tenant";
const AUDIENCE = "https://events.example";
const KEYS = `${ISSUER}/keys`;
const NOW = Date.UTC(2026, 10, 22, 10);
const at = (seconds) => NOW / 1000 + seconds;

const SPECS = {
  rs: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, "RS256"],
  ps: [{ name: "RSA-PSS", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), saltLength: 32 }, "PS256"],
  weak: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) }, "RS256"],
  odd: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([3]) }, "RS256"],
  p256: [{ name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }, "ES256"],
  p384: [{ name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }, "ES384"],
  p521: [{ name: "ECDSA", namedCurve: "P-521", hash: "SHA-512" }, "ES512"],
  ed: [{ name: "Ed25519" }, "EdDSA"],
  other: [{ name: "Ed25519" }, "EdDSA"],
};
const pairs = {};
for (const [kid, [spec, alg]] of Object.entries(SPECS)) {
  const pair = await crypto.subtle.generateKey(spec, true, ["sign", "verify"]);
  const { key_ops, ext, alg: _, ...jwk } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  pairs[kid] = { ...pair, spec, alg, jwk: { ...jwk, kid } };
}
const jwks = (...kids) => ({ keys: kids.map((kid) => (typeof kid === "string" ? pairs[kid].jwk : kid)) });
const ALL = jwks("rs", "ps", "p256", "p384", "p521", "ed");

const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const current = (it) => ({ ...good(), iat: Math.floor(it.now() / 1000), exp: Math.floor(it.now() / 1000) + 60 });
const good = () => ({ iss: ISSUER, aud: AUDIENCE, sub: "alice", iat: at(-10), exp: at(300) });

/** Signs a token of these texts, whatever they say. */
async function signText(kid, header, payload) {
  const { privateKey, spec } = pairs[kid];
  const head = `${b64(header)}.${b64(payload)}`;
  return `${head}.${b64(await crypto.subtle.sign(spec, privateKey, Buffer.from(head)))}`;
}
const sign = (kid, claims, header = {}) => signText(kid, JSON.stringify({ alg: pairs[kid].alg, kid, ...header }), JSON.stringify(claims));
const headed = (more) => signText("ed", `{"alg":"EdDSA","kid":"ed"${more}}`, JSON.stringify(good()));
const plus = (members) => signText("ed", '{"alg":"EdDSA","kid":"ed"}', JSON.stringify(good()).slice(0, -1) + members + "}");

/** An issuer, which tells what it was asked; how it answers may change. */
function issuer(set = ALL) {
  const asked = [];
  let time = NOW;
  const it = {
    asked,
    set,
    reply: undefined,
    discovery: { issuer: ISSUER, jwks_uri: KEYS },
    now: () => time,
    pass: (ms) => void (time += ms),
    sleep: async (ms) => {
      const end = time + ms; // the same for all that sleep at once
      await new Promise(setImmediate);
      time = Math.max(time, end);
    },
    fetch: async (url, init) => {
      asked.push(url);
      assert.equal(init.redirect, "manual");
      if (it.reply) return it.reply(url, init);
      if (url === `${ISSUER}/.well-known/openid-configuration`) return Response.json(it.discovery);
      if (url === KEYS) return Response.json(it.set);
      throw new Error(`an address that nobody gave: ${url}`);
    },
  };
  return it;
}
const verifier = (it, more = {}) => new Verifier({ issuer: ISSUER, audience: AUDIENCE, fetch: it.fetch, now: it.now, sleep: it.sleep, ...more });
const code = async (promise) => {
  const e = await fault(promise);
  assert.ok(e instanceof OidcError, inspect(e));
  return e.status === 401 ? e.code : `${e.status} ${e.code}`;
};

test("tokens of every algorithm, by keys that discovery leads to, fetched once", async () => {
  const it = issuer();
  const v = verifier(it);
  for (const kid of ["rs", "ps", "p256", "p384", "p521", "ed"]) {
    assert.deepEqual(await v.verify(await sign(kid, good())), good(), kid);
  }
  assert.deepEqual(it.asked, [`${ISSUER}/.well-known/openid-configuration`, KEYS]);
});

test("the address of the keys may be given", async () => {
  const it = issuer();
  await verifier(it, { jwksUri: KEYS }).verify(await sign("ed", good()));
  assert.deepEqual(it.asked, [KEYS]);
});

test("a request has one bearer token", async () => {
  const v = verifier(issuer());
  const token = await sign("ed", good());
  const request = (value) => new Request("https://edge.example", value === undefined ? {} : { headers: { authorization: value } });
  for (const scheme of ["Bearer", "bearer", "BEARER "]) assert.equal((await v.authenticate(request(`${scheme} ${token}`))).sub, "alice");
  for (const value of [undefined, "", "Bearer", "Bearer ", `Basic ${token}`, token, `Bearer ${token}, Bearer ${token}`, `Bearer ${token} x`, `xBearer ${token}`]) {
    assert.equal(await code(v.authenticate(request(value))), "no_token", value);
  }
  const two = request(`Bearer ${token}`);
  two.headers.append("authorization", `Bearer ${token}`);
  assert.equal(await code(v.authenticate(two)), "no_token");
});

const changed = (segment, at = 5) => segment.slice(0, at) + (segment[at] === "A" ? "B" : "A") + segment.slice(at + 1);

test("hostile tokens: structure and header", async () => {
  const fine = await sign("ed", good());
  const [head, body, sig] = fine.split(".");
  const secret = await crypto.subtle.importKey("raw", Buffer.from(JSON.stringify(pairs.rs.jwk)), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const confused = `${b64('{"alg":"HS256","kid":"rs"}')}.${body}`;
  const payload = JSON.stringify(good());
  const table = {
    "alg none": [`${b64('{"alg":"none","kid":"ed"}')}.${body}.`, "malformed"],
    "alg none with a signature": [`${b64('{"alg":"none","kid":"ed"}')}.${body}.${sig}`, "algorithm"],
    "alg nOnE": [`${b64('{"alg":"nOnE","kid":"ed"}')}.${body}.${sig}`, "algorithm"],
    "HS256 with the public key": [`${confused}.${b64(await crypto.subtle.sign("HMAC", secret, Buffer.from(confused)))}`, "algorithm"],
    "alg of every object": [`${b64('{"alg":"constructor","kid":"ed"}')}.${body}.${sig}`, "algorithm"],
    "alg that is no text": [`${b64('{"alg":["EdDSA"],"kid":"ed"}')}.${body}.${sig}`, "malformed"],
    "PS256 by a key for RS256": [await signText("ps", '{"alg":"PS256","kid":"rs-only"}', payload), "key_unknown"],
    "ES256 by a key on P-384": [await sign("p384", good(), { alg: "ES256" }), "key_unknown"],
    "RS256 by a curve's key": [await sign("rs", good(), { kid: "p256" }), "key_unknown"],
    crit: [await headed(',"crit":["x"],"x":1'), "malformed"],
    "crit of none": [await headed(',"crit":[]'), "malformed"],
    b64: [await headed(',"crit":["b64"],"b64":false'), "malformed"],
    jku: [await headed(',"jku":"https://evil.example/keys"'), "malformed"],
    x5u: [await headed(',"x5u":"https://evil.example/chain"'), "malformed"],
    jwk: [await signText("other", JSON.stringify({ alg: "EdDSA", kid: "ed", jwk: pairs.other.jwk }), payload), "malformed"],
    x5c: [await headed(',"x5c":["MIIB"]'), "malformed"],
    zip: [await headed(',"zip":"DEF"'), "malformed"],
    cty: [await headed(',"cty":"JWT"'), "malformed"],
    "x5t is passed over": [await headed(',"x5t":"x","x5t#S256":"y"'), undefined],
    "no kid": [await signText("ed", '{"alg":"EdDSA"}', payload), "malformed"],
    "kid empty": [await signText("ed", '{"alg":"EdDSA","kid":""}', payload), "malformed"],
    "kid null": [await signText("ed", '{"alg":"EdDSA","kid":null}', payload), "malformed"],
    "kid of another key": [await sign("other", good(), { kid: "ed" }), "signature"],
    "kid that nobody has": [await sign("other", good()), "key_unknown"],
    "alg twice": [await signText("ed", '{"alg":"none","alg":"EdDSA","kid":"ed"}', payload), "malformed"],
    "kid twice, escaped": [await headed(',"k\\u0069d":"ed"'), "malformed"],
    "Alg too": [await headed(',"Alg":"none"'), "malformed"],
    encrypted: [`${head}.a.b.c.d`, "malformed"],
    "JSON serialisation": [JSON.stringify({ payload: body, protected: head, signature: sig }), "malformed"],
    "two segments": [`${head}.${body}`, "malformed"],
    "four segments": [`${fine}.${sig}`, "malformed"],
    "no header": [`.${body}.${sig}`, "malformed"],
    "no payload": [`${head}..${sig}`, "malformed"],
    nothing: ["", "malformed"],
    "ten megabytes of dots": [".".repeat(10 << 20), "malformed"],
    "ten megabytes": ["a".repeat(10 << 20), "malformed"],
    "one byte too many": [await sign("ed", { ...good(), pad: "p".repeat(8192) }), "malformed"],
    padded: [`${head}.${body}.${sig}==`, "malformed"],
    "a line break": [`${fine}\n`, "malformed"],
    "a blank before": [` ${fine}`, "malformed"],
    "trailing bits": [fine.slice(0, -1) + String.fromCharCode(fine.charCodeAt(fine.length - 1) + 1), "malformed"],
    "a length that there is not": [`${fine}AAA`, "malformed"],
    "signature one byte short": [`${head}.${body}.${b64(Buffer.from(sig, "base64url").subarray(0, 63))}`, "signature"],
    "header is an array": [await signText("ed", '["EdDSA"]', payload), "malformed"],
    "bytes after the header": [await signText("ed", '{"alg":"EdDSA","kid":"ed"}{}', payload), "malformed"],
    "header deep": [await headed(`,"typ":${"[".repeat(2500)}${"]".repeat(2500)}`), "malformed"],
    "claims deep": [await plus(`,"x":${"[".repeat(2500)}${"]".repeat(2500)}`), "malformed"],
    "claims beyond the depth": [await plus(`,"x":${"[".repeat(64)}${"]".repeat(64)}`), "malformed"],
    "claims at the depth": [await plus(`,"x":${"[".repeat(63)}${"]".repeat(63)}`), undefined],
    "typ at+jwt": [await headed(',"typ":"at+jwt"'), undefined],
    "typ application/at+jwt": [await headed(',"typ":"application/at+JWT"'), undefined],
    "typ dpop+jwt": [await headed(',"typ":"dpop+jwt"'), "type"],
    "typ secevent+jwt": [await headed(',"typ":"application/secevent+jwt"'), "type"],
    "typ empty": [await headed(',"typ":""'), "malformed"],
    "typ prefixed twice": [await headed(',"typ":"application/application/jwt"'), "type"],
    "header changed": [`${changed(head)}.${body}.${sig}`, /malformed|algorithm|key_unknown|signature/],
    "claims of another": [`${head}.${b64(JSON.stringify({ ...good(), sub: "mallory" }))}.${sig}`, "signature"],
    "signature changed": [`${head}.${body}.${changed(sig)}`, "signature"],
    "signature of zeros": [`${head}.${body}.${b64(Buffer.alloc(64))}`, "signature"],
  };
  const it = issuer({ keys: [...ALL.keys, { ...pairs.rs.jwk, kid: "rs-only", alg: "RS256" }] });
  const v = verifier(it);
  for (const [name, [token, want]] of Object.entries(table)) {
    if (want === undefined) await v.verify(token).catch((e) => assert.fail(`${name}: ${e.code}`));
    else if (want instanceof RegExp) assert.match(await code(v.verify(token)), want, name);
    else assert.equal(await code(v.verify(token)), want, name);
  }
  assert.deepEqual(new Set(it.asked), new Set([`${ISSUER}/.well-known/openid-configuration`, KEYS]), "no address in a token was ever asked");
});

test("hostile tokens: claims", async () => {
  const claims = (changes) => sign("ed", { ...good(), ...changes });
  const raw = (text) => signText("ed", '{"alg":"EdDSA","kid":"ed"}', text);
  const text = (member, value) => raw(JSON.stringify({ ...good(), [member]: "@" }).replace('"@"', value));
  const table = {
    "expired at the leeway": [claims({ exp: at(-60) }), "expired"],
    "expired within it": [claims({ exp: at(-59), iat: at(-120) }), undefined],
    "no exp": [claims({ exp: undefined }), "claims"],
    "exp null": [claims({ exp: null }), "claims"],
    "exp as text": [claims({ exp: `${at(60)}` }), "claims"],
    "exp with a fraction": [claims({ exp: at(60) + 0.5 }), "claims"],
    "exp 2^53": [text("exp", "9007199254740992"), "claims"],
    "exp 9e18": [text("exp", "9e18"), "claims"],
    "exp negative": [claims({ exp: -1 }), "claims"],
    "lifetime at its bound": [claims({ iat: at(0), exp: at(3600) }), undefined],
    "lifetime a second too long": [claims({ iat: at(0), exp: at(3601) }), "lifetime"],
    "lifetime from 1970 on": [claims({ iat: 0 }), "lifetime"],
    "iat beyond the leeway": [claims({ iat: at(61) }), "not_yet_valid"],
    "iat at the leeway": [claims({ iat: at(60) }), undefined],
    "iat beyond the leeway, and nbf not": [claims({ iat: at(61), nbf: at(0) }), "not_yet_valid"],
    "no iat": [claims({ iat: undefined }), "claims"],
    "nbf beyond the leeway": [claims({ nbf: at(61) }), "not_yet_valid"],
    "nbf at the leeway": [claims({ nbf: at(60) }), undefined],
    "nbf null": [claims({ nbf: null }), "claims"],
    "no aud": [claims({ aud: undefined }), "audience"],
    "wrong aud": [claims({ aud: "https://elsewhere.example" }), "audience"],
    "aud with a slash more": [claims({ aud: `${AUDIENCE}/` }), "audience"],
    "ours among others": [claims({ aud: ["x", AUDIENCE] }), undefined],
    "none of ours": [claims({ aud: ["x", "y"] }), "audience"],
    "aud empty": [claims({ aud: "" }), "audience"],
    "aud []": [claims({ aud: [] }), "audience"],
    "aud an object": [claims({ aud: { [AUDIENCE]: true } }), "audience"],
    "ours among numbers": [claims({ aud: [AUDIENCE, 1] }), "audience"],
    "ours in an array of arrays": [claims({ aud: [[AUDIENCE]] }), "audience"],
    "ours beside an empty one": [claims({ aud: [AUDIENCE, ""] }), "audience"],
    "aud null": [claims({ aud: null }), "audience"],
    "no iss": [claims({ iss: undefined }), "issuer"],
    "iss with a slash more": [claims({ iss: `${ISSUER}/` }), "issuer"],
    "iss an array": [claims({ iss: [ISSUER] }), "issuer"],
    "iss twice, the last good": [raw(`{"iss":"https://evil.example",${JSON.stringify(good()).slice(1)}`), "malformed"],
    "iss twice, the first good": [plus(',"iss":"https://evil.example"'), "malformed"],
    "iss twice, escaped": [plus(',"\\u0069ss":"https://evil.example"'), "malformed"],
    "a member twice within a claim": [plus(',"x":[{"y":1,"y":2}]'), "malformed"],
    "colons and quotes in texts": [plus(',"x:\\"":"a:\\"{:\\\\","y":[{":":":"}]'), undefined],
    "__proto__ with an issuer": [plus(',"__proto__":{"iss":"x"}'), undefined],
    "iss evil and ISS good": [raw(JSON.stringify({ ...good(), iss: "https://evil.example", ISS: ISSUER })), "issuer"],
    null: [raw("null"), "malformed"],
    array: [raw("[]"), "malformed"],
    string: [raw('"x"'), "malformed"],
    blank: [raw(" "), "malformed"],
    empty: [raw("{}"), "issuer"],
    "bytes after": [raw(`${JSON.stringify(good())}{}`), "malformed"],
    "a byte order mark": [raw(`\ufeff${JSON.stringify(good())}`), "malformed"],
    "no UTF-8": [raw(Buffer.from(JSON.stringify({ ...good(), x: "@" }).replace("@", "\xff"), "latin1")), "malformed"],
    "bound to a key": [claims({ cnf: { jkt: "x" } }), "bound"],
    "bound to a certificate": [claims({ cnf: { "x5t#S256": "x" } }), "bound"],
    "cnf null": [claims({ cnf: null }), "bound"],
    "of an ID token, nonce": [claims({ nonce: "n" }), "type"],
    "of an ID token, at_hash": [claims({ at_hash: "x" }), "type"],
  };
  const v = verifier(issuer(), { maxLifetime: 3600 });
  for (const [name, [token, want]] of Object.entries(table)) {
    if (want === undefined) await v.verify(await token).catch((e) => assert.fail(`${name}: ${e.code}`));
    else assert.equal(await code(v.verify(await token)), want, name);
  }
  const none = verifier(issuer(), { leeway: 0 });
  assert.equal(await code(none.verify(await claims({ exp: at(0) }))), "expired");
  await none.verify(await claims({ exp: at(1) }));
  const two = verifier(issuer(), { audience: ["api://second", AUDIENCE] });
  await two.verify(await claims({ aud: "api://second" }));
});

test("only the algorithms that are asked for", async () => {
  const v = verifier(issuer(), { algs: ["ES256"] });
  await v.verify(await sign("p256", good()));
  for (const kid of ["rs", "ed", "p384"]) assert.equal(await code(v.verify(await sign(kid, good()))), "algorithm");
});

test("keys that are not to be trusted are none", async () => {
  const ed = pairs.ed.jwk;
  const secret = { kty: "oct", k: b64(Buffer.alloc(32)), kid: "oct", alg: "HS256" };
  const { d } = await crypto.subtle.exportKey("jwk", pairs.ed.privateKey);
  for (const [name, key, kid = "ed"] of [
    ["RSA of 1024 bits", pairs.weak.jwk, "weak"],
    ["RSA with e = 3", pairs.odd.jwk, "odd"],
    ["for encryption", { ...ed, use: "enc" }],
    ["for another alg", { ...ed, alg: "ES256" }],
    ["private", { ...ed, d }],
    ["secret too", { ...ed, k: "AA" }],
    ["without a kid", { ...ed, kid: undefined }],
    ["of another kind", { ...ed, kty: "EC" }],
    ["null", null],
    ["a text", "ed"],
  ]) {
    const it = issuer({ keys: [key, pairs.p256.jwk] });
    assert.equal(await code(verifier(it).verify(await sign(kid, good()))), "key_unknown", name);
  }
  const twice = issuer(jwks("ed", { ...pairs.other.jwk, kid: "ed" }));
  assert.equal(await code(verifier(twice).verify(await sign("ed", good()))), "key_unknown");
  const broken = issuer({ keys: [{ ...ed, x: "AA" }] });
  assert.equal(await code(verifier(broken).verify(await sign("ed", good()))), "key");
  const oct = issuer({ keys: [secret] });
  const head = `${b64('{"alg":"HS256","kid":"oct"}')}.${b64(JSON.stringify(good()))}`;
  assert.equal(await code(verifier(oct).verify(`${head}.${b64(Buffer.alloc(32))}`)), "algorithm");
  const marked = issuer({ keys: [{ ...ed, use: "sig", alg: "EdDSA", key_ops: ["verify"], ext: true, x5t: "x" }] });
  await verifier(marked).verify(await sign("ed", good()));
});

const document = (more) => Response.json({ issuer: ISSUER, jwks_uri: KEYS, ...more });
const away = {
  "no connection": () => Promise.reject(new TypeError("internal error; reference = x")),
  "status 500": async () => new Response("oops", { status: 500 }),
  HTML: async () => new Response("<html>"),
  "nothing at all": async () => new Response(null, { status: 204 }),
  "no keys": async (url) => Response.json(url === KEYS ? { keys: [] } : { issuer: ISSUER, jwks_uri: KEYS }),
  "no list of keys": async (url) => Response.json(url === KEYS ? { keys: { 0: 1 } } : { issuer: ISSUER, jwks_uri: KEYS }),
  null: async () => Response.json(null),
  "65 keys": async (url) => Response.json(url === KEYS ? { keys: Array(65).fill(pairs.ed.jwk) } : { issuer: ISSUER, jwks_uri: KEYS }),
  "over 256 KiB": async (url) => Response.json(url === KEYS ? { ...ALL, pad: "x".repeat(256 << 10) } : { issuer: ISSUER, jwks_uri: KEYS }),
  "without end": async () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 16).fill(32)) })),
  "a redirect": async () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } }),
  "a body that breaks": async () => new Response(new ReadableStream({ start: (c) => c.error(new Error("cut")) })),
  "keys with status 404": async (url) => (url === KEYS ? Response.json(ALL, { status: 404 }) : document({})),
  "another issuer's document": async (url) => (url === KEYS ? Response.json(ALL) : document({ issuer: "https://evil.example" })),
  "keys at a plain address": async (url) => (url.endsWith("keys") ? Response.json(ALL) : document({ jwks_uri: "http://id.example/keys" })),
  "keys at no address": async () => Response.json({ issuer: ISSUER, jwks_uri: "keys" }),
  "keys at a file": async () => Response.json({ issuer: ISSUER, jwks_uri: "file:///etc/passwd" }),
};

test("an issuer that is away at first is 503 for every token, and never 401; it comes back", async () => {
  const token = await sign("ed", good());
  for (const [name, reply] of Object.entries(away)) {
    const it = issuer();
    it.reply = reply;
    const v = verifier(it);
    for (const one of [token, await sign("other", good())]) {
      const e = await fault(v.verify(one));
      assert.deepEqual([e.name, e.status, e.code, e.retryAfter], ["OidcError", 503, "issuer_unavailable", 1], name);
    }
    it.reply = undefined;
    it.pass(1000);
    assert.equal((await v.verify(token)).sub, "alice", name);
  }
});

test("while an issuer is away, it is asked once a second", async () => {
  const it = issuer();
  it.reply = away["no connection"];
  const v = verifier(it);
  const token = await sign("ed", good());
  for (let i = 0; i < 100; i++) await fault(v.verify(token)), it.pass(100);
  assert.equal(it.asked.length, 10);
});

test("an issuer that is silent is 503 within its time", async () => {
  const it = issuer();
  it.reply = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const held = setInterval(() => {}, 1000); // AbortSignal.timeout holds no process
  const e = await fault(verifier(it, { timeout: 20 }).verify(await sign("ed", good())));
  clearInterval(held);
  assert.equal(e.status, 503);
});

test("an issuer that goes away later: its keys serve on, for as long as they may", async () => {
  const it = issuer();
  const v = verifier(it, { usableFor: 7200 });
  const token = () => sign("ed", current(it));
  await v.verify(await token());
  it.reply = away["status 500"];
  for (const minutes of [15, 30, 60, 14]) {
    it.pass(minutes * 60_000);
    await v.verify(await token());
  }
  const asked = it.asked.length;
  assert.equal(asked, 2 + 4, "each was one more question");
  await v.verify(await token());
  assert.equal(it.asked.length, asked, "and none within 30 s of the last");
  it.pass(60_001);
  assert.equal(await code(v.verify(await token())), "503 issuer_unavailable");
  it.reply = undefined;
  it.pass(30_000);
  await v.verify(await token());
});

test("a key that is not known while the issuer is away: nobody can tell", async () => {
  const it = issuer();
  const v = verifier(it);
  await v.verify(await sign("ed", good()));
  it.reply = away["no connection"];
  it.pass(30_000);
  assert.equal(await code(v.verify(await sign("other", good()))), "503 issuer_unavailable");
  await v.verify(await sign("ed", good()));
});

test("rotation: a new key is found at once, an old one serves no longer than ten minutes after it is gone", async () => {
  const it = issuer(jwks("ed"));
  const v = verifier(it);
  await v.verify(await sign("ed", good()));
  it.set = jwks("ed", "other");
  const soon = await fault(v.verify(await sign("other", good())));
  assert.deepEqual([soon.status, soon.code, soon.retryAfter], [401, "key_unknown", 30]);
  it.pass(30_000);
  await v.verify(await sign("other", good()));
  it.set = jwks("other");
  const token = () => sign("ed", current(it));
  it.pass(590_000);
  await v.verify(await token());
  it.pass(10_001);
  assert.equal(await code(v.verify(await token())), "key_unknown");
});

test("a flood of unknown keys is one fetch per 30 s, and known ones are not held up", async () => {
  const it = issuer();
  const v = verifier(it, { jwksUri: KEYS });
  await v.verify(await sign("ed", good()));
  const flood = await Promise.all(Array.from({ length: 200 }, (_, i) => sign("other", good(), { kid: `k${i}` })));
  const fine = await sign("ed", good());
  for (let second = 0; second < 60; second++) {
    const ends = await Promise.all(flood.map((token) => code(v.verify(token))));
    assert.deepEqual(new Set(ends), new Set(["key_unknown"]));
    await v.verify(fine);
    it.pass(1000);
  }
  assert.equal(it.asked.length, 1 + 1, "first at 0 s, then at 30 s");
});

test("many first requests ask once, and share no promise: one that is cut off stops nobody", async () => {
  const it = issuer();
  const v = verifier(it, { jwksUri: KEYS, timeout: 1000 });
  const token = await sign("ed", good());
  await Promise.all(Array.from({ length: 50 }, () => v.verify(token)));
  assert.equal(it.asked.length, 1);

  const cut = issuer();
  const w = verifier(cut, { jwksUri: KEYS, timeout: 1000 });
  cut.reply = () => new Promise(() => {}); // its request is gone, and nothing of it ever comes
  void w.verify(token);
  cut.reply = undefined;
  const began = cut.now();
  await w.verify(token);
  assert.equal(cut.asked.length, 2);
  assert.ok(cut.now() - began <= 1050, "the next waits for the time of the first, and no longer");
});

test("options that would check less than they seem to", () => {
  for (const more of [
    { issuer: "http://id.example" }, { jwksUri: "" }, { issuer: "" }, { issuer: "id.example" }, { issuer: "http://127.0.0.1.evil.example" }, { issuer: "http://localhost:1" }, { issuer: "http://127.0.0.1:1@evil.example" },
    { jwksUri: "http://id.example/keys" }, { audience: "" }, { audience: [] }, { audience: undefined }, { audience: [""] },
    { algs: [] }, { algs: ["none"] }, { algs: ["HS256"] }, { algs: ["RS256", "constructor"] },
    { leeway: 121 }, { leeway: -1 }, { leeway: NaN }, { maxLifetime: 0 }, { maxLifetime: 86401 }, { maxLifetime: Infinity },
  ]) {
    assert.throws(() => verifier(issuer(), more), TypeError, JSON.stringify(more));
  }
  for (const url of ["http://127.0.0.1:8080/x", "http://127.9.8.7", "http://[::1]:1", "https://id.example"]) verifier(issuer(), { issuer: url });
  verifier(issuer(), { issuer: "accounts.example", jwksUri: KEYS });
});

test("no error tells a part of a token", async () => {
  const v = verifier(issuer());
  const fine = await sign("ed", good());
  const [head, body, sig] = fine.split(".");
  for (const token of [`${fine}x`, `${head}.${body}.${changed(sig)}`, await sign("ed", { ...good(), exp: at(-999) }), await sign("other", good())]) {
    const all = inspect(await fault(v.verify(token)), { depth: 9, showHidden: true });
    for (const part of token.split(".")) assert.ok(!all.includes(part.slice(0, 12)));
    assert.ok(!all.includes("alice"));
  }
});
