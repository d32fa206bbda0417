import { isSealed } from "../address.js";
import { read } from "../body.js";
import { type Alg, fits, type Jwk } from "./alg.js";
import { OidcError, refuse } from "./error.js";

/** What a KeySource needs of a Verifier's options. */
export interface SourceOptions {
  issuer: string;
  jwksUri?: string | undefined;
  usableFor?: number | undefined;
  timeout?: number | undefined;
  fetch?: typeof fetch | undefined;
  now?: (() => number) | undefined;
  sleep?: ((ms: number) => Promise<void>) | undefined;
}

const FRESH = 600_000; // ms after which keys are fetched again: one that the issuer has withdrawn serves no longer
const APART = 30_000; // ms between two fetches while there are keys, whatever tokens name
const RETRY = 1_000; // ms between two fetches while there are none
const TURN = 50; // ms between two looks whether another request has got keys
const MAX_SET = 256 << 10; // bytes
const MAX_KEYS = 64; // several rotations of a large issuer at once

/**
 * Keeps the keys of one issuer. Requests share the keys and some times, and nothing
 * that belongs to one of them: who finds another fetching looks again until that is
 * done, or has had its time.
 */
export class KeySource {
  readonly #o: SourceOptions;
  #uri: string | undefined;
  #keys: readonly Jwk[] = [];
  #fetched = 0; // when keys last came, in ms since 1970, as all of these
  #next = 0; // before it there is no other fetch
  #turn = 0; // until then a request is fetching, or was cut off
  #away = false; // the last fetch failed

  /** Throws TypeError for an address that others could answer for. */
  constructor(options: SourceOptions) {
    const { issuer, jwksUri = issuer } = options;
    if (!isSealed(new URL(jwksUri))) throw new TypeError("Verifier: keys not at https");
    this.#o = options;
  }

  /** Gives the one key of an id that fits. Throws OidcError. */
  async find(kid: string, alg: Alg): Promise<Jwk> {
    const { now = Date.now, usableFor = 86_400 } = this.#o;
    const usable = () => (now() <= this.#fetched + usableFor * 1000 ? this.#keys.filter((key) => key["kid"] === kid && fits(key, alg)) : []);
    if (!usable().length || now() > this.#fetched + FRESH) await this.#refresh(() => usable().length > 0);
    const [key, ...others] = usable();
    if (key && !others.length) return key;
    const wait = Math.max(1, Math.ceil((this.#next - now()) / 1000));
    if (this.#away) throw new OidcError("issuer_unavailable", 503, wait);
    return refuse("key_unknown", wait);
  }

  /** Fetches, unless it is too soon, or another request does. */
  async #refresh(enough: () => boolean): Promise<void> {
    const { now = Date.now, timeout = 3000, sleep = pause } = this.#o;
    while (now() < this.#turn) {
      if (enough()) return;
      await sleep(TURN);
    }
    if (now() < this.#next) return;
    this.#turn = now() + timeout;
    try {
      this.#keys = await this.#fetch(AbortSignal.timeout(timeout));
      this.#fetched = now();
      this.#away = false;
    } catch {
      this.#away = true; // the keys that are there stay
      this.#uri = undefined;
    }
    this.#next = now() + (this.#keys.length ? APART : RETRY);
    this.#turn = 0;
  }

  async #fetch(signal: AbortSignal): Promise<readonly Jwk[]> {
    this.#uri ??= this.#o.jwksUri ?? (await this.#discover(signal));
    const { keys } = await this.#get(this.#uri, signal);
    if (!Array.isArray(keys) || !keys.length || keys.length > MAX_KEYS) throw 0;
    return keys.map(Object);
  }

  /** Asks the issuer where its keys are (OpenID Connect Discovery 1.0, section 4). */
  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer } = this.#o;
    const { issuer: name, jwks_uri: uri } = await this.#get(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, signal);
    if (name !== issuer || !isSealed(new URL(uri as string))) throw 0;
    return uri as string;
  }

  async #get(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
    const response = await (this.#o.fetch ?? fetch)(url, { redirect: "manual", signal });
    const text = await read(response, MAX_SET);
    if (response.status !== 200) throw 0;
    return Object(JSON.parse(text ?? "")) as Record<string, unknown>;
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
