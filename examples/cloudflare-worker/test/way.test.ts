import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Env } from "../src/env.ts";
import { says, verdict, World } from "./world.ts";

describe("Access", () => {
  it("is shown its service token, with every request", async () => {
    const world = new World({ ACCESS_CLIENT_ID: "edge.access", ACCESS_CLIENT_SECRET: "s3cret" });
    await world.command({});
    world.router = says(404, { code: "not_found" });
    await world.visit("GET /commands/7");
    for (const { headers } of world.of("router.test")) {
      expect(headers.get("cf-access-client-id")).toBe("edge.access");
      expect(headers.get("cf-access-client-secret")).toBe("s3cret");
      expect(headers.get("webhook-signature")).toMatch(/^v1,/);
    }
    expect(world.of("router.test")).toHaveLength(2);
  });

  it("that shows its login page is no router", async () => {
    const world = new World({ ACCESS_CLIENT_ID: "edge.access", ACCESS_CLIENT_SECRET: "wrong" });
    world.router = () => new Response(null, { status: 302, headers: { location: "https://team.cloudflareaccess.test/login" } });
    expect(await verdict(await world.command({}))).toBe("502 no_router");
  });
});

describe("a way of its own", () => {
  it("is taken to the router where one is bound", async () => {
    const world = new World({ ROUTER: (env as unknown as Env).ROUTER! });
    expect(await verdict(await world.command({}))).toBe("202 accepted");
    expect(world.of("router.test")).toEqual([]);
  });
});
