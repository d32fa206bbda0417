import { Producer } from "../dist/index.js";

/** An event for tests. */
export const order = (id = "order-1") => ({ specversion: "1.0", id, source: "//shop.example/till", type: "com.example.order.created", data: { amount: 12.5 } });

/** Makes an answer of a router's, as HTTP has it. */
export function answer(status, doc, headers = {}) {
  return new Response(doc === undefined ? null : typeof doc === "string" ? doc : JSON.stringify(doc), { status, headers });
}

/** Makes the answer to an event that was taken. */
export const taken = (status = 202, word = "accepted", id = "order-1") => answer(status, { id, source: "//shop.example/till", status: word });

/** Makes a refusal (RFC 9457). */
export function problem(status, code, retryAfter, more = {}) {
  const headers = { "content-type": "application/problem+json", ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }) };
  return answer(status, { type: "about:blank", title: "no", status, code, request_id: "r1", ...more }, headers);
}

/**
 * A router that gives the answers of a script, one to each request, and keeps what
 * it was sent. An answer may be a function of the request. Time is told, not spent:
 * it moves by each sleep and by a second at each request.
 */
export function script(...answers) {
  const seen = [];
  const slept = [];
  let time = Date.UTC(2026, 10, 22, 10, 0, 0);
  const fetch = async (url, init) => {
    seen.push({ url, ...init, now: time });
    time += 1000;
    const next = answers.length > 1 ? answers.shift() : answers[0];
    const given = typeof next === "function" ? await next(url, init) : next instanceof Response ? next.clone() : next;
    if (given instanceof Error) throw given;
    if (given instanceof Response) bodies.push(given);
    return given;
  };
  const bodies = [];
  const sleep = async (ms) => {
    slept.push(ms);
    time += ms;
  };
  return { fetch, sleep, now: () => time, random: () => 0.5, seen, slept, bodies };
}

export const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/** Makes a Producer that talks to a script. */
export function producerTo(to, credential, more = {}) {
  const { fetch, sleep, now, random } = to;
  return new Producer({ url: "https://events.example", credential, fetch, sleep, now, random, ...more });
}

/** Gives what a promise rejects with. */
export const fault = (promise) => promise.then((value) => { throw new Error(`it was taken: ${JSON.stringify(value)}`); }, (e) => e);
