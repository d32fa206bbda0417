/// <reference types="node" />
import { isSealed } from "../address.js";
import { parseKeys, type Keys } from "./keys.js";

export const MAX_KEY_SET: number = 256 << 10; // bytes: many times the most keys that are read
const TIMEOUT = 5000; // ms for the whole answer of a key server

/** Makes sure that nobody between can change the keys. */
export function checkURL(url: URL): void {
  if (isSealed(url)) return;
  throw new Error(`${named(url)}: keys come over https, or over http from a literal loopback address such as 127.0.0.1`);
}

/** Asks a key server, for example a router's /.well-known/jwks.json. It follows no redirect. */
export async function fetchKeys(url: URL, ask: typeof fetch, signal: AbortSignal): Promise<Keys> {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error("it is given up"));
  const timer = setTimeout(() => controller.abort(new Error(`it did not answer within ${TIMEOUT / 1000} s`)), TIMEOUT);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    const headers = { accept: "application/jwk-set+json, application/json" };
    const answer = await ask(url, { headers, redirect: "manual", signal: controller.signal });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`it answered ${answer.status}`);
    }
    return parseKeys(await readAtMost(answer, MAX_KEY_SET));
  } catch (fault) {
    const { message } = (controller.signal.aborted ? controller.signal.reason : fault) as Error;
    throw new Error(`router keys from ${named(url)}: ${message}`, { cause: fault });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function readAtMost(answer: Response, most: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > most) throw new Error(`over ${most >> 10} KiB`); // leaving the loop cancels the rest
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Without a password that may stand in it. */
function named(url: URL): string {
  return url.origin + url.pathname;
}
