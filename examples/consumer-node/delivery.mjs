// Open deliveries: act on no frame before open() has returned its event.

import { createHash, createPublicKey, verify } from "node:crypto";

const REMEMBERED = 64; // roots per key that are known to be signed: one check serves a batch

/** A delivery fails the check that is the error's message. */
export class Refused extends Error {}

/** Reads the router's public keys, a JWK Set as `headgate key export` writes it. */
export function parseKeys(text) {
  const keys = new Map();
  for (const jwk of JSON.parse(text).keys) {
    if (jwk.crv !== "Ed25519") continue;
    keys.set(jwk.kid, { public: createPublicKey({ key: jwk, format: "jwk" }), roots: new Set() });
  }
  if (!keys.size) throw new Error("no Ed25519 key");
  return keys;
}

/** Gives header and event, or throws Refused for the first check that fails; now is in seconds. */
export function open(frames, keys, channels, now) {
  must(frames.length === 5, "frames");
  const header = read(frames[1], "frames", "id", "source", "channel", "kid");
  must(header.v === 1 && Number.isInteger(header.exp), "frames");
  must(keys.has(header.kid), "kid");
  checkRoot(frames, header.kid, keys.get(header.kid));
  must(channels.includes(header.channel), "channel");
  const event = read(frames[2], "event", "specversion", "id", "source", "type");
  must(frames[0].equals(Buffer.from(event.type)), "topic");
  must(header.id === event.id && header.source === event.source, "identity");
  must(Math.floor(now) <= header.exp, "expired");
  return { header, event };
}

/** Climbs from the delivery's leaf to the root of its batch, which the key signed. */
function checkRoot(frames, kid, key) {
  const block = frames[4];
  must(block.length >= 73 && block[0] === 1, "block");
  let index = block.readUInt32BE(1);
  const size = block.readUInt32BE(5);
  must(index < size && size <= 256, "block");
  let node = leaf(frames);
  let at = 73;
  for (let last = size - 1; last > 0; last >>= 1, index >>= 1) { // RFC 9162, section 2.1.3
    if (index % 2 === 0 && index === last) continue; // no sibling on this level of the tree
    const sibling = block.subarray(at, at + 32);
    node = sha256("\x01", ...(index % 2 ? [sibling, node] : [node, sibling]));
    at += 32;
  }
  must(at === block.length, "block");
  const text = `headgate.root.v1\n${kid}\n${size}\n${node.toString("base64")}\n`;
  if (key.roots.has(text)) return;
  must(verify(null, Buffer.from(text), key.public, block.subarray(9, 73)), "root");
  key.roots.add(text);
  if (key.roots.size > REMEMBERED) key.roots.delete(key.roots.keys().next().value);
}

export function leaf(frames) {
  const parts = [Buffer.from("headgate.delivery.v1"), ...frames.slice(0, 4)];
  return sha256("\0HGPAE1", le64(parts.length), ...parts.flatMap((p) => [le64(p.length), p]));
}

/** Reads a JSON object that every language reads alike, with these string members. */
export function read(frame, check, ...strings) {
  let value;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(frame);
    let members = -1; // the reviver is called for the whole, too
    value = JSON.parse(text, function (name, value) {
      if (!Array.isArray(this)) members++;
      must(name.isWellFormed(), check);
      if (typeof value === "string") must(value.isWellFormed(), check);
      if (typeof value === "number") must(Number.isFinite(value), check);
      return value;
    });
    // A name that is repeated stands in the text more often than in the value.
    const tokens = [...text.matchAll(/"(?:[^"\\]+|\\.)*"(\s*:)?/g)];
    must(tokens.filter(([, colon]) => colon).length === members, check);
  } catch {
    throw new Refused(check);
  }
  must(value !== null && typeof value === "object" && !Array.isArray(value), check);
  must(strings.every((name) => typeof value[name] === "string"), check);
  return value;
}

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function le64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

export function must(holds, check) {
  if (!holds) throw new Refused(check);
}
