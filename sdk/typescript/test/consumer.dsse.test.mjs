// Hold signed() against the vectors that the Go and Python code read too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { read } from "../dist/consumer/json.js";
import { fits } from "../dist/consumer/producers.js";
import { canonical, CORE, dataOf, digest, members, utc } from "../dist/consumer/sealed.js";
import { parseProducers, Refused, signed } from "../dist/consumer.js";

const file = new URL("../../testdata/vectors/dsse.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file));
const producers = load(vectors.producers);
const good = vectors.verify[0].event;

function load(file) {
  return parseProducers(JSON.stringify(file));
}

function verdict(text, header = {}) {
  try {
    const raw = Buffer.from(text);
    const event = read(raw, "event", "specversion", "id", "source", "type");
    return { outcome: "ok", kept: signed(header, raw, event, producers) };
  } catch (refused) {
    if (refused instanceof Refused) return { outcome: refused.check };
    throw refused;
  }
}

for (const vector of vectors.verify) {
  test(`verify: ${vector.name}`, () => {
    const { outcome, kept } = verdict(vector.event);
    assert.equal(outcome, vector.outcome);
    if (kept) assert.deepEqual(kept, JSON.parse(vector.kept ?? vector.event));
  });
}

for (const { name, event, extensions, payload, signed } of vectors.sign) {
  test(`sign: ${name}`, () => {
    const value = JSON.parse(event);
    const { core, ext } = JSON.parse(payload);
    const parts = CORE.slice(0, -1).map((name) => value[name]);
    const sealed = digest([...parts, utc(value.time), dataOf(members(event))]);
    assert.equal(sealed.toString("base64"), core);
    const values = extensions.map((name) => canonical(value[name]));
    assert.equal(values.length ? digest(values).toString("base64") : undefined, ext);
    assert.ok(signed.endsWith(` ${payload.length} ${payload}`));
  });
}

test("transformed", () => {
  assert.equal(verdict(good, { transforms: [] }).outcome, "ok");
  for (const transforms of [[{ name: "mask", version: "1" }], [null], {}, "", 0]) {
    assert.equal(verdict(good, { transforms }).outcome, "transformed");
  }
});

test("what a router lets no producer send", () => {
  for (const [old, other] of [
    ['"data":', '"data_base64":"YQ==","data":'],
    ['"data":', '"data_base64":null,"data":'],
    ['"data":', '"subject":"","data":'],
    ['"data":', '"subject":0,"data":'],
    ['"data":{"amount":12.50}', '"data_base64":{"amount":12.50}'],
  ]) {
    assert.equal(verdict(good.replace(old, other)).outcome, "event", other);
  }
  const absent = vectors.verify.find(({ event }) => event.includes('"priority":null')).event;
  for (const value of ["1.5", "{}", "[]"]) {
    const event = absent.replace('"priority":null', `"priority":${value}`);
    assert.equal(verdict(event).outcome, "event", value);
  }
  const material = JSON.parse(good).dssematerial;
  for (const [size, want] of [[3072, "ok"], [3075, "dsse_malformed"]]) {
    const text = Buffer.from(material, "base64").toString().padEnd(size);
    const long = Buffer.from(text).toString("base64");
    assert.equal(verdict(good.replace(material, long)).outcome, want);
  }
});

test("times", () => {
  assert.equal(utc("2026-11-22T00:30:00.9+01:30"), "2026-11-21T23:00:00Z");
  assert.equal(utc("0001-01-01T00:00:00-00:01"), "0001-01-01T00:01:00Z");
  for (const time of [
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01t00:00:00z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00Z\n",
    "2026-01-01T00:00:00+24:00",
    "0001-01-01T00:00:00+00:01",
    "0000-12-31T23:59:00-00:01",
    "9999-12-31T23:59:59-00:01",
  ]) {
    assert.throws(() => utc(time), Refused, time);
  }
});

test("producers that are refused", () => {
  const key = vectors.producers["//shop.example/**"].keys[1];
  assert.equal(load({ "//a/**": { keys: [key] } }).size, 1);
  for (const bad of [
    {},
    null,
    [],
    { "//a/**": key },
    { "//a/**": null },
    { "//a/**": { keys: [null] } },
    { "//a/**": { keys: [{ ...key, kid: "" }] } },
    { "//a/**": { keys: [] } },
    { "//a*": { keys: [key] } },
    { "**/a": { keys: [key] } },
    { "//a/**": { keys: [{ ...key, kid: undefined }] } },
    { "//a/**": { keys: [key, { ...key, crv: "P-384" }] } },
    { "//a/**": { keys: [{ ...key, d: key.x }] } },
    { "//a/**": { keys: [{ ...key, x: "AAAA" }] } },
    { "//a/**": { keys: [{ ...key, kty: "EC", crv: "P-256", y: key.x }] } },
  ]) {
    assert.throws(() => load(bad), JSON.stringify(bad));
  }
});

test("patterns", () => {
  for (const [pattern, source, want] of [
    ["//a/**", "//a/b/c", true],
    ["//a/**", "//a/", true],
    ["//a/**", "//a", false],
    ["//a/*", "//a/b", true],
    ["//a/*", "//a/b/c", false],
    ["//*/b", "//a/b", true],
    ["**", "x", true],
    ["//a", "//A", false],
  ]) {
    assert.equal(fits(pattern.split("/"), source.split("/")), want, `${pattern} ${source}`);
  }
});
