import { isSealed } from "./address.js";
import { type Answer, answerOf, type Status, statusOf } from "./answer.js";
import { utf8 } from "./bytes.js";
import type { Credential } from "./credential.js";
import { type EdgeError, faultOf, tried } from "./error.js";
import { type CloudEvent, named } from "./event.js";
import { exchange } from "./http.js";
import type { Post, PostAnswer } from "./post.js";
import type { EventSigner } from "./dsse.js";
import { within } from "./within.js";

/** Where events go and how. */
export interface ProducerOptions {
  /** Base of a router's HTTP door, as https://events.example: what follows is /v1/events. Plain http is for loopback addresses, and for a fetch of yours. */
  url?: string | undefined;
  /** Another way for events, as that of "./zmtp". Questions go by url. */
  post?: Post | undefined;
  /** What proves the sender. */
  credential: Credential;
  /** Signs each event end to end, once before its first try. */
  signEvent?: EventSigner | undefined;
  /** In all; 3. */
  tries?: number | undefined;
  /** ms of one try, from asking for the credential to the last byte of the answer; 5000. `wait` comes on top. It runs while the platform holds a request back, too. */
  timeout?: number | undefined;
  /** ms, the most that is waited between tries; 2000. Where the router asks for more, the error says so. */
  maxWait?: number | undefined;
  fetch?: typeof fetch | undefined;
  /** ms since 1970. */
  now?: (() => number) | undefined;
  /** 0 to 1. */
  random?: (() => number) | undefined;
  sleep?: ((ms: number) => Promise<void>) | undefined;
}

/** How one event is sent. */
export interface SendOptions {
  /** Seconds, up to 25, that the router may wait for the event's end and answer with it (RFC 7240, section 4.3). */
  wait?: number | undefined;
  /** Ask for a signed receipt. */
  receipt?: boolean | undefined;
  /** Gives up: EdgeError "aborted". The event may have been taken. */
  signal?: AbortSignal | undefined;
}

const MAX_WAIT = 25; // s that a router waits
const FIRST_PAUSE = 100; // ms, the longest before the second try; it doubles

/**
 * What is tried, the same at each try but for what a credential makes of it.
 * @internal
 */
export interface Request<T> {
  path: string;
  /** Of what is posted; none for a question. */
  type?: string;
  id: string;
  /** What is signed, and posted. */
  readonly body: Uint8Array;
  /** Reads an answer, or throws an EdgeError. */
  read: (answer: PostAnswer, attempts: number) => T;
}

/**
 * Sends events to a router. Every try of an event has the same bytes and the same
 * id, and is proven anew, so that one whose answer was lost does no harm: the next
 * is a duplicate. It keeps nothing between calls but keys, so that requests of an
 * edge may share one.
 */
export class Producer {
  readonly #o: ProducerOptions;
  readonly #url: string;

  /** Throws TypeError for options that cannot be. */
  constructor(options: ProducerOptions) {
    const { url = "", post, fetch: way } = options;
    if (url || !post) {
      const at = new URL(url);
      if (!isSealed(at) && !(way && at.protocol === "http:")) throw new TypeError("url is https");
    }
    this.#o = options;
    this.#url = url.replace(/\/+$/, "");
  }

  /**
   * Sends one event until it is answered for good. Throws EdgeError: with
   * `retryable` the same event may be sent again later, else never as it is.
   */
  async send(event: CloudEvent, options: SendOptions = {}): Promise<Answer> {
    const signed = await this.sign(event);
    const body = utf8(JSON.stringify(signed));
    const read = (answer: PostAnswer, attempts: number) => answerOf(signed, answer, attempts);
    return this.ask({ path: "/v1/events", type: "application/cloudevents+json", id: signed.id, body, read }, options);
  }

  /** Asks where an event is that this sender has sent. EdgeError "not_found" where there is none. Needs url. */
  async status(source: string, id: string, options: Omit<SendOptions, "receipt"> = {}): Promise<Status> {
    const path = `/v1/status?${new URLSearchParams({ source, id })}`;
    if (!this.#url) throw new TypeError("questions need url");
    const read = (answer: PostAnswer) => statusOf({ id, source }, answer);
    return this.ask({ path, id: crypto.randomUUID(), body: utf8(`GET ${path}`), read }, options);
  }

  /**
   * Gives the event with its signature, where signEvent is there and it has none
   * yet. Sending does this by itself: for events that lie somewhere first.
   */
  async sign(event: CloudEvent): Promise<CloudEvent> {
    const { dssematerial } = named(event);
    const { signEvent } = this.#o;
    return signEvent && dssematerial === undefined ? signEvent(event) : event;
  }

  /**
   * Asks until there is an answer for good. What "./batch" is made of, and no promise.
   * @internal
   */
  async ask<T>(request: Request<T>, options: SendOptions): Promise<T> {
    const { credential, tries = 3, timeout = 5000, maxWait = 2000, now = Date.now, random = Math.random, sleep = pause } = this.#o;
    const { path, type, id, read } = request;
    let wait = Math.min(Math.ceil(options.wait ?? 0), MAX_WAIT);
    const http: Post = ({ body, ...rest }) => exchange(this.#o.fetch, this.#url + path, { ...rest, ...(type && { method: "POST", body: body as BodyInit }) });
    const post = (type && this.#o.post) || http;
    const once = async (signal: AbortSignal) => {
      const { body } = request;
      const prefer = [wait > 0 && `wait=${wait}`, options.receipt && "return=receipt"].filter(Boolean).join(", ");
      const proof = await credential({ id, body, now: now() }).catch((cause: unknown) => {
        throw faultOf(cause, "credential_unavailable");
      });
      return post({ headers: { ...(type && { "content-type": type }), ...(prefer && { prefer }), ...proof }, body, signal });
    };
    for (let attempts = 1; ; attempts++) {
      try {
        return read(await within(timeout + wait * 1000, options.signal, once), attempts);
      } catch (thrown) {
        const fault = tried(thrown as EdgeError, attempts);
        const { retryable, status, retryAfter = 0 } = fault;
        if (fault.code === "timeout") wait = 0; // who is silent once is not waited for again
        if (!retryable || attempts >= tries || (attempts > 1 && status === 401) || retryAfter * 1000 > maxWait) throw fault;
        await sleep(Math.min(retryAfter * 1000 + random() * FIRST_PAUSE * 2 ** (attempts - 1), maxWait)); // full jitter
      }
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
