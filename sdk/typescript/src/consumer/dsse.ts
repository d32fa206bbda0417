/// <reference types="node" />
import { verify, type KeyObject } from "node:crypto";
import type { ConsumedEvent, Header } from "./delivery.js";
import { isObject, read, type JsonObject } from "./json.js";
import type { Producers } from "./producers.js";
import { must } from "./refused.js";
import { canonical, CORE, DATA, dataOf, decode, digest, MALFORMED, members, utc } from "./sealed.js";

const TYPE = "https://cloudevents.io/verifiability/dsse/v0.1";
const MATERIAL = "dssematerial";
const MAX_MATERIAL = 4096; // bytes: what an attribute may have
const MAX_SIGNATURES = 4;
const EXTENSION = /^[a-z0-9]{1,20}$/;

/**
 * Gives of an opened delivery what its producer has signed, end to end (CloudEvents
 * verifiability, DSSE), or throws Refused; raw is frame 2, as it came.
 */
export function signed(header: Header, raw: Uint8Array, event: ConsumedEvent, producers: Producers): ConsumedEvent {
  const transforms: unknown = header.transforms ?? [];
  must(Array.isArray(transforms) && transforms.length === 0, "transformed");
  const attribute = (name: string) => (Object.hasOwn(event, name) ? event[name] : undefined) ?? undefined;
  const core = CORE.map(attribute);
  must(core.every((value) => value === undefined || (typeof value === "string" && value !== "")), "event");
  must(!DATA.every((name) => Object.hasOwn(event, name)), "event");
  must(attribute(MATERIAL) !== undefined && event[MATERIAL] !== "", "dsse_absent");
  const material = readMaterial(event[MATERIAL], event.source, producers);
  const data = dataOf(members(Buffer.from(raw).toString()));
  const texts = core.slice(0, -1) as (string | undefined)[];
  const sealed = digest([...texts, utc(attribute("time") as string | undefined), data]);
  must(sealed.equals(decode(material.core)), "dsse_core_mismatch");
  const names = material.signedextattrs ?? [];
  if (names.length) {
    const sealed = digest(names.map((name) => canonical(attribute(name))));
    must(sealed.equals(decode(material.ext)), "dsse_extensions_mismatch");
  }
  const kept = [...CORE, ...DATA, ...names, MATERIAL];
  return Object.fromEntries(Object.entries(event).filter(([name]) => kept.includes(name))) as unknown as ConsumedEvent;
}

interface Material {
  core: string;
  ext?: string;
  signedextattrs?: string[];
}

/** Gives what is signed, once a key of the source has verified that it is. */
function readMaterial(value: unknown, source: string, producers: Producers): Material {
  must(typeof value === "string" && value.length <= MAX_MATERIAL && !/[-_]/.test(value), MALFORMED);
  const envelope = read(decode(value), MALFORMED, "payload", "payloadType");
  const signatures = envelope["signatures"];
  must(Array.isArray(signatures) && 1 <= signatures.length && signatures.length <= MAX_SIGNATURES, MALFORMED);
  const parsed = signatures.map((one: unknown) => {
    must(isObject(one), MALFORMED);
    const keyid = one["keyid"] ?? "";
    must(typeof keyid === "string" && one["keyid"] !== null, MALFORMED);
    return { keyid, sig: decode(one["sig"]) };
  });
  const payload = decode(envelope["payload"]);
  must(envelope["payloadType"] === TYPE, "dsse_payload_type");
  const head = `DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `;
  const pae = Buffer.concat([Buffer.from(head), payload]);
  const tries = parsed.flatMap(({ keyid, sig }) => producers.keys(source, keyid).map((key) => verifies(key, sig, pae)));
  must(tries.length > 0, "dsse_no_key");
  must(tries.includes(true), "dsse_signature_mismatch");
  return checkMaterial(read(payload, MALFORMED, "core"));
}

function checkMaterial(material: JsonObject): Material {
  must(decode(material["core"]).length === 32, MALFORMED);
  must(Object.hasOwn(material, "ext") === Object.hasOwn(material, "signedextattrs"), MALFORMED);
  if (Object.hasOwn(material, "ext")) {
    const names = material["signedextattrs"];
    must(decode(material["ext"]).length === 32, MALFORMED);
    must(Array.isArray(names) && names.every((name) => typeof name === "string"), MALFORMED);
    const known = [...CORE, ...DATA, MATERIAL];
    const good = names.filter((name) => EXTENSION.test(name) && !known.includes(name));
    must(names.length > 0 && new Set(good).size === names.length, "dsse_signed_attributes");
  }
  return material as unknown as Material;
}

function verifies(key: KeyObject, sig: Buffer, content: Buffer): boolean {
  if (sig.length !== 64) return false;
  if (key.asymmetricKeyType === "ed25519") return verify(null, content, key, sig);
  return verify("sha256", content, { key, dsaEncoding: "ieee-p1363" }, sig);
}
