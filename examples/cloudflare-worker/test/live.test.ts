/**
 * The Worker between real neighbours: see TestWorkerOnWorkerd in core/promise,
 * which starts them and binds their addresses and the tokens of two clients.
 */
import { env } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";

interface Live {
  ISSUER: string;
  SOURCE: string;
  TOKEN: string;
  SUBJECT: string;
  OTHERS_TOKEN: string;
  WRONG_TOKEN: string;
}

const { SOURCE, TOKEN, SUBJECT, OTHERS_TOKEN, WRONG_TOKEN } = env as unknown as Live;
const edge = (exports as unknown as { default: Fetcher }).default;

async function ask(way: string, token: string, headers: Record<string, string> = {}, body?: string) {
  const [method = "", path = ""] = way.split(" ");
  const response = await edge.fetch(`https://edge.test${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    ...(body !== undefined && { body }),
  });
  return { status: response.status, said: (await response.json()) as Record<string, unknown> };
}

it("carries a command to its consumer, and the end of it back", { timeout: 60_000 }, async () => {
  const headers = { prefer: "wait=20", "idempotency-key": "live-1" };
  const first = await ask("POST /commands/order.created", TOKEN, headers, '{"amount":12.5}');
  expect(first).toMatchObject({ status: 200, said: { source: SOURCE + SUBJECT, status: "done" } });
  const again = await ask("POST /commands/order.created", TOKEN, headers, '{"amount":12.5}');
  expect(again).toMatchObject({ status: 200, said: { id: first.said["id"], status: "duplicate" } });
  const status = `GET /commands/${String(first.said["id"])}`;
  expect(await ask(status, TOKEN)).toMatchObject({ status: 200, said: { state: "done" } });
  expect((await ask(status, OTHERS_TOKEN)).status).toBe(404);
});

it("sends telemetry", async () => {
  expect(await ask("POST /telemetry/reading.temperature", TOKEN, {}, "{}")).toMatchObject({ status: 202, said: { status: "sent" } });
});

it("lets no stranger pass", async () => {
  for (const token of [WRONG_TOKEN, "", TOKEN.slice(0, -8)]) {
    expect((await ask("POST /commands/order.created", token, {}, "{}")).status).toBe(401);
  }
});
