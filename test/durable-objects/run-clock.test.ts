/** One run's own clock in its object: moved without another's, and ahead of nothing outside of the run (design §7). */
import { describe, expect, it } from "vitest";
import { runIdOf } from "../../src/protocol/ids.ts";
import { runView, type RunView } from "../../src/routes/run-view.ts";
import { logOf, type RunObjectApi } from "../../src/durable-objects/objects.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { die, objectsOf, simulated, view as viewOf } from "../helpers/simulated-platform.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function platformOf() {
  const attempts: number[] = [];
  const platform = simulated((client) => {
    const child = client.createFunction({ id: "child" }, { event: "child/asked" }, ({ step }) =>
      step.run("say", () => "from the child"),
    );
    return [
      child,
      client.createFunction({ id: "sleeper" }, { event: "doze" }, async ({ step }) => {
        await step.sleep("long", "30d");
        return "awake";
      }),
      client.createFunction({ id: "many" }, { event: "many" }, ({ step }) =>
        Promise.all([step.sleep("one", "1d"), step.sleep("two", "2d"), step.run("three", () => 3)]),
      ),
      client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ step }) => {
        const found = await step.waitForEvent("answer", { event: "answer", timeout: "7d" });
        return found ? "answered" : "gave up";
      }),
      client.createFunction(
        { id: "backoff", retries: { attempts: 3, backoff: "fixed", initialDelay: "1h", jitter: false } },
        { event: "try" },
        ({ step }) =>
          step.run("flaky", () => {
            attempts.push(attempts.length);
            if (attempts.length < 3) throw new Error("not yet");
            return "at last";
          }),
      ),
      client.createFunction({ id: "then" }, { event: "then" }, async ({ event, step }) => {
        await step.sleep("long", "30d");
        await step.sleepUntil("date", event.data.date);
        return step.invoke("ask", { function: child, data: {}, timeout: "1d" });
      }),
    ];
  });
  return { platform, attempts };
}

/** Sends an event, and lets the platform come to rest without moving its clock. */
async function started(platform: TestPlatform, name: string, functionId: string, data: Record<string, unknown> = {}) {
  const { ids } = await platform.send({ name, data });
  const id = ids[0]!;
  const run: RunObjectApi = objectsOf(platform).run("main", runIdOf(id, `mem-${functionId}`));
  const view = async () => (await viewOf(platform, id, `mem-${functionId}`)) as RunView;
  const rest = async () => (await platform.clock.advance(0), (await view()).run);
  const index = () => objectsOf(platform).log("main", logOf(id)).runsOf(id);
  return { id, run, view, rest, index };
}

const outputOf = (output: unknown) => ({ state: { kind: "completed", output } });

