// connect of cloudflare:sockets over node:net and node:tls, and peers that follow a script.

import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

/** Makes a connect; trust is the options of tls.connect. */
export function connector(trust = {}) {
  return ({ hostname, port }, { secureTransport }) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const sealed = secureTransport === "on";
    const socket = sealed ? tls.connect({ host, port, ...trust }) : net.connect({ host, port });
    const opened = new Promise((resolve, reject) => socket.once(sealed ? "secureConnect" : "connect", resolve).once("error", reject));
    const closed = new Promise((resolve, reject) => socket.once("close", resolve).once("error", reject));
    opened.catch(() => {});
    const { readable, writable } = Duplex.toWeb(socket);
    return { readable, writable, opened, closed, close: async () => void socket.destroy() };
  };
}

export const connect = connector();

/** Serves each connection by a script: play(socket, send, take); ends with the test. */
export async function peer(t, play) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    const inbox = reader(socket);
    Promise.resolve(play(socket, inbox)).catch(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `tcp://127.0.0.1:${server.address().port}`, sockets };
}

/** Gives take(n): exactly so many of the bytes that come. */
function reader(socket) {
  let held = Buffer.alloc(0);
  let wake = () => {};
  let ended = false;
  socket.on("data", (bytes) => {
    held = Buffer.concat([held, bytes]);
    wake();
  });
  socket.on("close", () => {
    ended = true;
    wake();
  });
  return async (count) => {
    while (held.length < count) {
      if (ended) throw new Error("the client has closed");
      await new Promise((resolve) => (wake = resolve));
    }
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };
}

export const GREETING = Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]), Buffer.from("NULL"), Buffer.alloc(48)]);

export function frame(flags, body) {
  const bytes = Buffer.from(body);
  if (bytes.length <= 255) return Buffer.concat([Buffer.from([flags, bytes.length]), bytes]);
  const head = Buffer.alloc(9);
  head[0] = flags | 2;
  head.writeBigUInt64BE(BigInt(bytes.length), 1);
  return Buffer.concat([head, bytes]);
}

export function command(name, data = "") {
  return frame(4, Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(data)]));
}

export function property(name, value) {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)]);
}

export const READY = command("READY", Buffer.concat([property("Socket-Type", "ROUTER"), property("Identity", "")]));

/** Reads one request as a router does: its id, headers and body. */
export async function request(take) {
  const frames = [];
  for (let flags = 1; flags & 1; ) {
    let size;
    [flags, size] = await take(2);
    if (flags & 2) size = Number(Buffer.concat([Buffer.from([size]), await take(7)]).readBigUInt64BE());
    const body = await take(size);
    if (flags & 4) flags = 1; // a command stands between
    else frames.push(Buffer.from(body));
  }
  return frames;
}

export function answer(id, document) {
  return Buffer.concat([frame(1, id), frame(0, typeof document === "string" ? document : JSON.stringify(document))]);
}

/** The bytes a client says before its first request. */
export const HELLO = 64 + 30;

/** A connection in memory: the peer says these pieces, whatever it is told, and ends. */
export function told(pieces) {
  const left = [...pieces];
  return () => ({
    readable: { getReader: () => ({ read: async () => (left.length ? { done: false, value: left.shift() } : { done: true }) }) },
    writable: { getWriter: () => ({ write: async () => {} }) },
    close: async () => {},
  });
}
