// Hold ./zmtp against libzmq, and against peers that break every rule.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import test from "node:test";
import tls from "node:tls";
import { Dealer as LibDealer, Publisher, Pull, Reply, Router } from "zeromq";
import { EdgeError } from "../dist/index.js";
import { Dealer, zmtp } from "../dist/zmtp.js";
import { answer, command, connect, connector, frame, GREETING, HELLO, peer, property, READY, request, told } from "./zmtp.sockets.mjs";

const encoder = new TextEncoder();
const patience = 10_000; // ms that nothing here takes
const headers = { "content-type": "application/cloudevents+json", "webhook-id": "e-1" };
const body = encoder.encode('{"id":"e-1"}');
const signal = AbortSignal.timeout(60_000);

/** What becomes of one request, as "status" or as an error's code. */
async function outcome(address, o = {}) {
  try {
    const { status } = await zmtp({ connect, address, timeout: patience, ...o })({ headers, body, signal });
    return String(status);
  } catch (fault) {
    assert.ok(fault instanceof EdgeError, String(fault?.stack ?? fault));
    assert.equal(fault.retryable, fault.code !== "aborted");
    return fault.code;
  }
}

/** A router of libzmq, which answers each request as reply says. */
async function router(t, reply) {
  const socket = new Router({ linger: 0 });
  await socket.bind("tcp://127.0.0.1:*");
  const going = (async () => {
    for await (const [from, id, ...rest] of socket) {
      for (const frames of await reply(id, rest)) await socket.send([from, ...frames]);
    }
  })();
  t.after(async () => {
    socket.close();
    await going;
  });
  return socket.lastEndpoint;
}

test("libzmq's ROUTER answers", async (t) => {
  const asked = [];
  const address = await router(t, (id, frames) => {
    asked.push(frames.map(String));
    return [[id, JSON.stringify({ id: "e-1", source: "/a", status: "accepted", status_code: 202 })]];
  });
  const got = await zmtp({ connect, address })({ headers, body, signal });
  assert.deepEqual(got, { status: 202, body: { id: "e-1", source: "/a", status: "accepted" } });
  assert.deepEqual(asked, [[JSON.stringify(headers), '{"id":"e-1"}']]);
});

test("events of every size go through libzmq whole", async (t) => {
  const address = await router(t, (id, [, body]) => [[id, JSON.stringify({ status_code: 200, echo: String(body) })]]);
  for (const size of [0, 1, 200, 255, 256, 65_535, 70_000, 1 << 20]) {
    const text = "x".repeat(size);
    const got = await zmtp({ connect, address })({ headers, body: encoder.encode(text), signal });
    assert.ok(got.body.echo === text, `${size} bytes`);
  }
});

test("1,000 events over one connection, many at once, answered out of order", async (t) => {
  let waiting = [];
  const address = await router(t, (id, [, body]) => {
    waiting.push([id, JSON.stringify({ id: String(body), status_code: 202 })]);
    if (waiting.length < 50) return [];
    const batch = waiting.reverse();
    waiting = [];
    return batch;
  });
  const dealer = await Dealer.open({ connect, address });
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => dealer.request(headers, encoder.encode(`e-${n}`))));
  assert.deepEqual(answers.map((one) => one.body.id), Array.from({ length: 1000 }, (_, n) => `e-${n}`));
  dealer.close();
  await assert.rejects(dealer.request(headers, body), { code: "closed" });
});

test("libzmq's heartbeats are answered", async (t) => {
  const socket = new Router({ linger: 0, heartbeatInterval: 50, heartbeatTimeout: 1000 });
  await socket.bind("tcp://127.0.0.1:*");
  t.after(() => socket.close());
  const got = zmtp({ connect, address: socket.lastEndpoint })({ headers, body, signal });
  const [from, id] = await socket.receive();
  await new Promise((resolve) => setTimeout(resolve, 2200)); // two of its timeouts
  await socket.send([from, id, '{"status_code":202}']);
  assert.equal((await got).status, 202);
});

