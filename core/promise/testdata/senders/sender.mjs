// A sender of events that nobody here wrote: the npm packages cloudevents, which
// makes and posts them, and standardwebhooks, which signs.
//
//   node sender.mjs '{"url":"http://127.0.0.1:8080/v1/events","secret":"whsec_.."}'
//
// Each line on stdin is a request, and is answered with a line; it ends with stdin:
//
//   {"way":"structured","events":[SHAPE]}    by the package's own HTTP transport
//   {"way":"fetched","events":[SHAPE]}       the same by fetch
//   {"way":"binary","token":T,"events":[..]} by fetch
//   {"way":"batch","events":[SHAPE,..]}      by fetch: the package writes no batches, its events do JSON
//
// With a token that is the credential, else the signature of one who has the
// secret. A SHAPE is what is wanted of an event: its attributes, and "json",
// "text" or "base64" as its data; an extension {"time":T} or {"base64":B} is a
// Date or bytes. The answer is {"answer":JSON}, with "ok" where the transport
// tells whether it was a success, or {"threw":TEXT}.
import { createInterface } from 'node:readline';
import { CloudEvent, HTTP, Mode, emitterFor, httpTransport } from 'cloudevents';
import { Webhook } from 'standardwebhooks';

const { url, secret } = JSON.parse(process.argv[2]);
const webhook = new Webhook(secret);

const credential = (token, id, body = '') => {
  if (token) return { authorization: `Bearer ${token}` };
  const now = new Date();
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': webhook.sign(id, now, body),
  };
};

const extension = (value) => {
  if (value?.time) return new Date(value.time);
  if (value?.base64) return Buffer.from(value.base64, 'base64');
  return value;
};

const event = ({ json, text, base64, extensions = {}, ...attributes }) => {
  const data = json ?? text ?? (base64 === undefined ? undefined : Buffer.from(base64, 'base64'));
  const extra = Object.entries(extensions).map(([name, value]) => [name, extension(value)]);
  return new CloudEvent({ ...attributes, ...Object.fromEntries(extra), ...(data !== undefined && { data }) });
};

const native = httpTransport(url);
const byPackage = async (message, { token, id }) => {
  const { body } = await native(message, { headers: credential(token, id, message.body) });
  return { answer: JSON.parse(body) };
};
const byFetch = async ({ headers, body }, { token, id }) => {
  const response = await fetch(url, { method: 'POST', headers: { ...headers, ...credential(token, id, body) }, body });
  return { ok: response.ok, answer: await response.json() };
};

const ways = {
  structured: emitterFor(byPackage, { binding: HTTP, mode: Mode.STRUCTURED }),
  fetched: emitterFor(byFetch, { binding: HTTP, mode: Mode.STRUCTURED }),
  binary: emitterFor(byFetch, { binding: HTTP, mode: Mode.BINARY }),
};
const send = ({ way, token, events }) => {
  const made = events.map(event);
  if (way !== 'batch') return ways[way](made[0], { token, id: made[0].id });
  const headers = { 'content-type': 'application/cloudevents-batch+json' };
  return byFetch({ headers, body: JSON.stringify(made) }, { token, id: 'batch' });
};

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await send(JSON.parse(line));
  } catch (e) {
    said = { threw: e.message };
  }
  console.log(JSON.stringify(said));
}
