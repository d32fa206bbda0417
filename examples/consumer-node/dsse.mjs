// Trust producers: act on nothing but what signed() gives of an opened delivery.

import { createHash, createPublicKey, verify } from "node:crypto";
import { must, read } from "./delivery.mjs";

const TYPE = "https://cloudevents.io/verifiability/dsse/v0.1";
const MATERIAL = "dssematerial";
const MAX_MATERIAL = 4096; // bytes: what an attribute may have
const MAX_SIGNATURES = 4;
export const CORE = "id source specversion type datacontenttype dataschema subject time".split(" ");
export const DATA = ["data", "data_base64"];
const EXTENSION = /^[a-z0-9]{1,20}$/;
const JSON_TYPE = /^[^/;]+\/([^;]*\+)?json\s*(;.*)?$/i;
const TIME =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const MALFORMED = "dsse_malformed";

/**
 * Reads who may sign for which source, for each pattern a JWK Set, as
 * `headgate key export --producers` writes it.
 */
export function parseProducers(text) {
  const producers = [];
  for (const [pattern, jwks] of Object.entries(JSON.parse(text))) {
    const sources = pattern.split("/");
    const last = sources.at(-1);
    const partial = (s) => s.includes("*") && s !== "*";
    if (sources.slice(0, -1).some(partial) || (partial(last) && last !== "**")) {
      throw new Error(`${pattern}: * is a whole segment, ** the last one`);
    }
    if (!jwks.keys.length) throw new Error(`${pattern}: no keys`);
    for (const jwk of jwks.keys) {
      if (!["P-256", "Ed25519"].includes(jwk.crv) || "d" in jwk || !jwk.kid) {
        throw new Error(`${pattern}: a key is public, P-256 or Ed25519, and has a kid`);
      }
      const key = createPublicKey({ key: jwk, format: "jwk" });
      producers.push({ sources, kid: jwk.kid, key });
    }
  }
  if (!producers.length) throw new Error("nobody could sign an event");
  return producers;
}

/** Gives of an opened delivery what its producer has signed, or throws Refused. */
export function signed(header, raw, event, producers) {
  const transforms = header.transforms ?? [];
  must(Array.isArray(transforms) && transforms.length === 0, "transformed");
  const attribute = (name) => (Object.hasOwn(event, name) ? event[name] : undefined) ?? undefined;
  const core = CORE.map(attribute);
  must(core.every((v) => v === undefined || (typeof v === "string" && v !== "")), "event");
  must(!DATA.every((name) => Object.hasOwn(event, name)), "event");
  must(attribute(MATERIAL) !== undefined && event[MATERIAL] !== "", "dsse_absent");
  const material = readMaterial(event[MATERIAL], event.source, producers);
  const data = dataOf(members(raw.toString()));
  const sealed = digest([...core.slice(0, -1), utc(attribute("time")), data]);
  must(sealed.equals(decode(material.core)), "dsse_core_mismatch");
  const names = material.signedextattrs ?? [];
  if (names.length) {
    const sealed = digest(names.map((name) => canonical(attribute(name))));
    must(sealed.equals(decode(material.ext)), "dsse_extensions_mismatch");
  }
  const kept = [...CORE, ...DATA, ...names, MATERIAL];
  return Object.fromEntries(Object.entries(event).filter(([name]) => kept.includes(name)));
}

/** Gives what is signed, once a key of the source has verified that it is. */
function readMaterial(value, source, producers) {
  must(typeof value === "string" && value.length <= MAX_MATERIAL, MALFORMED);
  must(!/[-_]/.test(value), MALFORMED);
  const envelope = read(decode(value), MALFORMED, "payload", "payloadType");
  must(Array.isArray(envelope.signatures), MALFORMED);
  const count = envelope.signatures.length;
  must(1 <= count && count <= MAX_SIGNATURES, MALFORMED);
  const parsed = envelope.signatures.map((one) => {
    must(isObject(one) && (one.keyid === undefined || typeof one.keyid === "string"), MALFORMED);
    return { keyid: one.keyid || "", sig: decode(one.sig) };
  });
  const payload = decode(envelope.payload);
  must(envelope.payloadType === TYPE, "dsse_payload_type");
  const head = `DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `;
  const pae = Buffer.concat([Buffer.from(head), payload]);
  const tries = parsed.flatMap(({ keyid, sig }) =>
    producers
      .filter(({ sources, kid }) => ["", kid].includes(keyid) && fits(sources, source.split("/")))
      .map(({ key }) => verifies(key, sig, pae)),
  );
  must(tries.length > 0, "dsse_no_key");
  must(tries.includes(true), "dsse_signature_mismatch");
  return checkMaterial(read(payload, MALFORMED, "core"));
}