test("sockets of other types are told", async (t) => {
  for (const other of [new Pull(), new Publisher(), new Reply(), new LibDealer()]) {
    await other.bind("tcp://127.0.0.1:*");
    t.after(() => other.close());
    const code = await outcome(other.lastEndpoint);
    assert.match(code, /^(wrong_socket_type|closed)$/, other.constructor.name);
  }
  for (const type of ["PULL", "PUB", "REP", "DEALER", "SERVER", "router", ""]) {
    const script = [GREETING, command("READY", property("Socket-Type", type))];
    assert.equal(await outcome("tcp://a:1", { connect: told(script) }), type ? "wrong_socket_type" : "protocol", type);
  }
});

test("a router behind CURVE is told", async (t) => {
  const { curveKeyPair } = await import("zeromq");
  const { publicKey, secretKey } = curveKeyPair();
  const socket = new Router({ linger: 0, curveServer: true, curvePublicKey: publicKey, curveSecretKey: secretKey });
  await socket.bind("tcp://127.0.0.1:*");
  t.after(() => socket.close());
  assert.match(await outcome(socket.lastEndpoint), /^(closed|protocol)$/);
});

test("a peer that falls silent times out", async (t) => {
  for (const script of ["", GREETING.subarray(0, 10), GREETING, Buffer.concat([GREETING, READY]), Buffer.concat([GREETING, READY, frame(1, "1")])]) {
    const { address, sockets } = await peer(t, (socket) => socket.write(script));
    assert.equal(await outcome(address, { timeout: 50 }), "timeout");
    while (sockets.size) await new Promise(setImmediate); // nothing stays open
  }
});

test("a peer that never lets connect is a timeout", async () => {
  const hung = new Promise(() => {});
  const connect = () => ({ ...told([])(), opened: hung, closed: hung });
  assert.equal(await outcome("tcp://a:1", { connect, timeout: 20 }), "timeout");
  const mute = () => ({ ...told([])(), writable: { getWriter: () => ({ write: () => hung }) } });
  assert.equal(await outcome("tcp://a:1", { connect: mute, timeout: 20 }), "timeout");
});

const GOOD = Buffer.concat([GREETING, READY, answer("1", { status_code: 202 })]);

test("a peer that closes is closed, at whatever byte", async () => {
  for (let size = 0; size < GOOD.length; size++) {
    assert.equal(await outcome("tcp://a:1", { connect: told([GOOD.subarray(0, size)]) }), "closed", `after ${size} bytes`);
  }
  const lost = () => ({ ...told([])(), readable: { getReader: () => ({ read: async () => { throw new Error("ECONNRESET"); } }) } });
  assert.equal(await outcome("tcp://a:1", { connect: lost }), "closed");
  const deaf = () => ({ ...told([GOOD])(), writable: { getWriter: () => ({ write: async () => { throw new Error("EPIPE"); } }) } });
  assert.equal(await outcome("tcp://a:1", { connect: deaf }), "closed");
});

