import { describe, expect, it } from "vitest";
import { accepts, away, secret, says, silent, tokenOf, verdict, World } from "./world.ts";

describe("a command", () => {
  it("is the event that its client asks for, signed", async () => {
    const world = new World();
    const response = await world.command({ amount: 12.5 });
    const [event] = world.events;
    expect(event).toMatchObject({
      specversion: "1.0",
      source: "//edge.test/clients/alice",
      type: "com.example.order.created",
      datacontenttype: "application/json",
      data: { amount: 12.5 },
    });
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/commands/${event!.id}`);
    expect(await response.json()).toMatchObject({ id: event!.id, source: event!.source, status: "accepted" });
    const [{ url, headers, body }] = world.of("router.test") as [ReturnType<typeof world.of>[0]];
    expect(url.href).toBe("https://router.test/v1/events");
    expect(headers.get("headgate-key-id")).toBe("edge-1");
    expect(headers.get("authorization")).toBeNull();
    expect(headers.get("webhook-signature")).toBe(await signature(event!.id, headers.get("webhook-timestamp")!, body));
  });

  it("has a source that belongs to its client's subject alone", async () => {
    const world = new World();
    for (const sub of ["auth0|7", "a/b", "../bob", "bob*", "Zoë"]) {
      await world.visit("POST /commands/note", { token: await tokenOf(sub) });
    }
    expect(world.events.map(({ source }) => source)).toEqual(
      ["auth0%7C7", "a%2Fb", "..%2Fbob", "bob*", "Zo%C3%AB"].map((name) => `//edge.test/clients/${name}`),
    );
  });

  it("carries what is no JSON as bytes, and nothing as nothing", async () => {
    const world = new World();
    await world.visit("POST /commands/note", { headers: { "content-type": "text/plain" }, body: "Grüße" });
    await world.visit("POST /commands/note", { body: new Uint8Array([0, 255]) });
    await world.visit("POST /commands/note");
    const [text, bytes, nothing] = world.events;
    expect(text).toMatchObject({ datacontenttype: "text/plain", data_base64: "R3LDvMOfZQ==" });
    expect(bytes).toMatchObject({ datacontenttype: "application/octet-stream", data_base64: "AP8=" });
    expect(nothing).not.toHaveProperty("data");
    expect(nothing).not.toHaveProperty("data_base64");
  });

  it("that is repeated with its Idempotency-Key is the same event, and nobody else's", async () => {
    const world = new World();
    const again = { "idempotency-key": "cart-7" };
    await world.command({ amount: 1 }, again);
    await world.command({ amount: 1 }, again);
    await world.command({ amount: 1 }, { "idempotency-key": "cart-8" });
    await world.visit("POST /commands/order.created", { token: await tokenOf("bob"), headers: again });
    const [first, second, other, bobs] = world.of("router.test").map(({ body }) => body);
    expect(second).toBe(first);
    expect(JSON.parse(first!)).not.toHaveProperty("time"); // which would be another
    const ids = [first, other, bobs].map((body) => JSON.parse(body!).id as string);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[\w-]{43}$/);
  });

  it.each([
    ["an Idempotency-Key of nothing", { "idempotency-key": " " }, "{}", "400 malformed"],
    ["an Idempotency-Key that is too long", { "idempotency-key": "k".repeat(256) }, "{}", "400 malformed"],
    ["JSON that is none", {}, "{", "400 malformed"],
    ["JSON that is no UTF-8", {}, new Uint8Array([34, 255, 34]), "400 malformed"],
    ["a body that is compressed", { "content-encoding": "gzip" }, "{}", "415 unsupported_type"],
    ["a body that is too large", {}, "1".repeat((512 << 10) + 1), "413 too_large"],
  ])("with %s is refused here", async (_, headers, body, says) => {
    const world = new World();
    const response = await world.visit("POST /commands/note", { headers: { "content-type": "application/json", ...headers }, body });
    expect(await verdict(response)).toBe(says);
    expect(world.events).toEqual([]);
  });

  it("hands back the end that its client waits for", async () => {
    const world = new World();
    const channels = { orders: { state: "done", attempt: 1, result: { invoice: 7 } } };
    world.router = ({ body }) => Response.json({ ...JSON.parse(body), data: undefined, state: "done", channels });
    const response = await world.command({}, { prefer: "respond-async, wait=10" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "done", channels });
    expect(world.of("router.test")[0]!.headers.get("prefer")).toBe("wait=10");
  });

  it("comes through a router that stumbles, under one id", async () => {
    const world = new World();
    const moods = [says(503, { code: "overloaded" }), away, accepts];
    world.router = (asked) => moods.shift()!(asked);
    expect(await verdict(await world.command({}))).toBe("202 accepted");
    expect(world.events).toHaveLength(3);
    expect(new Set(world.of("router.test").map(({ body }) => body)).size).toBe(1);
    expect(world.deferred.sent).toEqual([]);
  });

  it.each([
    ["away", away],
    ["overloaded", says(503, { code: "overloaded" }, { "retry-after": "30" })],
    ["silent", silent],
  ])("waits in the queue while the router is %s", { timeout: 30_000 }, async (_, mood) => {
    const world = new World();
    world.router = mood;
    const response = await world.command({ amount: 1 });
    expect(await verdict(response)).toBe("202 deferred");
    expect(world.deferred.sent).toHaveLength(1);
    expect(world.deferred.sent[0]).toEqual(world.events[0]);
  });

  it("is the client's to repeat while neither router nor queue takes it", async () => {
    const world = new World();
    world.router = away;
    world.deferred.broken = true;
    const response = await world.command({});
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("that is too large for the queue is the client's to repeat", async () => {
    const world = new World();
    world.router = away;
    const response = await world.command("x".repeat(130_000));
    expect(await verdict(response)).toBe("503 too_large_for_queue");
    expect(response.headers.get("retry-after")).not.toBeNull();
    expect(world.deferred.sent).toEqual([]);
  });

  it("that the router keeps in its memory alone is no success", async () => {
    const world = new World();
    world.router = ({ body }) => Response.json({ ...JSON.parse(body), status: "queued" }, { status: 202 });
    expect(await verdict(await world.command({}))).toBe("502 not_kept");
    expect(world.events).toHaveLength(1);
  });

  it.each(["rejected", ""])("of which the router says %j is the queue's", async (status) => {
    const world = new World();
    world.router = ({ body }) => Response.json({ ...JSON.parse(body), status }, { status: 202 });
    expect(await verdict(await world.command({}))).toBe("202 deferred");
    expect(world.deferred.sent).toHaveLength(1);
  });

  it.each([
    [422, "no_route", "422 no_route"],
    [409, "conflict", "409 conflict"],
    [403, "forbidden", "403 forbidden"],
    [401, "unauthenticated", "502 edge_unauthenticated"],
    [403, undefined, "502 no_router"],
    [404, undefined, "502 no_router"],
  ])("that the router refuses with %i does not wait", async (status, code, want) => {
    const world = new World();
    world.router = says(status, { code, detail: "of the router's own" });
    const response = await world.command({});
    expect(await verdict(response)).toBe(want);
    expect(await response.text()).not.toContain("of the router's own");
    expect(world.events).toHaveLength(1);
    expect(world.deferred.sent).toEqual([]);
  });
});

