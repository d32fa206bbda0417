import { describe, expect, it } from "vitest";
import { away, verdict, World } from "./world.ts";

describe("telemetry", () => {
  const reading = { headers: { "content-type": "application/json" }, body: '{"celsius":21}' };

  it("is answered before the router answers, and sent all the same", async () => {
    const world = new World();
    let arrived!: () => void;
    const held = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let taken = false;
    world.router = async ({ body }) => {
      await held;
      await scheduler.wait(50);
      taken = true;
      return Response.json({ ...JSON.parse(body), status: "queued" }, { status: 202 });
    };
    const { response, ended } = await world.begin("POST /telemetry/reading.temperature", reading);
    expect(await verdict(response)).toBe("202 sent");
    arrived();
    await ended();
    expect(taken).toBe(true);
    expect(world.events).toMatchObject([{ type: "com.example.reading.temperature", data: { celsius: 21 } }]);
  });

  it.each(['{"n":12345678901234567890}', '{"s":"\\ud800"}', "[".repeat(70) + "]".repeat(70)])("that no router takes is refused at once: %s", async (body) => {
    const world = new World();
    expect(await verdict(await world.visit("POST /telemetry/reading.temperature", { ...reading, body }))).toBe("400 malformed");
    expect(world.events).toEqual([]);
  });

  it("is lost while the router is away, and waits nowhere", async () => {
    const world = new World();
    world.router = away;
    expect(await verdict(await world.visit("POST /telemetry/reading.temperature", reading))).toBe("202 sent");
    expect(world.deferred.sent).toEqual([]);
    expect(world.deadLetters.sent).toEqual([]);
  });
});