test("bytes may come one by one, and in any pieces", async (t) => {
  assert.equal(await outcome("tcp://a:1", { connect: told(Array.from(GOOD, (byte) => Uint8Array.of(byte))) }), "202");
  for (let cut = 1; cut < GOOD.length; cut++) {
    assert.equal(await outcome("tcp://a:1", { connect: told([GOOD.subarray(0, cut), Buffer.alloc(0), GOOD.subarray(cut)]) }), "202");
  }
  const { address } = await peer(t, async (socket, take) => {
    socket.setNoDelay(true);
    const say = async (bytes) => {
      for (const byte of bytes) {
        socket.write(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
    };
    await say(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    const [id] = await request(take);
    await say(answer(id, { status_code: 202 }));
  });
  assert.equal(await outcome(address), "202");
});

test("whatever a peer says, there is an answer or an error", async () => {
  const codes = new Map();
  for (let at = 0; at < GOOD.length; at++) {
    for (const change of [(b) => b ^ 1, (b) => b ^ 0x80, () => 0, () => 255, (b) => b + 1, (b) => b ^ 4, (b) => b ^ 2]) {
      const script = Buffer.from(GOOD);
      script[at] = change(script[at]);
      const code = await outcome("tcp://a:1", { connect: told([script]) });
      assert.match(code, /^(202|\d{1,3}|closed|protocol|wrong_socket_type|too_large)$/);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  for (const code of ["202", "closed", "protocol", "wrong_socket_type", "too_large"]) assert.ok(codes.has(code), code);
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 0x7fffffff);
  for (let n = 0; n < 3000; n++) {
    const script = Buffer.from(GOOD);
    for (let k = random() % 6; k >= 0; k--) script[random() % script.length] = random() % 256;
    await outcome("tcp://a:1", { connect: told([script.subarray(0, random() % (script.length + 1)), script]) });
  }
});

/** What becomes of a request when these bytes follow a good handshake. */
const after = (...bytes) => outcome("tcp://a:1", { connect: told([GREETING, READY, ...bytes]), maxAnswer: 1000 });

test("faults are named", async () => {
  const greeting = (at, value) => Object.assign(Buffer.from(GREETING), { [at]: value });
  for (const [want, script] of [
    ["protocol", [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]],
    ["protocol", [greeting(0, 0xfe)]],
    ["protocol", [greeting(9, 0x7e)]],
    ["protocol", [greeting(10, 2).subarray(0, 11)]],
    ["202", [greeting(10, 4), GOOD.subarray(64)]],
    ["202", [greeting(11, 0), GOOD.subarray(64)]],
    ["protocol", [Buffer.from(GREETING.toString("latin1").replace("NULL\0", "CURVE"), "latin1"), READY]],
    ["protocol", [greeting(31, 1), READY]],
    ["protocol", [GREETING, command("ERROR", "\x03no!")]],
    ["protocol", [GREETING, frame(0, "x")]],
    ["protocol", [GREETING, frame(0, READY.subarray(2))]],
    ["protocol", [GREETING, command("READY")]],
    ["protocol", [GREETING, command("READY", property("Identity", "a"))]],
    ["protocol", [GREETING, command("READY", Buffer.concat([property("Socket-Type", "ROUTER"), property("socket-type", "ROUTER")]))]],
    ["protocol", [GREETING, command("READY", Buffer.concat([property("Socket-Type", "ROUTER"), Buffer.from([9, 65])]))]],
    ["protocol", [GREETING, command("READY", property("", "ROUTER"))]],
    ["protocol", [GREETING, command("READY", Buffer.concat([Buffer.from("\x0bSocket-Type\0\0\0\x07ROUTER")]))]],
    ["202", [GREETING, command("READY", property("SOCKET-TYPE", "ROUTER")), GOOD.subarray(64 + READY.length)]],
    ["too_large", [GREETING, frame(4, Buffer.alloc(8193))]],
  ]) {
    assert.equal(await outcome("tcp://a:1", { connect: told(script) }), want, String(script));
  }
  for (const [want, ...bytes] of [
    ["202", answer("1", { status_code: 202 })],
    ["202", answer("7", { status_code: 500 }), answer("1", { status_code: 202 })],
    ["202", command("PONG"), command("LATER", "x"), answer("1", { status_code: 202 })],
    ["202", frame(1, "1"), command("PING", "\0\0"), frame(0, '{"status_code":202}')],
    ["protocol", answer("1", "null")],
    ["protocol", answer("1", "[]")],
    ["protocol", answer("1", "{}")],
    ["protocol", answer("1", '{"status_code":"202"}')],
    ["protocol", answer("1", '{"status_code":202')],
    ["protocol", Buffer.concat([frame(1, "1"), frame(0, Buffer.from('{"status_code":202,"a":"\xff"}', "latin1"))])],
    ["protocol", frame(0, "1")],
    ["protocol", frame(1, ""), frame(1, "1"), frame(0, '{"status_code":202}')],
    ["protocol", frame(1, "1"), frame(1, "{}"), frame(1, "")],
    ["protocol", command("READY")],
    ["protocol", command("ERROR", "\0")],
    ["protocol", command("PING", "\0")],
    ["protocol", command("PING", `\0\0${"x".repeat(17)}`)],
    ["protocol", frame(4, "")],
    ["protocol", frame(4, "\x05PIN")],
    ["protocol", frame(5, "\x04PONG")],
    ["protocol", frame(8, "1")],
    ["202", frame(1, "1"), frame(0, `{"status_code":202}${" ".repeat(980)}`)],
    ["too_large", frame(1, "1"), frame(0, `{"status_code":202}${" ".repeat(981)}`)],
    ["too_large", Buffer.from([3, 0, 0, 0, 0, 0, 0, 3, 0xe9])],
    ["too_large", Buffer.from([2, 0, 0, 0, 0, 0x80, 0, 0, 0])],
    ["too_large", Buffer.from([2, 0x40, 0, 0, 0, 0, 0, 0, 0])],
    ["too_large", Buffer.from([2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ]) {
    assert.equal(await after(...bytes), want, Buffer.concat(bytes).toString("latin1").slice(0, 40));
  }
});

test("what is too large is neither awaited nor given room", async (t) => {
  const { address } = await peer(t, async (socket, take) => {
    socket.write(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    const [id] = await request(take);
    socket.write(Buffer.concat([frame(1, id), Buffer.from([2, 0, 0, 0, 1, 0, 0, 0, 0])])); // 4 GiB to come
  });
  const before = process.memoryUsage().arrayBuffers;
  assert.equal(await outcome(address), "too_large");
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 << 20);
});

test("a PING is answered with what it carries, between two requests' bytes", async (t) => {
  const { address } = await peer(t, async (socket, take) => {
    socket.write(Buffer.concat([GREETING, READY, command("PING", "\0\x09context")]));
    await take(HELLO);
    const got = await take(14);
    const ponged = got.equals(command("PONG", "context"));
    const [id] = await request(take);
    socket.write(answer(id, { status_code: ponged ? 202 : 500 }));
  });
  const dealer = await Dealer.open({ connect, address });
  await new Promise((resolve) => setTimeout(resolve, 50)); // the PONG goes first
  assert.equal((await dealer.request(headers, body)).status, 202);
  dealer.close();
});

test("the answer's rest is what HTTP says", async () => {
  const document = { code: "overloaded", status: 503, status_code: 503, retry_after: 7 };
  const connect = told([GREETING, READY, answer("1", document)]);
  const got = await zmtp({ connect, address: "tcp://a:1" })({ headers, body, signal });
  assert.deepEqual(got, { status: 503, retryAfter: 7, body: { code: "overloaded", status: 503 } });
});

test("a request that is late ends alone", async (t) => {
  const { address } = await peer(t, async (socket, take) => {
    socket.write(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    const [first] = await request(take);
    const [second] = await request(take);
    socket.write(Buffer.concat([answer(first, { status_code: 500 }), answer(second, { status_code: 202 })]));
  });
  const dealer = await Dealer.open({ connect, address });
  const gone = new AbortController();
  const first = dealer.request(headers, body, gone.signal);
  gone.abort();
  await assert.rejects(first, { code: "aborted", retryable: false });
  await assert.rejects(dealer.request(headers, body, gone.signal), { code: "aborted" }, "and nothing is sent");
  assert.equal((await dealer.request(headers, body)).status, 202);
  dealer.close();
});

test("what ends the connection ends every request", async (t) => {
  const { address } = await peer(t, async (socket, take) => {
    socket.write(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    await request(take);
    await request(take);
    socket.destroy();
  });
  const dealer = await Dealer.open({ connect, address });
  for (const { reason } of await Promise.allSettled([dealer.request(headers, body), dealer.request(headers, body)])) {
    assert.equal(reason.code, "closed");
    assert.equal(reason.retryable, true);
  }
  await assert.rejects(dealer.request(headers, body), { code: "closed" });
});

test("an answer that is waited for has the time for it", async (t) => {
  const { address } = await peer(t, async (socket, take) => {
    socket.write(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    const [id] = await request(take);
    setTimeout(() => socket.write(answer(id, { status_code: 200 })), 200);
  });
  assert.equal(await outcome(address, { timeout: 100 }), "timeout");
  const { status } = await zmtp({ connect, address, timeout: 100 })({ headers: { ...headers, prefer: "wait=20" }, body, signal });
  assert.equal(status, 200);
});

test("a request that is given up before its turn is not written, and the next one is", async () => {
  const written = [];
  let free = () => {};
  const half = () => {
    const { readable, close } = told([Buffer.concat([GREETING, READY])])();
    const reader = readable.getReader();
    const read = async () => { // and silence
      const piece = await reader.read();
      return piece.done ? new Promise(() => {}) : piece;
    };
    const write = async (bytes) => {
      if (written.push(bytes.length) === 3) await new Promise((resolve) => (free = resolve)); // greeting, READY, and the first request
    };
    return { readable: { getReader: () => ({ read }) }, writable: { getWriter: () => ({ write }) }, close };
  };
  const dealer = await Dealer.open({ connect: half, address: "tcp://a:1", timeout: 20 });
  for (let n = 0; n < 3; n++) await assert.rejects(dealer.request(headers, body), { code: "timeout" });
  assert.equal(written.length, 3);
  free();
  await assert.rejects(dealer.request(headers, body), { code: "timeout" });
  assert.equal(written.length, 4);
  dealer.close();
});

test("a router that cannot be reached", async () => {
  assert.equal(await outcome("tcp://127.0.0.1:1"), "unreachable");
  assert.equal(await outcome("tcp://[::1]:1"), "unreachable");
  const refuses = () => {
    throw new TypeError("proxy request failed");
  };
  assert.equal(await outcome("tcp://a:1", { connect: refuses }), "unreachable");
});

test("the caller's signal ends it, and closes", async (t) => {
  const { address, sockets } = await peer(t, () => {});
  const post = zmtp({ connect, address, timeout: patience });
  await assert.rejects(post({ headers, body, signal: AbortSignal.abort() }), { code: "aborted" });
  await assert.rejects(post({ headers, body, signal: AbortSignal.timeout(20) }), { code: "timeout", retryable: true });
  while (sockets.size) await new Promise(setImmediate);
});

test("one connection for each request, which is closed", async (t) => {
  let connections = 0;
  const { address, sockets } = await peer(t, async (socket, take) => {
    connections++;
    socket.write(Buffer.concat([GREETING, READY]));
    await take(HELLO);
    const [id] = await request(take);
    socket.write(answer(id, { status_code: 202 }));
  });
  for (let n = 0; n < 3; n++) assert.equal(await outcome(address), "202");
  assert.equal(connections, 3);
  while (sockets.size) await new Promise(setImmediate);
});

test("in TLS", async (t) => {
  const address = await router(t, (id) => [[id, '{"status_code":202}']]);
  const secret = { psk: Buffer.alloc(32, 1), identity: "test" };
  const ciphers = "PSK-AES256-GCM-SHA384";
  const front = tls.createServer({ ciphers, maxVersion: "TLSv1.2", pskCallback: () => secret.psk }, (sealed) => {
    const plain = net.connect(Number(address.split(":").at(-1)), "127.0.0.1");
    sealed.pipe(plain).pipe(sealed);
    for (const end of [sealed, plain]) end.on("error", () => {}).on("close", () => (sealed.destroy(), plain.destroy()));
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(() => front.close());
  const to = `tls://127.0.0.1:${front.address().port}`;
  const trusting = connector({ ciphers, maxVersion: "TLSv1.2", minVersion: "TLSv1.2", pskCallback: () => secret, checkServerIdentity: () => undefined });
  assert.equal(await outcome(to, { connect: trusting }), "202");
  assert.equal(await outcome(to), "unreachable"); // another key, or none
  assert.match(await outcome(to.replace("tls", "tcp"), { timeout: 200 }), /^(closed|protocol|timeout)$/);
});

test("addresses", () => {
  for (const good of ["tcp://127.0.0.1:5555", "tls://router.example:443", "tcp://[::1]:1", "tls://a-b.c:65535"]) zmtp({ connect, address: good });
  for (const bad of ["", "127.0.0.1:5555", "tcp://a", "tcp://a:0", "tcp://a:65536", "tcp://a:1/", "tcp://u@a:1", "http://a:1", "TCP://a:1", "tcp://::1:1", " tcp://a:1", "tcp://a:1\n"]) {
    assert.throws(() => zmtp({ connect, address: bad }), TypeError, bad);
  }
});
