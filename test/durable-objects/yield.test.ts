import { describe, expect, it } from "vitest";
import { ACTIVATION_MAX_STEPS } from "../../src/protocol/limits.ts";
import { MemoryPlatform } from "../helpers/memory-platform.ts";

const STEPS = 2 * ACTIVATION_MAX_STEPS + 500;

describe("a run of more steps than one activation takes", () => {
  it("goes on without a replay, from an alarm", async () => {
    const seen = { entries: 0, bodies: 0 };
    const platform = longRun(seen);
    const eventId = await begin(platform);
    await platform.run();
    expect(await outcome(platform, eventId)).toEqual({ kind: "completed", output: STEPS });
    expect(seen).toEqual({ entries: 1, bodies: STEPS });
  });

  it("is replayed when the process dies in between", async () => {
    const seen = { entries: 0, bodies: 0 };
    const platform = longRun(seen);
    const eventId = await begin(platform);
    await platform.run(async () => (await outcome(platform, eventId))?.kind === "scheduled");
    expect(seen.bodies).toBe(ACTIVATION_MAX_STEPS);
    platform.die();
    await platform.run();
    expect(await outcome(platform, eventId)).toEqual({ kind: "completed", output: STEPS });
    expect(seen).toEqual({ entries: 2, bodies: STEPS });
  });
});

function longRun(seen: { entries: number; bodies: number }): MemoryPlatform {
  return new MemoryPlatform((client) => [
    client.createFunction({ id: "long" }, { event: "long" }, async ({ step }) => {
      seen.entries += 1;
      let sum = 0;
      for (let i = 0; i < STEPS; i++) sum += await step.run("step", () => ((seen.bodies += 1), 1));
      return sum;
    }),
  ]);
}

async function begin(platform: MemoryPlatform): Promise<string> {
  await platform.register();
  return platform.send({ name: "long", id: "1" });
}

async function outcome(platform: MemoryPlatform, eventId: string) {
  const state = (await platform.view(eventId, "mem-long"))?.run.state;
  return state?.kind === "completed" ? { kind: state.kind, output: state.output } : state;
}
