// Consume commands and act once on each event whose delivery passes every check.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Pull, Push } from "zeromq";
import { open, parseKeys, Refused } from "./delivery.mjs";
import { parseProducers, signed } from "./dsse.mjs";
import { KeyFile } from "./keyfile.mjs";

const REMEMBERED = 100_000; // events; to remember across restarts, use your database

/** Do your work here. If it throws, this ends and the router delivers again. */
async function act(event) {}

const { values: flags } = parseArgs({
  options: {
    connect: { type: "string", default: "tcp://127.0.0.1:5555" },
    keys: { type: "string", default: "keys.json" }, // JWK Set of the router
    producers: { type: "string" }, // who may sign for which source, JSON
    channel: { type: "string", default: "commands" },
    "curve-server": { type: "string" }, // public CURVE key of the router
    "curve-key": { type: "string" }, // file of the own secret CURVE key
    "curve-public": { type: "string" }, // its public half
    count: { type: "string", default: "0" }, // leave after so many
  },
});
if (flags["curve-server"] && !(flags["curve-key"] && flags["curve-public"])) {
  console.error("--curve-server needs --curve-key FILE and --curve-public KEY, which headgate key new --curve made");
  process.exit(2);
}
/** Sealed by CURVE where the router's public key is known. */
const sealed = flags["curve-server"] && {
  curveServerKey: flags["curve-server"],
  curveSecretKey: readFileSync(flags["curve-key"], "utf8").split("\n")[0],
  curvePublicKey: flags["curve-public"],
};
const keys = new KeyFile(flags.keys, parseKeys);
const producers = flags.producers !== undefined && new KeyFile(flags.producers, parseProducers);
let left = Number(flags.count);
let goodbye = () => {};
const seen = new Set();
const replies = new Map();
const commands = new Pull({ ...sealed });
commands.connect(flags.connect);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => commands.close());
for await (const frames of commands) {
  let header, event;
  try {
    ({ header, event } = open(frames, keys.now(), [flags.channel], Date.now() / 1000));
    if (producers) event = signed(header, frames[2], event, producers.now());
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    console.error(`refused: ${refused.message}`); // and left unacknowledged
    continue;
  }
  const { id, source, lease, attempt, reply } = header;
  const name = JSON.stringify([source, id]);
  if (!seen.has(name)) await act(event);
  if (seen.add(name).size > REMEMBERED) seen.delete(seen.keys().next().value);
  if (!replies.has(reply)) {
    replies.set(reply, new Push({ linger: 2000, ...sealed }));
    replies.get(reply).connect(reply);
  }
  await replies.get(reply).send(JSON.stringify({ id, source, lease, status: "done" }));
  console.log(`done ${event.type} ${id} attempt ${attempt}`);
  goodbye = () => replies.get(reply).send(JSON.stringify({ id, source, lease, goodbye: true }));
  if (--left === 0) commands.close();
}
await goodbye();
