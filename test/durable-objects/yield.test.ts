import { describe, expect, it } from "vitest";
import { ACTIVATION_MAX_STEPS } from "../../src/protocol/limits.ts";
import { noFaults, type FaultSource } from "../../src/testing/host/faults.ts";
import { simulated } from "../helpers/simulated-platform.ts";

const STEPS = 2 * ACTIVATION_MAX_STEPS + 500;

describe("a run of more steps than one activation takes", () => {
  it("goes on without a replay, from an alarm", async () => {
    const seen = { entries: 0, bodies: 0 };
    expect(await outputOf(seen)).toBe(STEPS);
    expect(seen).toEqual({ entries: 1, bodies: STEPS });
  });

  it("is replayed when its object dies in between", async () => {
    const seen = { entries: 0, bodies: 0 };
    const deaths: number[] = [];
    const output = await outputOf(seen, {
      ...noFaults,
      commit: ({ kind, writes }) => {
        const isBetween = writes.some(
          ({ table, value }) => table === "run" && /"kind":"scheduled"/.test(String(value)),
        );
        if (kind !== "run" || !isBetween || deaths.length > 0) return null;
        deaths.push(seen.bodies);
        return "crash-after";
      },
    });
    expect(deaths).toEqual([ACTIVATION_MAX_STEPS]);
    expect(output).toBe(STEPS);
    expect(seen).toEqual({ entries: 2, bodies: STEPS });
  });
});

async function outputOf(seen: { entries: number; bodies: number }, faults?: FaultSource): Promise<unknown> {
  const platform = simulated(
    (client) => [
      client.createFunction({ id: "long" }, { event: "long" }, async ({ step }) => {
        seen.entries += 1;
        let sum = 0;
        for (let i = 0; i < STEPS; i++) sum += await step.run("step", () => ((seen.bodies += 1), 1));
        return sum;
      }),
    ],
    { faults },
  );
  const { run } = await platform.send({ name: "long" });
  await run.waitFor("end");
  return run.output;
}
