import { decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { describe, expect, it, vi } from "vitest";
import type { Env } from "../src/env.ts";
import { away, says, type Server, verdict, World } from "./world.ts";

const app = await generateKeyPair("ES256", { extractable: true });
const OKTA_KEY = JSON.stringify({ ...(await exportJWK(app.privateKey)), kid: "app-1" });
const forOkta: Partial<Env> = {
  CREDENTIAL: "okta",
  OKTA_ISSUER: "https://dev-1.okta.test/oauth2/default",
  OKTA_CLIENT_ID: "0oa1",
  OKTA_SCOPE: "orders:write",
  OKTA_KEY,
};
const forAws: Partial<Env> = {
  CREDENTIAL: "aws",
  AWS_REGION: "eu-central-1",
  AWS_AUDIENCE: "https://events.test",
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const STS = "sts.eu-central-1.amazonaws.com";

/** An STS that gives tokens, in the XML of its query API. */
const sts =
  (life: number): Server =>
  async () => {
    const token = await new SignJWT({ n: crypto.randomUUID() })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime(Math.floor(Date.now() / 1000) + life)
      .sign(app.privateKey);
    return new Response(
      `<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>` +
        `<Expiration>2026-01-01T00:00:00Z</Expiration><WebIdentityToken>${token}</WebIdentityToken>` +
        `</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>`,
    );
  };

const bearers = (world: World) => world.of("router.test").map(({ headers }) => headers.get("authorization"));

describe("an Ed25519 key", () => {
  it("signs", async () => {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const seed = new Uint8Array((await crypto.subtle.exportKey("pkcs8", pair.privateKey)) as ArrayBuffer).slice(-32);
    const world = new World({ CREDENTIAL: "ed25519", ROUTER_KEY: `whsk_${btoa(String.fromCharCode(...seed))}` });
    await world.command({});
    const { headers, body } = world.of("router.test")[0]!;
    const [version, text] = headers.get("webhook-signature")!.split(",");
    const signed = new TextEncoder().encode(`${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`);
    const signature = Uint8Array.from(atob(text!), (c) => c.charCodeAt(0));
    expect(version).toBe("v1a");
    expect(await crypto.subtle.verify("Ed25519", pair.publicKey, signature, signed)).toBe(true);
  });
});

describe("Okta", () => {
  it("gives a token for an assertion that the app has signed", async () => {
    const world = new World(forOkta);
    world.servers["dev-1.okta.test"] = says(200, { access_token: "okta-1", token_type: "Bearer", expires_in: 3600 });
    expect(await verdict(await world.command({}))).toBe("202 accepted");
    expect(bearers(world)).toEqual(["Bearer okta-1"]);
    expect(world.of("router.test")[0]!.headers.get("webhook-signature")).toBeNull();
    const { url, body } = world.of("dev-1.okta.test")[0]!;
    const form = new URLSearchParams(body);
    expect(url.href).toBe("https://dev-1.okta.test/oauth2/default/v1/token");
    expect(form.get("grant_type")).toBe("client_credentials");
    expect(form.get("scope")).toBe("orders:write");
    expect(form.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    const assertion = form.get("client_assertion")!;
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: "ES256", kid: "app-1" });
    const { payload } = await jwtVerify(assertion, app.publicKey, { issuer: "0oa1", subject: "0oa1", audience: url.href });
    expect(payload.jti).toBeTruthy();
    expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(3600);
  });

  it("is asked again a minute before a token ends, and an event never waits for that", async () => {
    const world = new World(forOkta);
    let n = 0;
    world.servers["dev-1.okta.test"] = () => Response.json({ access_token: `okta-${++n}`, token_type: "Bearer", expires_in: 3600 });
    const now = vi.spyOn(Date, "now");
    const start = Date.now();
    for (const after of [0, 1, 3530, 3541, 3542]) {
      now.mockReturnValue(start + after * 1000);
      await world.visit("POST /commands/note");
    }
    expect(bearers(world)).toEqual([1, 1, 1, 2, 2].map((i) => `Bearer okta-${i}`));
    world.servers["dev-1.okta.test"] = away; // then the old one is used for as long as it lives
    for (const after of [3541 + 3541, 3541 + 3599]) {
      now.mockReturnValue(start + after * 1000);
      expect(await verdict(await world.visit("POST /commands/note"))).toBe("202 accepted");
    }
    now.mockReturnValue(start + (3541 + 3601) * 1000);
    expect(await verdict(await world.visit("POST /commands/note"))).toBe("202 deferred");
  });

  it.each([
    ["is away", away],
    ["refuses", says(401, { error: "invalid_client" })],
    ["says something else", says(200, { token_type: "Bearer" })],
    ["gives another kind of token", says(200, { access_token: "a", token_type: "DPoP", expires_in: 60 })],
  ])("that %s costs no event", { timeout: 30_000 }, async (_, mood) => {
    const world = new World(forOkta);
    world.servers["dev-1.okta.test"] = mood;
    expect(await verdict(await world.command({}))).toBe("202 deferred");
    expect(world.of("router.test")).toEqual([]);
    expect(world.deferred.sent).toHaveLength(1);
  });

  it("has a key that is none", async () => {
    const world = new World({ ...forOkta, OKTA_KEY: '{"kty":"oct"}' });
    expect(await verdict(await world.command({}))).toBe("202 deferred");
    expect(world.of("dev-1.okta.test")).toEqual([]);
  });
});

describe("AWS", () => {
  it("gives a token for a request that the keys have signed", async () => {
    const world = new World({ ...forAws, AWS_SESSION_TOKEN: "session" });
    world.servers[STS] = sts(300);
    expect(await verdict(await world.command({}))).toBe("202 accepted");
    await world.command({});
    expect(bearers(world)[0]).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(bearers(world)[1]).toBe(bearers(world)[0]);
    const asked = world.of(STS);
    expect(asked).toHaveLength(1);
    const { url, headers, body } = asked[0]!;
    expect(url.href).toBe(`https://${STS}/`);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      Action: "GetWebIdentityToken",
      Version: "2011-06-15",
      "Audience.member.1": "https://events.test",
      SigningAlgorithm: "ES384",
      DurationSeconds: "300",
    });
    expect(headers.get("authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/sts\/aws4_request, SignedHeaders=[^,]*host[^,]*x-amz-date[^,]*, Signature=[0-9a-f]{64}$/,
    );
    expect(headers.get("x-amz-security-token")).toBe("session");
  });

  it.each([
    ["is away", away],
    ["refuses", says(403, {})],
    ["says something else", () => new Response("<WebIdentityToken>none</WebIdentityToken>")],
  ])("that %s costs no event", { timeout: 30_000 }, async (_, mood) => {
    const world = new World(forAws);
    world.servers[STS] = mood as Server;
    expect(await verdict(await world.command({}))).toBe("202 deferred");
    expect(world.of("router.test")).toEqual([]);
  });
});
