import { base64, join, unbase64, utf8 } from "./bytes.js";
import { bad, type CloudEvent, CORE, isExtension, JSON_TYPE } from "./event.js";
import { mustSign, type PrivateKey, sign } from "./key.js";

/**
 * Gives an event with a signature of its producer, which consumers can check
 * whatever routers it went through. Once per event, not per try.
 */
export type EventSigner = (event: CloudEvent) => Promise<CloudEvent>;

/** What events are signed with. */
export interface EventSignerOptions {
  /** A private key on P-256 (ES256) or for Ed25519. */
  key: PrivateKey;
  /** What verifiers know the key by. */
  keyId?: string | undefined;
  /** Extensions that the signature covers, or that they are absent. What it does not cover, verifiers take away. */
  extensions?: readonly string[] | undefined;
}

const TYPE = "https://cloudevents.io/verifiability/dsse/v0.1";

/**
 * Signs events end to end: the extension `dssematerial` (CloudEvents verifiability
 * with DSSE, v0.1), in place of the one that an event may have. A time that is none
 * is EdgeError "bad_event"; a key or an extension that cannot be, TypeError.
 */
export function eventSigner({ key, keyId = "", extensions = [] }: EventSignerOptions): EventSigner {
  mustSign(key, ["P-256", "Ed25519"]);
  const names = ["dssematerial", ...extensions];
  if (!names.every(isExtension) || new Set(names).size < names.length) throw new TypeError("no such extension");
  return async (event) => {
    const payload = utf8(JSON.stringify(await material(event, extensions)));
    const sig = await sign(key, `DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} `, payload);
    const envelope = { payloadType: TYPE, payload: base64(payload), signatures: [{ keyid: keyId, sig }] };
    return { ...event, dssematerial: base64(utf8(JSON.stringify(envelope))) };
  };
}

async function material(event: CloudEvent, extensions: readonly string[]): Promise<object> {
  const own: Record<string, unknown> = { __proto__: null, ...event };
  const text = (name: string) => String(own[name] ?? "");
  if (extensions.some((name) => own[name] === "")) throw bad("an empty extension"); // no verifier can tell it from absent
  const core = await digest([...CORE.map(text), utc(text("time")), dataOf(event)]);
  return extensions.length ? { core, ext: await digest(extensions.map(text)), signedextattrs: extensions } : { core };
}

/** Gives a time in UTC, cut to whole seconds. */
function utc(time: string): string {
  const at = time && new Date(time.replace(/\.\d+/, "")).toJSON();
  if (at === null) throw bad("no time");
  return at.replace(".000", "");
}

/** Gives data in bytes (CloudEvents JSON format, section 3.1), as JSON.stringify writes it into the event. */
function dataOf({ data, data_base64, datacontenttype }: CloudEvent): string | Uint8Array {
  if (data_base64 != null) return unbase64(data_base64);
  return typeof data === "string" && !JSON_TYPE.test(datacontenttype ?? "application/json") ? data : (JSON.stringify(data) ?? "");
}

/** Gives SHA-256 of the SHA-256 of each part, so that no part can reach into another, in base64. */
async function digest(parts: (string | Uint8Array)[]): Promise<string> {
  return base64(await sha256(...(await Promise.all(parts.map((part) => sha256(part))))));
}

const sha256 = async (...parts: (string | Uint8Array | ArrayBuffer)[]): Promise<ArrayBuffer> => crypto.subtle.digest("SHA-256", await join(...parts));
