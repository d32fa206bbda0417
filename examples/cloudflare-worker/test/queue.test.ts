import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { type CloudEvent, makeEvent } from "@headgate/edge";
import { describe, expect, it } from "vitest";
import worker from "../src/index.ts";
import { accepts, away, says, World } from "./world.ts";

const event = (id: string): CloudEvent => makeEvent({ id, source: "//edge.test/clients/alice", type: "com.example.note" });

async function deliver(world: World, ...items: { event: CloudEvent; age?: number }[]) {
  const batch = createMessageBatch<CloudEvent>(
    "headgate-deferred",
    items.map(({ event, age = 0 }) => ({ id: event.id, timestamp: new Date(Date.now() - age), attempts: 1, body: event })),
  );
  await worker.queue(batch, world.env);
  return getQueueResult(batch, createExecutionContext());
}

describe("the queue", () => {
  it("hands on what has waited, each under its id", async () => {
    const world = new World();
    const said = await deliver(world, { event: event("1") }, { event: event("2") });
    expect(said.explicitAcks.sort()).toEqual(["1", "2"]);
    expect(world.events.map(({ id }) => id).sort()).toEqual(["1", "2"]);
  });

  it("takes a duplicate for a success", async () => {
    const world = new World();
    world.router = says(200, { id: "1", source: "//edge.test/clients/alice", status: "duplicate" });
    expect((await deliver(world, { event: event("1") })).explicitAcks).toEqual(["1"]);
  });

  it("keeps what the router cannot take yet", async () => {
    const world = new World();
    for (const mood of [away, says(503, { code: "overloaded" })]) {
      world.router = mood;
      const said = await deliver(world, { event: event("1") });
      expect(said.explicitAcks).toEqual([]);
      expect(said.retryMessages).toMatchObject([{ msgId: "1" }]);
    }
  });

  it("sets aside what the router refuses for good, and only that", async () => {
    const world = new World();
    world.router = (asked) => (JSON.parse(asked.body).id === "2" ? says(422, { code: "no_route" })(asked) : accepts(asked));
    const said = await deliver(world, { event: event("1") }, { event: event("2") }, { event: event("3") });
    expect(said.explicitAcks.sort()).toEqual(["1", "2", "3"]);
    expect(JSON.stringify(world.deadLetters.sent)).toContain('"id":"2"');
    expect(world.deadLetters.sent).toHaveLength(1);
  });

  it("sets aside what the router has in memory alone", async () => {
    const world = new World();
    world.router = ({ body }) => Response.json({ ...JSON.parse(body), status: "queued" }, { status: 202 });
    expect((await deliver(world, { event: event("1") })).explicitAcks).toEqual(["1"]);
    expect(world.deadLetters.sent).toHaveLength(1);
  });

  it("sets aside what the router may have forgotten by now", async () => {
    const world = new World();
    const said = await deliver(world, { event: event("1"), age: 13 * 3600_000 });
    expect(said.explicitAcks).toEqual(["1"]);
    expect(world.events).toEqual([]);
    expect(world.deadLetters.sent).toHaveLength(1);
  });

  it("keeps what could not be set aside", async () => {
    const world = new World();
    world.router = says(422, { code: "no_route" });
    world.deadLetters.broken = true;
    const said = await deliver(world, { event: event("1") });
    expect(said.explicitAcks).toEqual([]);
    expect(said.retryMessages).toMatchObject([{ msgId: "1" }]);
  });

  it("keeps everything while the Worker is not in order", async () => {
    const world = new World({ ROUTER_KEY: "" });
    await expect(deliver(world, { event: event("1") })).rejects.toThrow("ROUTER_KEY is not bound");
  });
});
