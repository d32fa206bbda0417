// Sockets of npm zeromq, driven by lines as README.md says.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../../../examples/consumer-node/package.json", import.meta.url));
const zmq = require("zeromq");

const PATIENCE = 5000; // ms for one send, and for what is unsent at the end
const TYPES = {
  PUSH: zmq.Push,
  PULL: zmq.Pull,
  PUB: zmq.Publisher,
  SUB: zmq.Subscriber,
  DEALER: zmq.Dealer,
  ROUTER: zmq.Router,
  REQ: zmq.Request,
  REP: zmq.Reply,
};
const EVENTS = {
  connect: "CONNECTED",
  handshake: "HANDSHAKE_SUCCEEDED",
  "handshake:error:protocol": "HANDSHAKE_FAILED",
  "handshake:error:auth": "HANDSHAKE_FAILED",
  "handshake:error:other": "HANDSHAKE_FAILED",
  disconnect: "DISCONNECTED",
};

const sockets = new Map();
let sent = Promise.resolve(); // once every send so far is done

for await (const line of createInterface({ input: process.stdin })) {
  const [order, name, ...words] = line.split(" ");
  if (order === "open") await open(name, ...words);
  else obey(order, name, words);
}
await sent;
for (const socket of sockets.values()) socket.zmq.close();

async function open(name, type, how, endpoint, ...keys) {
  const socket = { zmq: new TYPES[type](), sent: Promise.resolve() };
  const { zmq: sock } = socket;
  sock.linger = type === "SUB" ? 0 : PATIENCE; // its subscriptions can go
  if ("sendTimeout" in sock) {
    sock.sendTimeout = PATIENCE;
    sock.sendHighWaterMark = 0; // no limit, as in the other programs
  }
  for (const key of keys) {
    const at = key.indexOf("=");
    configure(sock, key.slice(0, at), key.slice(at + 1));
  }
  watch(name, sock.events);
  await sock[how](endpoint);
  sockets.set(name, socket);
  say("ready", name, sock.lastEndpoint);
  if ("receiveTimeout" in sock) receive(name, sock);
}

function configure(sock, key, value) {
  switch (key) {
    case "subscribe":
      sock.subscribe(unhex(value));
      break;
    case "heartbeat":
      sock.heartbeatInterval = Number(value);
      sock.heartbeatTimeout = 4 * Number(value);
      break;
    case "identity":
      sock.routingId = unhex(value);
      break;
    case "server":
      sock.curveServer = true;
      sock.curveSecretKey = value;
      break;
    case "client":
      [sock.curvePublicKey, sock.curveSecretKey, sock.curveServerKey] = value.split(",");
      break;
    default:
      throw new Error(`unknown key ${key}`);
  }
}

function obey(order, name, words) {
  const socket = sockets.get(name);
  switch (order) {
    case "send":
      // A socket takes one send at a time.
      socket.sent = socket.sent.then(() => socket.zmq.send(words.map(unhex)));
      sent = Promise.all([sent, socket.sent]);
      break;
    case "subscribe":
      socket.zmq.subscribe(unhex(words[0]));
      break;
    case "cancel":
      socket.zmq.unsubscribe(unhex(words[0]));
      break;
    case "close":
      sockets.delete(name);
      socket.sent.then(() => socket.zmq.close());
      break;
    default:
      throw new Error(`unknown order ${order}`);
  }
}

async function receive(name, sock) {
  try {
    for await (const frames of sock) say("msg", name, ...frames.map((frame) => frame.toString("hex") || "-"));
  } catch (error) {
    if (!sock.closed) throw error; // close interrupts a REQ and a REP by an error
  }
}

async function watch(name, events) {
  for await (const { type } of events) if (type in EVENTS) say("event", name, EVENTS[type]);
}

function unhex(word) {
  return word === "-" ? Buffer.alloc(0) : Buffer.from(word, "hex");
}

function say(...words) {
  process.stdout.write(words.join(" ") + "\n");
}