describe("advance", () => {
  it("ends a sleep of 30 days now, and no other run's", async () => {
    const { platform } = platformOf();
    const [one, other] = [await started(platform, "doze", "sleeper"), await started(platform, "doze", "sleeper")];
    const began = platform.clock.now();
    expect(await one.run.advance(30 * DAY)).toEqual({ kind: "advanced" });
    expect(await one.rest()).toMatchObject({ ...outputOf("awake"), startedAt: began });
    expect((await one.view()).run.state).toMatchObject({ endedAt: began });
    expect(platform.clock.now()).toBe(began);
    expect((await other.rest()).state.kind).toBe("blocked");
    expect(platform.world.clock.at(`run ${(await other.view()).run.id}`)).toBe(began + 30 * DAY);
  });

  it("by less than a sleep brings its end, its alarm and what the API and the index tell that much nearer", async () => {
    const { platform } = platformOf();
    const { run, view, rest, index } = await started(platform, "doze", "sleeper");
    const asleep = platform.clock.now();
    await run.advance(10 * DAY);
    await run.advance(5 * DAY);
    const until = asleep + 15 * DAY;
    expect((await rest()).state.kind).toBe("blocked");
    const read = await view();
    expect(runView(read)).toMatchObject({
      clock_offset_ms: 15 * DAY,
      waiting_for: [{ kind: "sleeping", step: "long", until: new Date(until).toISOString() }],
      steps: [{ until: new Date(until).toISOString() }],
    });
    expect(platform.world.clock.at(`run ${read.run.id}`)).toBe(until);
    expect(await index()).toMatchObject([{ status: "Running", dueAt: until }]);
    die(platform); // the offset is stored
    await platform.clock.advanceTo(until - 1);
    expect((await rest()).state.kind).toBe("blocked");
    await platform.clock.advance(1);
    expect((await view()).run).toMatchObject({ state: { kind: "completed", endedAt: until } });
    expect(await index()).toMatchObject([{ status: "Completed", startedAt: asleep, endedAt: until }]);
  });

  it("makes a wait give up; what comes later does not answer it", async () => {
    const { platform } = platformOf();
    const { run, rest } = await started(platform, "begin", "waiter");
    await run.advance(7 * DAY);
    await platform.send({ name: "answer" });
    expect(await rest()).toMatchObject(outputOf("gave up"));
  });

  it("by less than a wait's timeout leaves it open: an event that really comes in time answers it", async () => {
    const { platform } = platformOf();
    const { run, rest } = await started(platform, "begin", "waiter");
    await run.advance(6 * DAY);
    await platform.clock.advance(23 * HOUR);
    await platform.send({ name: "answer" });
    expect(await rest()).toMatchObject(outputOf("answered"));
  });

  it("lets a retry's hour pass, each time", async () => {
    const { platform, attempts } = platformOf();
    const { run, rest } = await started(platform, "try", "backoff");
    const began = platform.clock.now();
    expect(attempts).toHaveLength(1);
    await run.advance(HOUR - 1);
    await platform.clock.advance(0);
    expect(attempts).toHaveLength(1);
    await run.advance(1);
    await platform.clock.advance(0);
    expect(attempts).toHaveLength(2);
    await run.advance(HOUR);
    expect(await rest()).toMatchObject({ ...outputOf("at last"), offsetMs: 2 * HOUR });
    expect(platform.clock.now()).toBe(began);
  });

  it("moves an absolute date too, but not the world: a child that is invoked afterwards runs now", async () => {
    const { platform } = platformOf();
    const date = new Date(platform.clock.now() + 20 * DAY).toISOString();
    const { run, rest } = await started(platform, "then", "then", { date });
    const began = platform.clock.now();
    await run.advance(30 * DAY);
    expect(await rest()).toMatchObject(outputOf("from the child"));
    expect(platform.clock.now()).toBe(began);
  });

  it("reaches a run whose code is executing, while the watchdog waits for it", async () => {
    const platform = simulated((client) => [
      client.createFunction({ id: "busy" }, { event: "busy" }, ({ step }) =>
        Promise.race([step.run("held", () => undefined), step.sleep("long", "1h").then(() => "slept")]),
      ),
    ]);
    platform.step("held").hang();
    const { run, rest } = await started(platform, "busy", "busy");
    await platform.clock.advance("25s"); // past the watchdog's first look
    expect((await rest()).state.kind).toBe("executing");
    expect(await run.advance(HOUR)).toEqual({ kind: "advanced" });
    expect(await rest()).toMatchObject(outputOf("slept"));
  });

  it("of a run that ended or never was says so", async () => {
    const { platform } = platformOf();
    const { run } = await started(platform, "many", "many");
    await run.cancel("asked");
    expect([await run.advance(DAY), await run.wake()]).toEqual([{ kind: "ended" }, { kind: "ended" }]);
    const unknown = objectsOf(platform).run("main", runIdOf("01ARZ3NDEKTSV4RRFFQ69G5FAV", "mem-many"));
    expect([await unknown.advance(DAY), await unknown.wake()]).toEqual([{ kind: "unknown" }, { kind: "unknown" }]);
  });
});

describe("wake", () => {
  it("ends every sleep, or that of one step by id or hash; what is not asleep is named", async () => {
    const { platform } = platformOf();
    const { run, view, rest } = await started(platform, "many", "many");
    expect(await run.wake("three")).toEqual({ kind: "awake", sleeping: ["one", "two"] });
    expect(await run.wake("one")).toEqual({ kind: "woken", steps: ["one"] });
    expect(await run.wake("one")).toEqual({ kind: "awake", sleeping: ["two"] });
    const hash = (await view()).entries.find((entry) => entry.userId === "two")?.id;
    expect(await run.wake(hash)).toEqual({ kind: "woken", steps: ["two"] });
    expect(await rest()).toMatchObject(outputOf([null, null, 3]));

    const all = await started(platform, "many", "many");
    expect(await all.run.wake()).toEqual({ kind: "woken", steps: ["one", "two"] });
    expect(await all.rest()).toMatchObject(outputOf([null, null, 3]));
  });

  it("moves no clock: a sleep that comes next is as long as it says", async () => {
    const { platform } = platformOf();
    const date = new Date(platform.clock.now() + 20 * DAY).toISOString();
    const { run, view, rest } = await started(platform, "then", "then", { date });
    await run.wake();
    expect(await rest()).toMatchObject({ state: { kind: "blocked" } });
    expect((await view()).entries.at(-1)?.status).toEqual({ kind: "sleeping", until: Date.parse(date) });
  });

  it("of a run that waits for something else changes nothing", async () => {
    const { platform } = platformOf();
    const { run, view } = await started(platform, "begin", "waiter");
    const before = await view();
    expect(await run.wake()).toEqual({ kind: "awake", sleeping: [] });
    expect(await view()).toEqual(before);
  });
});
