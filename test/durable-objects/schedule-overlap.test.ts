/** What happens at a tick while the run of the tick before goes on. */
import { describe, expect, it } from "vitest";
import { Inngest, type ScheduleOptions } from "../../src/sdk/index.ts";
import { die, dieAfterTurns, silent, simulated, type SimulatedOptions } from "../helpers/simulated-platform.ts";

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Overlap = NonNullable<ScheduleOptions["overlap"]>;

/** An hourly schedule from one to four o'clock, whose runs take an hour and a half; hours since the beginning. */
async function play(overlap: Overlap, options: SimulatedOptions = {}, by: "event" | "function" = "event") {
  const inngest = new Inngest({ id: "mem", logger: silent });
  const began = new Map<string, number>();
  const ended = new Map<string, number>();
  const platform = simulated(
    (client) => [
      client.createFunction({ id: "works", triggers: { event: "tick" } }, async ({ event, step, runId }) => {
        const { scheduled_at } = event.data._inngest as { scheduled_at: string };
        const at = (Date.parse(scheduled_at) - START) / HOUR;
        await step.run("begin", () => void began.set(runId, (platform.clock.now() - START) / HOUR));
        await step.sleep("work", "90m");
        await step.run("end", () => void ended.set(runId, (platform.clock.now() - START) / HOUR));
        return at;
      }),
    ],
    { client: inngest, ...options },
  );
  const what = by === "event" ? { event: { name: "tick" } } : { function: "mem-works" };
  await inngest.schedules.create({ id: "s", every: "1h", endAt: START + 4 * HOUR, overlap, ...what });
  return {
    platform,
    inngest,
    /** each run by its tick: how it ended, and when its code began and ended */
    runs: () => platform.runs().map((run) => [run.status.toLowerCase(), began.get(run.id), ended.get(run.id)]),
  };
}

const EXPECTED: Record<Overlap, unknown[]> = {
  allow: [["completed", 1, 2.5], ["completed", 2, 3.5], ["completed", 3, 4.5], ["completed", 4, 5.5]],
  skip: [["completed", 1, 2.5], ["skipped", undefined, undefined], ["completed", 3, 4.5], ["skipped", undefined, undefined]],
  queue: [["completed", 1, 2.5], ["completed", 2.5, 4], ["completed", 4, 5.5], ["completed", 5.5, 7]],
  "cancel-previous": [["cancelled", 1, undefined], ["cancelled", 2, undefined], ["cancelled", 3, undefined], ["completed", 4, 5.5]],
}; // oxfmt-ignore

describe.each(Object.keys(EXPECTED) as Overlap[])("overlap: %s", (overlap) => {
  it.each(["event", "function"] as const)("between the runs of a schedule with an %s", async (by) => {
    const { platform, runs } = await play(overlap, {}, by);
    await platform.clock.advance("12h");
    expect(runs()).toEqual(EXPECTED[overlap]);
  });

  it("also when the process dies each hour", async () => {
    const { platform, runs } = await play(overlap);
    for (let hour = 0; hour < 12; hour++) {
      await platform.clock.advance("1h");
      die(platform);
    }
    expect(runs()).toEqual(EXPECTED[overlap]);
  });

  it("also when it dies at a turn, any of them", { timeout: 60_000 }, async () => {
    const calm = await play(overlap);
    const seen = dieAfterTurns(calm.platform, () => null);
    await calm.platform.clock.advance("8h");
    expect(seen.turns).toBeGreaterThan(100);
    for (let at = 0; at < seen.turns; at += 5) {
      const { platform, runs } = await play(overlap);
      dieAfterTurns(platform, (turn) => (turn === at ? "after" : null));
      await platform.clock.advance("12h");
      const found = runs().map(([status]) => status);
      const expected = EXPECTED[overlap].map((one) => (one as unknown[])[0]);
      expect(found, `died after turn ${at}`).toEqual(expected);
    }
  });
});

it("two schedules of one function overlap each other, whatever each says of its own runs", async () => {
  const { platform, runs, inngest } = await play("skip");
  const event = { name: "tick" };
  await inngest.schedules.create({ id: "t", every: "1h", endAt: START + 2 * HOUR, overlap: "skip", event });
  await platform.clock.advance("12h");
  const ends = runs().map(([status]) => String(status));
  expect(ends.filter((status) => status === "completed")).toHaveLength(3);
  expect(ends.filter((status) => status === "skipped")).toHaveLength(3);
});
