/// <reference types="node" />
import { createHash } from "node:crypto";
import { read, type JsonObject } from "./json.js";
import type { Keys } from "./keys.js";
import { must } from "./refused.js";

/** What the router says of a delivery, signed by it. Telemetry has no lease and no principal. */
export interface Header {
  readonly v: 1;
  /** Of the event. */
  readonly id: string;
  readonly source: string;
  readonly channel: string;
  /** Opaque; grows with acceptance. */
  readonly seq?: number;
  /** Hand-overs of this event on this channel, from 1. */
  readonly attempt?: number;
  /** The right to reply. */
  readonly lease?: string;
  /** Address to PUSH replies to. */
  readonly reply?: string;
  /** RFC 3339, UTC. */
  readonly accepted?: string;
  /** Unix seconds; not to be acted on afterwards. */
  readonly exp: number;
  readonly principal?: { readonly provider: string; readonly issuer?: string; readonly subject: string };
  readonly proof?: { readonly transport: string; readonly event?: string };
  readonly transforms?: readonly { readonly name: string; readonly version: string }[];
  /** "sha256:" and hex over the original, when that is kept. */
  readonly in?: string;
  readonly traceparent?: string;
  readonly kid: string;
}

/** A CloudEvents 1.0 event in JSON. */
export interface ConsumedEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** Gives header and event, or throws Refused for the first check that fails; now is in seconds. */
export function open(
  frames: readonly Uint8Array[],
  keys: Keys,
  channels: readonly string[],
  now: number,
): { header: Header; event: ConsumedEvent } {
  must(frames.length === 5, "frames");
  const [topic, head, body, , block] = frames as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const said: JsonObject = read(head, "frames", "id", "source", "channel", "kid");
  must(said["v"] === 1 && Number.isInteger(said["exp"]), "frames");
  const header = said as unknown as Header;
  must(keys.has(header.kid), "kid");
  const { root, size, signature } = climb(leaf(frames), block);
  must(keys.verifies(header.kid, size, root, signature), "root");
  must(channels.includes(header.channel), "channel");
  const event = read(body, "event", "specversion", "id", "source", "type") as unknown as ConsumedEvent;
  must(Buffer.from(event.type).equals(topic), "topic");
  must(header.id === event.id && header.source === event.source, "identity");
  must(Math.floor(now) <= header.exp, "expired");
  return { header, event };
}

/** Climbs from a delivery's leaf to the root of its batch, by the proof in the block. */
function climb(leaf: Buffer, frame: Uint8Array): { root: Buffer; size: number; signature: Buffer } {
  const block = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  must(block.length >= PROOF && block[0] === 1, "block");
  let index = block.readUInt32BE(1);
  const size = block.readUInt32BE(5);
  must(index < size && size <= MAX_LEAVES, "block");
  let root = leaf;
  let at = PROOF;
  for (let last = size - 1; last > 0; last >>= 1, index >>= 1) { // RFC 9162, section 2.1.3
    if (index % 2 === 0 && index === last) continue; // no sibling on this level of the tree
    const sibling = block.subarray(at, at + 32);
    root = index % 2 ? sha256("\x01", sibling, root) : sha256("\x01", root, sibling);
    at += 32;
  }
  must(at === block.length, "block");
  return { root, size, signature: block.subarray(9, PROOF) };
}

const PROOF = 73; // where it begins: behind version, index, size and signature
const MAX_LEAVES = 256; // part of the wire contract

/** The leaf of a delivery in the tree of its batch: RFC 6962 over the first four frames. */
export function leaf(frames: readonly Uint8Array[]): Buffer {
  const parts = [Buffer.from("headgate.delivery.v1"), ...frames.slice(0, 4)];
  return sha256("\0HGPAE1", le64(parts.length), ...parts.flatMap((part) => [le64(part.length), part]));
}

function sha256(...parts: (string | Uint8Array)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function le64(n: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}
