import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

// LIVE is JSON of what is bound in place of wrangler.jsonc's, and more: see
// test/live.test.ts. Without it that file is left out.
const live = process.env["LIVE"];

// A router behind a service binding, for the one test that takes this way.
const router = `export default {
  async fetch(request) {
    const { id, source } = await request.json();
    return Response.json({ id, source, status: "accepted" }, { status: 202 });
  },
};`;

export default defineConfig({
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./wrangler.jsonc" },
      miniflare: {
        cf: false,
        bindings: { ROUTER_KEY: "", ...(live && JSON.parse(live)) },
        ...(!live && {
          serviceBindings: { ROUTER: "router" },
          workers: [{ name: "router", modules: true, script: router, compatibilityDate: "2026-04-01" }],
        }),
      },
    }),
  ],
  test: {
    include: live ? ["test/live.test.ts"] : ["test/*.test.ts"],
    exclude: live ? [] : ["test/live.test.ts"],
    restoreMocks: true,
    silent: "passed-only",
  },
});
