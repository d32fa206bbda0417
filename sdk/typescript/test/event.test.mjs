import assert from "node:assert/strict";
import { test } from "node:test";
import { EdgeError, makeEvent } from "../dist/index.js";

const now = () => Date.UTC(2026, 10, 22, 10, 0, 0, 123);
const least = { source: "//shop.example/till", type: "com.example.order.created" };
test("an event has an id of its own and the time", () => {
  const one = makeEvent(least, now);
  assert.match(one.id, /^[0-9a-f-]{36}$/);
  assert.notEqual(makeEvent(least, now).id, one.id);
  assert.deepEqual(one, { specversion: "1.0", id: one.id, ...least, time: "2026-11-22T10:00:00.123Z" });
});

test("what was given stands in it", () => {
  const init = { id: "order-1", ...least, time: "2026-11-22T11:00:00.5+01:00", subject: "s", datacontenttype: "application/json", dataschema: "/d" };
  const event = makeEvent({ ...init, data: { amount: 12.5 }, extensions: { exta: "x", extb: -7, extc: true, constructor: "y" } });
  assert.deepEqual(event, { specversion: "1.0", ...init, exta: "x", extb: -7, extc: true, constructor: "y", data: { amount: 12.5 } });
  assert.equal(makeEvent({ ...least, time: new Date(0) }).time, "1970-01-01T00:00:00.000Z");
});

test("bytes go in base64, and nothing but them", () => {
  const event = makeEvent({ ...least, data: new Uint8Array([0, 255, 254]) });
  assert.equal(event.data_base64, "AP/+");
  assert.ok(!("data" in event));
  assert.deepEqual(Object.keys(makeEvent({ ...least, data: undefined })).includes("data"), false);
  assert.equal(makeEvent({ ...least, data: null }).data, null);
});

test("data is copied as JSON has it", () => {
  const data = { when: new Date(0), gone: undefined, list: [1] };
  const event = makeEvent({ ...least, data });
  data.list.push(2);
  assert.deepEqual(event.data, { when: "1970-01-01T00:00:00.000Z", list: [1] });
});

test("what would not be said is refused", () => {
  const circle = {};
  circle.circle = circle;
  const table = [
    ...[undefined, null, ""].flatMap((none) => [{ id: none }, { source: none }, { type: none }]),
    ...["id", "source", "specversion", "type", "time", "subject", "datacontenttype", "dataschema", "data", "data_base64"].map((name) => ({ extensions: { [name]: "x" } })),
    ...["Note", "my_ext", "a".repeat(21), ""].map((name) => ({ extensions: { [name]: "x" } })),
    ...[NaN, [Infinity], { a: -Infinity }, 1n, () => 1, circle].map((data) => ({ data })),
    { time: new Date(NaN) },
  ];
  for (const init of table) {
    assert.throws(() => makeEvent({ ...least, ...init }), (e) => e instanceof EdgeError && e.code === "bad_event" && !e.retryable, JSON.stringify(Object.keys(init)));
  }
});
