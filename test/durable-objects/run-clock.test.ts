/** One run's own clock in its object: moved without another's, and ahead of nothing outside of the run (design §7). */
import { describe, expect, it } from "vitest";
import type { RunObjectApi } from "../../src/durable-objects/objects.ts";
import { runIdOf } from "../../src/protocol/ids.ts";
import { runView, type RunView } from "../../src/routes/run-view.ts";
import { MemoryPlatform } from "../helpers/memory-platform.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const soon = { horizonMs: 0 };

function platformOf() {
  const attempts: number[] = [];
  const platform = new MemoryPlatform((client) => {
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
async function started(platform: MemoryPlatform, name: string, functionId: string, data: object = {}) {
  await platform.register();
  const id = await platform.send({ name, data, id: `${name}/${platform.hops.length}` });
  await platform.run(undefined, soon);
  const run: RunObjectApi = platform.objects().run("main", runIdOf(id, `mem-${functionId}`));
  const view = async () => (await platform.view(id, `mem-${functionId}`)) as RunView;
  const rest = async () => (await platform.run(undefined, soon), (await view()).run);
  return { id, run, view, rest };
}

const outputOf = (output: unknown) => ({ state: { kind: "completed", output } });

describe("advance", () => {
  it("ends a sleep of 30 days now, and no other run's", async () => {
    const { platform } = platformOf();
    const [one, other] = [await started(platform, "doze", "sleeper"), await started(platform, "doze", "sleeper")];
    const began = platform.now;
    expect(await one.run.advance(30 * DAY)).toEqual({ kind: "advanced" });
    expect(await one.rest()).toMatchObject({ ...outputOf("awake"), startedAt: began });
    expect((await one.view()).run.state).toMatchObject({ endedAt: began });
    expect(platform.now).toBe(began);
    expect((await other.rest()).state.kind).toBe("blocked");
    expect(platform.alarmOf(`run ${(await other.view()).run.id}`)).toBe(began + 30 * DAY);
  });

  it("by less than a sleep brings its end, its alarm and what the API and the index tell that much nearer", async () => {
    const { platform } = platformOf();
    const { id, run, view, rest } = await started(platform, "doze", "sleeper");
    const asleep = platform.now;
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
    expect(platform.alarmOf(`run ${read.run.id}`)).toBe(until);
    expect(await platform.indexOf(id)).toMatchObject([{ status: "Running", dueAt: until }]);
    platform.die(); // the offset is stored
    await platform.run(undefined, { horizonMs: 16 * DAY });
    expect(platform.now).toBe(until);
    expect((await view()).run).toMatchObject({ state: { kind: "completed", endedAt: until } });
    expect(await platform.indexOf(id)).toMatchObject([{ status: "Completed", startedAt: asleep, endedAt: until }]);
  });

  it("makes a wait give up; what comes later does not answer it", async () => {
    const { platform } = platformOf();
    const { run, rest } = await started(platform, "begin", "waiter");
    await run.advance(7 * DAY);
    await platform.send({ name: "answer", id: "late" });
    expect(await rest()).toMatchObject(outputOf("gave up"));
  });

  it("by less than a wait's timeout leaves it open: an event that really comes in time answers it", async () => {
    const { platform } = platformOf();
    const { run, rest } = await started(platform, "begin", "waiter");
    await run.advance(6 * DAY);
    platform.now += 23 * HOUR;
    await platform.send({ name: "answer", id: "in time" });
    expect(await rest()).toMatchObject(outputOf("answered"));
  });

  it("lets a retry's hour pass, each time", async () => {
    const { platform, attempts } = platformOf();
    const { run, rest } = await started(platform, "try", "backoff");
    const began = platform.now;
    expect(attempts).toHaveLength(1);
    await run.advance(HOUR - 1);
    await platform.run(undefined, soon);
    expect(attempts).toHaveLength(1);
    await run.advance(1);
    await platform.run(undefined, soon);
    expect(attempts).toHaveLength(2);
    await run.advance(HOUR);
    expect(await rest()).toMatchObject({ ...outputOf("at last"), offsetMs: 2 * HOUR });
    expect(platform.now).toBe(began);
  });

  it("moves an absolute date too, but not the world: a child that is invoked afterwards runs now", async () => {
    const { platform } = platformOf();
    const date = new Date(platform.now + 20 * DAY).toISOString();
    const { run, rest } = await started(platform, "then", "then", { date });
    const began = platform.now;
    await run.advance(30 * DAY);
    expect(await rest()).toMatchObject(outputOf("from the child"));
    expect(platform.now).toBe(began);
  });

  it("reaches a run whose code is executing, while the watchdog waits for it", async () => {
    const gate = Promise.withResolvers<void>();
    const platform = new MemoryPlatform((client) => [
      client.createFunction({ id: "busy" }, { event: "busy" }, ({ step }) =>
        Promise.race([step.run("held", () => gate.promise), step.sleep("long", "1h").then(() => "slept")]),
      ),
    ]);
    const { run, rest } = await started(platform, "busy", "busy");
    const began = platform.now;
    await platform.run(() => platform.now > began, { horizonMs: 20_000 });
    expect(await run.advance(HOUR)).toEqual({ kind: "advanced" });
    expect(await rest()).toMatchObject(outputOf("slept"));
    gate.resolve();
  });

  it("of a run that ended or never was says so", async () => {
    const { platform } = platformOf();
    const { run } = await started(platform, "many", "many");
    await run.cancel("asked");
    expect([await run.advance(DAY), await run.wake()]).toEqual([{ kind: "ended" }, { kind: "ended" }]);
    const unknown = platform.objects().run("main", runIdOf("01ARZ3NDEKTSV4RRFFQ69G5FAV", "mem-many"));
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
    const date = new Date(platform.now + 20 * DAY).toISOString();
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