describe("its status", () => {
  it("is asked for the client's own source, and handed back", async () => {
    const world = new World();
    world.router = says(200, { id: "7", source: "//edge.test/clients/alice", state: "done", channels: {} });
    const response = await world.visit("GET /commands/7");
    expect(await response.json()).toMatchObject({ id: "7", state: "done" });
    const { url, headers } = world.of("router.test")[0]!;
    expect(url.pathname).toBe("/v1/status");
    expect(Object.fromEntries(url.searchParams)).toEqual({ id: "7", source: "//edge.test/clients/alice" });
    expect(headers.get("webhook-signature")).toMatch(/^v1,/);
  });

  it("is not there for an event that is not the client's, or that still waits", async () => {
    const world = new World();
    world.router = says(404, { code: "not_found" });
    expect(await verdict(await world.visit("GET /commands/7"))).toBe("404 not_found");
  });

  it("is to be asked again while the router is away", async () => {
    const world = new World();
    world.router = away;
    const response = await world.visit("GET /commands/7");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).not.toBeNull();
  });
});

/** As Standard Webhooks 1.0 has it. */
async function signature(id: string, timestamp: string, body: string): Promise<string> {
  const raw = Uint8Array.from(atob(secret.slice("whsec_".length)), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const sum = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`${id}.${timestamp}.${body}`));
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(sum)))}`;
}