function checkMaterial(material) {
  must(decode(material.core).length === 32, MALFORMED);
  must(Object.hasOwn(material, "ext") === Object.hasOwn(material, "signedextattrs"), MALFORMED);
  if (Object.hasOwn(material, "ext")) {
    const names = material.signedextattrs;
    must(decode(material.ext).length === 32, MALFORMED);
    must(Array.isArray(names) && names.every((name) => typeof name === "string"), MALFORMED);
    const known = [...CORE, ...DATA, MATERIAL];
    const good = names.filter((name) => EXTENSION.test(name) && !known.includes(name));
    must(names.length > 0 && new Set(good).size === names.length, "dsse_signed_attributes");
  }
  return material;
}

function verifies(key, sig, content) {
  if (sig.length !== 64) return false;
  if (key.asymmetricKeyType === "ed25519") return verify(null, content, key, sig);
  return verify("sha256", content, { key, dsaEncoding: "ieee-p1363" }, sig);
}

/** Matches segments: * is any one, ** at the end any rest of at least one. */
export function fits(pattern, source) {
  const rest = pattern.at(-1) === "**";
  const fixed = rest ? pattern.slice(0, -1) : pattern;
  if (rest ? source.length <= fixed.length : source.length !== fixed.length) return false;
  return fixed.every((want, i) => want === "*" || want === source[i]);
}

/** Seals parts, of which one that is absent counts as empty. */
export function digest(parts) {
  return sha256(Buffer.concat(parts.map((part) => sha256(part ?? ""))));
}

/** Writes an extension's value as CloudEvents does, section 3.1. */
export function canonical(value) {
  const integer = Number.isInteger(value);
  must(integer || ["string", "boolean", "undefined"].includes(typeof value), "event");
  return String(value ?? "");
}

/** Writes a time as it is signed: in UTC, cut to whole seconds. */
export function utc(text) {
  if (text === undefined) return "";
  const [, local, sign, hours, minutes] = TIME.exec(text) ?? [];
  const check = "dsse_core_mismatch";
  must(local !== undefined && !local.startsWith("0000"), check);
  const at = new Date(`${local}.000Z`);
  must(!Number.isNaN(at.getTime()) && at.toISOString().startsWith(local), check); // no 30 February
  const ahead = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  at.setTime(at.getTime() + (sign === "-" ? ahead : -ahead));
  const iso = at.toISOString();
  must(/^\d{4}-/.test(iso) && !iso.startsWith("0000"), check);
  return `${iso.slice(0, 19)}Z`;
}

/** Gives an event's data by the CloudEvents JSON format, section 3.1. */
export function dataOf(texts) {
  if (texts.has("data_base64")) return decode(JSON.parse(texts.get("data_base64")), "event");
  const text = texts.get("data") ?? "";
  const media = JSON.parse(texts.get("datacontenttype") ?? "null") ?? "application/json";
  return Buffer.from(text.startsWith('"') && !JSON_TYPE.test(media) ? JSON.parse(text) : text);
}

/** Gives the exact text of each value, by name, of an object that is well formed. */
export function members(text) {
  const found = new Map();
  let depth = 0;
  let name, start;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]+|\\.)*"|[{}[\]]|[^\s,:{}[\]"]+/g)) {
    if (depth === 1 && name === undefined && token !== "}") {
      name = JSON.parse(token);
      continue;
    }
    if (depth === 1) start = index;
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    if (depth === 1 && name !== undefined) {
      found.set(name, text.slice(start, index + token.length));
      name = undefined;
    }
  }
  return found;
}

/** Decodes base64 in its only spelling; DSSE leaves the choice of alphabet. */
function decode(text, check = MALFORMED) {
  must(typeof text === "string" && !(/[-_]/.test(text) && /[+/]/.test(text)), check);
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Buffer.from(standard, "base64");
  must(bytes.toString("base64") === standard, check);
  return bytes;
}

function sha256(part) {
  return createHash("sha256").update(part).digest();
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
