// The side of a router that consumers see: a PUSH or PUB for deliveries, a PULL for replies.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Publisher, Pull, Push } from "zeromq";
import { leaf } from "../dist/consumer/delivery.js";

export const TYPE = "com.example.order.created";
export const SOURCE = "//shop.example/till";

/** A delivery key, made of one byte. */
export function routerKey(seed) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, seed)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  const kid = createHash("sha256").update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest("base64url").slice(0, 16);
  return { key, kid, jwk: { kty: "OKP", crv: "Ed25519", kid, use: "sig", alg: "EdDSA", x } };
}

export const key = routerKey(7);
export const otherKey = routerKey(8);

export const jwks = (...keys) => ({ keys: keys.map(({ jwk }) => jwk) });

export const id = (n) => `order-${n}`;

export const eventOf = (n, rest = {}) => ({ specversion: "1.0", id: id(n), source: SOURCE, type: TYPE, data: { n }, ...rest });

/** Five signed frames, of event n unless another is given; spoil may change them afterwards. */
export function framesOf(n, { by = key, event = eventOf(n), spoil, ...header } = {}) {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const said = { v: 1, id: event.id, source: event.source, channel: "commands", seq: n, attempt: 1, exp, kid: by.kid, ...header };
  const frames = [event.type, JSON.stringify(said), JSON.stringify(event), ""].map((frame) => Buffer.from(frame));
  const text = `headgate.root.v1\n${by.kid}\n1\n${leaf(frames).toString("base64")}\n`;
  frames.push(Buffer.concat([Buffer.from("010000000000000001", "hex"), sign(null, Buffer.from(text), by.key)]));
  spoil?.(frames);
  return frames;
}

const ends = new WeakMap();

/** Has a test end with this, last in first out: a consumer ends before its router. */
function defer(t, end) {
  if (!ends.has(t)) {
    ends.set(t, []);
    t.after(async () => {
      for (const end of ends.get(t).reverse()) await end();
    });
  }
  ends.get(t).push(end);
}

/** A router that ends with the test. */
export class Router {
  replies = []; // that came, and were not asked for yet
  frames = []; // of all that came, how many replies each has
  #wake = () => {};

  constructor(t, { curve, pub = false } = {}) {
    this.channel = pub ? new Publisher({ linger: 0, ...curve }) : new Push({ linger: 0, ...curve });
    this.desk = new Pull({ linger: 0, ...curve });
    defer(t, () => this.stop());
  }

  static async open(t, o) {
    const router = new Router(t, o);
    await router.channel.bind("tcp://127.0.0.1:*");
    await router.desk.bind("tcp://127.0.0.1:*");
    router.going = router.#read();
    return router;
  }

  get at() {
    return this.channel.lastEndpoint;
  }

  get reply() {
    return this.desk.lastEndpoint;
  }

  /** Delivers event n, as framesOf says; gives its lease. */
  async deliver(n, o = {}) {
    const lease = randomBytes(16).toString("base64url");
    await this.channel.send(framesOf(n, { lease, reply: this.reply, ...o }));
    return lease;
  }

  /** Gives the next reply that is no progress, unless that is asked for. */
  async next({ progress = false } = {}) {
    for (;;) {
      const at = this.replies.findIndex((one) => (one.status === "progress") === progress);
      if (at >= 0) return this.replies.splice(at, 1)[0];
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  async stop() {
    this.channel.close();
    this.desk.close();
    await this.going;
  }

  async #read() {
    for await (const [text] of this.desk) {
      const said = JSON.parse(text);
      const replies = Array.isArray(said) ? said : [said];
      this.replies.push(...replies);
      this.frames.push(replies.length);
      this.#wake();
    }
  }
}

/** Runs a consumer, or a subscriber, until the test or stop ends it. */
export function running(t, consumer, work, o = {}) {
  const end = new AbortController();
  const ended = consumer.run(work, { ...o, signal: end.signal });
  const stop = () => {
    end.abort();
    return ended;
  };
  defer(t, stop);
  return stop;
}

/** A folder of the test's own. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Puts a file in place at once, as an editor does. */
export function put(path, value) {
  writeFileSync(`${path}.next`, typeof value === "string" ? value : JSON.stringify(value));
  renameSync(`${path}.next`, path);
}

/** Waits for what has to come. */
export async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
