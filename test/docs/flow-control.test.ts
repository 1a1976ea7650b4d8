import { describe, expect, test } from "vitest";
import * as limits from "../../src/protocol/limits.ts";
import { FLOW_OPTION_NAMES } from "../../src/sdk/flow-options.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import { simulated } from "../helpers/simulated-platform.ts";
import { readPage } from "./helpers/markdown.ts";

const text = readPage("docs/flow-control.md");

describe("docs/flow-control.md", () => {
  test("its table, and that of the README, has every option", () => {
    for (const page of [text, readPage("README.md")])
      for (const option of FLOW_OPTION_NAMES) expect(page).toMatch(new RegExp(`^\\|.*\`${option}\\b`, "m"));
  });

  test("numbers that stand in its sentences are those of the limits", () => {
    const thousands = (n: number) => n.toLocaleString("en-US");
    const bound = thousands(limits.PRIORITY_MAX_S);
    expect(text.replaceAll("\n", " ")).toContain(`whole numbers from -${bound} to ${bound};`);
    expect(text).toContain(`${thousands(limits.BATCH_SIZE_MAX)} events, ${limits.BATCH_MAX_BYTES / 1024 ** 2} MiB`);
    expect(text).toContain(`\`maxSize\` events or ${limits.BATCH_MAX_BYTES / 1024 ** 2} MiB`);
    expect(text).toContain(`one run per key in ${limits.IDEMPOTENCY_PERIOD_MS / 3_600_000} hours`);
    expect(limits.CANCEL_TRIGGERS_MAX).toBe(5);
    expect(text).toContain("Each of up to five events");
  });
});

describe("what the page says and no other test holds", () => {
  const MINUTE = 60_000;
  const START = Date.UTC(2026, 0, 1);

  /** When the code of each run began, in minutes, by what its event is called. */
  async function begun(options: object, events: object[], handlerMinutes = 10): Promise<Record<string, number>> {
    const began: Record<string, number> = {};
    const functions = (client: Inngest) => [
      client.createFunction({ id: "timed", ...options }, { event: "a" }, async ({ event, step }) => {
        await step.run("begin", () => {
          began[event.data.as] = (Date.now() - START) / MINUTE;
        });
        await step.sleep("work", handlerMinutes * MINUTE);
      }),
    ];
    const platform = simulated(functions);
    for (const data of events) {
      await platform.send({ name: "a", data: { ...data } });
      await platform.clock.advance(1);
    }
    await platform.clock.runUntilIdle();
    return Object.fromEntries(Object.entries(began).map(([as, at]) => [as, Math.round(at)]));
  }

  test("a throttled start holds no place of concurrency, and one that waits for a place has used its start", async () => {
    const options = { throttle: { limit: 1, period: "3m" }, concurrency: { limit: 1, mode: "run" } };
    const events = ["first", "second", "third"].map((as) => ({ as }));
    expect(await begun(options, events)).toEqual({ first: 0, second: 10, third: 20 });
    expect(await begun(options, events, 1)).toEqual({ first: 0, second: 3, third: 6 });
  });

  test("what waits for one key does not slow another", async () => {
    const options = { concurrency: { limit: 1, key: "event.data.key", mode: "run" } };
    const noisy = ["n1", "n2", "n3"].map((as) => ({ as, key: "noisy" }));
    expect(await begun(options, [...noisy, { as: "quiet", key: "quiet" }])).toEqual({
      n1: 0,
      n2: 10,
      n3: 20,
      quiet: 0,
    });
  });

  test("keys that fail share one line; a field that is missing is a key too, and another", async () => {
    const events = [{ as: "a", n: "x" }, { as: "b", n: {} }, { as: "c", n: 5 }, { as: "d" }];
    const options = { concurrency: { limit: 1, key: "event.data.n - 1", mode: "run" } };
    expect(await begun(options, events.slice(0, 3))).toEqual({ a: 0, b: 10, c: 0 });
    const missing = { concurrency: { limit: 1, key: "event.data.missing", mode: "run" } };
    expect(await begun(missing, events.slice(0, 2))).toEqual({ a: 0, b: 10 });
  });

  test("priority orders those that wait, and stops nobody", async () => {
    const options = { concurrency: { limit: 1, mode: "run" }, priority: { run: "event.data.p" } };
    const events = [
      { as: "in", p: -100 },
      { as: "low", p: 0 },
      { as: "high", p: 50 },
      { as: "nonsense", p: "x" },
    ];
    expect(await begun(options, events)).toEqual({ in: 0, high: 10, low: 20, nonsense: 30 });
  });
});
