import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeError, makeEvent } from "../dist/index.js";
import { check } from "../dist/queue.js";
import { vectors } from "./vectors.mjs";

const least = { specversion: "1.0", id: "1", source: "//shop.example/till", type: "com.example.order.created" };
const refused = (change, what) =>
  assert.throws(() => check({ ...least, ...change }), (e) => e instanceof EdgeError && e.code === "bad_event" && !e.retryable && what.test(e.message), `${what} ${Object.keys(change)}`);
const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));

test("what a router would refuse is refused", () => {
  const long = "x".repeat(4097);
  const table = [
    [{ specversion: "0.3" }, /^specversion /],
    [{ specversion: undefined }, /^specversion /],
    [{ id: "" }, /^id /],
    [{ id: undefined }, /^id /],
    [{ id: "x".repeat(257) }, /^id /],
    [{ id: "a\nb" }, /^id /],
    [{ id: 1 }, /^id /],
    [{ source: "" }, /^source /],
    [{ source: undefined }, /^source /],
    [{ source: "/a b" }, /^source /],
    [{ source: "/a<b" }, /^source /],
    [{ source: "x".repeat(2049) }, /^source /],
    [{ type: "" }, /^type /],
    [{ type: null }, /^type /],
    [{ type: "x".repeat(257) }, /^type /],
    [{ type: "é".repeat(129) }, /^type /],
    [{ time: "yesterday" }, /^time /],
    [{ time: "" }, /^time /],
    [{ time: 1 }, /^time /],
    [{ time: "2026-02-30T00:00:00Z" }, /^time /],
    [{ time: "2026-11-22t10:00:00z" }, /^time /],
    [{ time: "0000-01-01T00:00:00Z" }, /^time /],
    [{ time: "0001-01-01T00:00:00+01:00" }, /^time /],
    [{ time: "9999-12-31T23:59:59-00:01" }, /^time /],
    [{ time: "2026-11-22T10:00:00,5Z" }, /^time /],
    [{ time: "2016-12-31T23:59:60Z" }, /^time /],
    [{ time: "2026-11-22T24:00:00Z" }, /^time /],
    [{ time: new Date(8.64e15).toJSON() }, /^time /],
    [{ subject: "" }, /^subject /],
    [{ subject: long }, /^subject /],
    [{ subject: "a\u000bb" }, /^subject /],
    [{ subject: "a\u0085b" }, /^subject /],
    [{ subject: "\ufdd0" }, /^subject /],
    [{ subject: "\u{1fffe}" }, /^subject /],
    [{ subject: "\ud83d" }, /^subject /],
    [{ Note: "x" }, /extension/],
    [{ my_ext: "x" }, /extension/],
    [{ ["a".repeat(21)]: "x" }, /extension/],
    [{ "": "x" }, /extension/],
    [{ note: "" }, /^note /],
    [{ note: 1.5 }, /^note /],
    [{ note: 2 ** 31 }, /^note /],
    [{ note: NaN }, /^note /],
    [{ note: { a: 1 } }, /^note /],
    [{ constructor: long }, /^constructor /],
    [{ dssematerial: long }, /^dssematerial /],
    [{ data: NaN }, /^data /],
    [{ data: [Infinity] }, /^data /],
    [{ data: 2 ** 53 }, /^data /],
    [{ data: { a: [-(2 ** 53)] } }, /^data /],
    [{ data: 1n }, /^data /],
    [{ data: "\ud83d" }, /^data /],
    [{ data: { "\ude00": 1 } }, /^data /],
    [{ data: nested(64) }, /^data /],
    [{ data: 1, data_base64: "YQ==" }, /^data_base64 /],
    [{ data: null, data_base64: "YQ==" }, /^data_base64 /],
    [{ data_base64: 1 }, /^data_base64 /],
  ];
  for (const [change, what] of table) refused(change, what);
  const circle = {};
  circle.circle = circle;
  refused({ data: circle }, /^data /);
});

test("what it takes is what a router takes", () => {
  for (const data of [2 ** 53 - 1, -(2 ** 53 - 1), 1e21, 1e300, 0.1, "\u{1f600}", nested(63), { "": { "": 1 } }, null, undefined]) check({ ...least, data });
  for (const id of ["é".repeat(128), "x".repeat(256)]) check({ ...least, id });
  check({ ...least, subject: undefined, note: null, flag: false, count: -(2 ** 31), data_base64: "" });
  check(makeEvent({ source: "//a", type: "t", data: new Uint8Array([0, 255]), extensions: { exta: "x", extb: -7, extc: true } }));
});

test("the shared events are read as a router reads them", () => {
  let taken = 0;
  let not = 0;
  for (const { name, raw_base64, outcome } of vectors("event")) {
    if (/repeated|utf-8|byte order|exponent/.test(name)) continue; // which only a reader of the bytes can see
    let event;
    try {
      event = JSON.parse(Buffer.from(raw_base64, "base64").toString());
    } catch {
      assert.notEqual(outcome, "ok", name);
      continue;
    }
    if (outcome === "ok") {
      check(event);
      taken++;
    } else {
      assert.throws(() => check(event), { code: "bad_event" }, name);
      not++;
    }
  }
  assert.ok(taken >= 19 && not >= 30, `${taken} taken, ${not} not`);
});
