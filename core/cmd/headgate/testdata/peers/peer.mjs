// A libzmq consumer with bad manners on request, for tests of the router; the twin of
// peer.py in flags and output. It prints one JSON line per delivery:
//
//   {"id", "type", "attempt", "event_sha256", "ok": true or the check that failed}
//
// Of a delivery that failed a check only the digest of frame 2 is told; the rest is
// null, and no reply is sent.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const example = createRequire(new URL("../../../../../examples/consumer-node/package.json", import.meta.url));
const { open, parseKeys, Refused } = await import(example.resolve("@headgate/edge/consumer"));
const { Pull, Push, Subscriber } = example("zeromq");

const MODES = ["done", "mute", "retry", "failed", "silent-once"];

const { values: flags } = parseArgs({
  options: {
    connect: { type: "string" }, // endpoint to PULL commands from
    sub: { type: "string" }, // or endpoint to SUBscribe to telemetry at
    topic: { type: "string", default: "" }, // prefix to subscribe to
    keys: { type: "string" }, // JWK Set of the router
    channel: { type: "string" }, // commands, or telemetry with --sub
    mode: { type: "string", default: "done" },
    "retry-after": { type: "string", default: "0" }, // seconds
    count: { type: "string", default: "-1" }, // leave after so many
    heartbeat: { type: "string", default: "0" }, // ms between PINGs
    goodbye: { type: "boolean", default: false }, // say it on leaving
  },
});
if (!flags.connect === !flags.sub || !flags.keys || !MODES.includes(flags.mode)) {
  console.error("usage: peer.mjs --keys FILE (--connect | --sub) ENDPOINT [--mode MODE] ...");
  console.error(`modes: ${MODES.join(", ")}`);
  process.exit(2);
}

const keys = parseKeys(readFileSync(flags.keys));
const channels = [flags.channel ?? (flags.sub ? "telemetry" : "commands")];
const heartbeatInterval = Number(flags.heartbeat);
const deliveries = flags.sub ? new Subscriber({ heartbeatInterval }) : new Pull({ heartbeatInterval });
if (flags.sub) deliveries.subscribe(flags.topic);
deliveries.connect(flags.sub ?? flags.connect);
const replies = new Map();
const silent = new Set();
let left = Number(flags.count);
let goodbye = () => {};

for await (const frames of deliveries) {
  console.log(JSON.stringify(await take(frames)));
  if (--left === 0) deliveries.close();
}
if (flags.goodbye) await goodbye();

async function take(frames) {
  const line = { id: null, type: null, attempt: null, event_sha256: null };
  if (frames.length > 2) line.event_sha256 = createHash("sha256").update(frames[2]).digest("hex");
  let header, event;
  try {
    ({ header, event } = open(frames, keys, channels, Date.now() / 1000));
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    return { ...line, ok: refused.message };
  }
  const name = JSON.stringify([event.source, event.id]);
  const quiet = flags.mode === "mute" || (flags.mode === "silent-once" && !silent.has(name));
  silent.add(name);
  if (header.lease && !quiet) await answer(header);
  const { attempt = 0 } = header; // telemetry has none
  return { ...line, id: event.id, type: event.type, attempt, ok: true };
}

async function answer({ id, source, lease, reply }) {
  if (!replies.has(reply)) {
    replies.set(reply, new Push({ linger: 2000 })); // ms for the last replies
    replies.get(reply).connect(reply);
  }
  const send = (rest) => replies.get(reply).send(JSON.stringify({ id, source, lease, ...rest }));
  await send(status());
  goodbye = () => send({ goodbye: true });
}

function status() {
  switch (flags.mode) {
    case "retry":
      return { status: "retry", retry_after: Number(flags["retry-after"]) };
    case "failed":
      return { status: "failed", reason: "told to fail" };
    default:
      return { status: "done" };
  }
}
