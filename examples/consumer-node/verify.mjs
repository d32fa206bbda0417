// Consume commands and act once on each event whose delivery passes every check.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Consumer } from "@headgate/edge/consumer";

/** Do your work here. If it throws, the router delivers again. */
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
const consumer = new Consumer({
  connect: flags.connect,
  channel: flags.channel,
  keys: flags.keys,
  producers: flags.producers,
  curve: flags["curve-server"] && {
    server: flags["curve-server"],
    secret: readFileSync(flags["curve-key"], "utf8").split("\n")[0],
    public: flags["curve-public"],
  },
  remember: 100_000, // events; to remember across restarts, use your database
  log: ({ level, text }) => level === "info" || console.error(text),
});
const end = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => end.abort());
let left = Number(flags.count);
async function work(event, { header }) {
  await act(event);
  console.log(`done ${event.type} ${event.id} attempt ${header.attempt}`);
  if (--left === 0) end.abort();
}
await consumer.run(work, { signal: end.signal });
