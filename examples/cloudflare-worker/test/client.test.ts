import { generateKeyPair } from "jose";
import { describe, expect, it, vi } from "vitest";
import { away, says, tokenOf, verdict, World } from "./world.ts";

const past = Math.floor(Date.now() / 1000) - 3600;
const { privateKey: stranger } = await generateKeyPair("ES256");

describe("a client", () => {
  it.each([
    ["no token", async () => ""],
    ["a token that is none", async () => "abc.def.ghi"],
    ["a token that is over", () => tokenOf("alice", { iat: past - 60, exp: past })],
    ["a token for somebody else", () => tokenOf("alice", { aud: "https://other.test" })],
    ["a token of somebody else", () => tokenOf("alice", { iss: "https://evil.test" })],
    ["a token that names no subject", () => tokenOf("")],
    ["a token whose subject is a step up", () => tokenOf("..")],
    ["a token signed by another key", () => tokenOf("alice", {}, stranger)],
  ])("with %s is refused before the router hears of it", async (_, token) => {
    const world = new World();
    const response = await world.visit("POST /commands/order.created", { token: await token(), body: "{}" });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(world.of("router.test")).toEqual([]);
    expect(world.deferred.sent).toEqual([]);
  });

  it.each([
    ["away", away],
    ["broken", says(500, {})],
    ["somebody else", says(200, { issuer: "https://evil.test", jwks_uri: "https://login.test/keys" })],
  ])("is told to come again while the issuer is %s, and gets in when it is back", async (_, mood) => {
    const world = new World();
    const { "login.test": issuer } = world.servers;
    world.servers["login.test"] = mood;
    const response = await world.command({});
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(world.of("router.test")).toEqual([]);
    world.servers["login.test"] = issuer!;
    await vi.waitFor(async () => expect(await verdict(await world.command({}))).toBe("202 accepted"), 10_000);
  });

  it("whose key the issuer may be about to publish comes again", async () => {
    const world = new World();
    await world.command({});
    const response = await world.visit("POST /commands/note", { token: await tokenOf("alice", {}, stranger, "2") });
    expect(response.status).toBe(401);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("gets in while the issuer is away, by keys that are known", async () => {
    const world = new World();
    await world.command({});
    world.servers["login.test"] = away;
    expect(await verdict(await world.command({}))).toBe("202 accepted");
  });

  it("needs the scope", async () => {
    const world = new World({ SCOPE: "orders:write" });
    expect(await verdict(await world.command({}))).toBe("403 forbidden");
    for (const claims of [{ scope: "openid orders:write" }, { scp: ["openid", "orders:write"] }]) {
      const token = await tokenOf("alice", claims);
      expect((await world.visit("POST /commands/note", { token })).status).toBe(202);
    }
    expect(world.events).toHaveLength(2);
  });

  it("has its share, by issuer and subject", async () => {
    const keys: string[] = [];
    const world = new World({ CLIENTS: { limit: async ({ key }) => ({ success: keys.push(key) < 2 }) } });
    expect((await world.command({})).status).toBe(202);
    const response = await world.command({});
    expect(await verdict(response)).toBe("429 rate_limited");
    expect(response.headers.get("retry-after")).toBe("60");
    expect(keys).toEqual(Array(2).fill('["https://login.test","alice"]'));
  });

  it.each(["GET /", "GET /commands", "POST /commands/", "PUT /commands/a", "POST /telemetry/a/b", "GET /telemetry/a"])(
    "finds nothing at %s",
    async (way) => {
      const world = new World();
      expect(await verdict(await world.visit(way))).toBe("404 not_found");
      expect(world.asked).toEqual([]);
    },
  );

  const plain = [{ ROUTER_URL: "http://router.test" }, { ROUTER_URL: "http://127.0.0.1.router.test" }, { ROUTER_ZMTP: "tcp://router.test:5550" }];

  it("is never told what the Worker lacks", async () => {
    for (const lacking of [{ ROUTER_KEY: "" }, { AUDIENCE: "" }, { CREDENTIAL: "none" }, { ROUTER_KEY: "whsec_short" }, ...plain]) {
      const world = new World(lacking);
      const response = await world.command({});
      expect(await response.json()).toEqual({ title: "this edge is not in order", status: 500, code: "internal" });
      expect(world.of("router.test")).toEqual([]);
    }
  });
});
