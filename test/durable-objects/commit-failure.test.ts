/** Storage that fails: what was not stored was not decided, and the run goes on from what was (run-object.ts, 0). */
import { describe, expect, it } from "vitest";
import { runIdOf } from "../../src/protocol/ids.ts";
import { MemoryPlatform } from "../helpers/memory-platform.ts";

const HOUR = { horizonMs: 3_600_000 };

/** Thrown in place of a commit or statement of a run. */
class DiskFull extends Error {
  override name = "DiskFull";
}

/** A parent with each kind of step, and the child that it invokes. */
function flow() {
  const ran: Record<string, number> = {};
  const body = (id: string) => (ran[id] = (ran[id] ?? 0) + 1);
  const platform = new MemoryPlatform((client) => {
    const child = client.createFunction({ id: "child" }, { event: "child/asked" }, ({ event, step }) =>
      step.run("double", () => (body("double"), event.data.n * 2)),
    );
    const parent = client.createFunction({ id: "parent" }, { event: "begin" }, async ({ step }) => {
      await new Promise(setImmediate); // code that waits may hold an open socket: bodies await the disk from here on
      const a = await step.run("a", () => (body("a"), 1));
      const [b, c] = await Promise.all([
        step.run("b", () => (body("b"), a + 1)),
        step.run("c", async () => (body("c"), await Promise.resolve(a + 2))),
      ]);
      await step.sleep("nap", "5m");
      const flaky = await step.run("flaky", () => {
        if (body("flaky") === 1) throw new Error("not yet");
        return b + c;
      });
      const answer = await step.waitForEvent("answer", { event: "answer", timeout: "30d" });
      const doubled = await step.invoke("ask", { function: child, data: { n: flaky } });
      return [doubled, answer?.data.word];
    });
    return [child, parent];
  });
  return { platform, ran };
}

const CLEAN = { a: 1, b: 1, c: 1, flaky: 2, double: 1 };

type Disk = MemoryPlatform["disk"];

/** The n-th time (from 1) that a run's disk does this, it fails. */
function failingAt(n: number, kind: Parameters<Disk>[1]) {
  const seen = { times: 0 };
  const disk: Disk = (object, what) => {
    if (object.startsWith("run ") && what === kind && ++seen.times === n) throw new DiskFull(`${kind} ${n}`);
  };
  return { seen, disk };
}

async function play(disk: Disk) {
  const { platform, ran } = flow();
  await platform.register();
  platform.disk = disk;
  const id = await platform.send({ name: "begin", id: "first" });
  await platform.run(undefined, HOUR);
  await platform.send({ name: "answer", data: { word: "yes" }, id: "second" });
  await platform.run(undefined, HOUR);
  platform.disk = () => undefined;
  const view = await platform.view(id, "mem-parent");
  return { platform, ran, view };
}

describe.each([
  ["commit", 20],
  ["statement", 100],
  ["sync", 1],
] as const)("a %s that fails", (kind, atLeast) => {
  it("[G2, G3] stops the code, and the run ends as it would have, each body run at most once more", async () => {
    const clean = failingAt(0, kind);
    expect((await play(clean.disk)).ran).toEqual(CLEAN);
    expect(clean.seen.times).toBeGreaterThanOrEqual(atLeast);
    for (let n = 1; n <= clean.seen.times; n++) {
      const { seen, disk } = failingAt(n, kind);
      const { ran, view, platform } = await play(disk);
      expect(seen.times, `${kind} ${n} was reached`).toBeGreaterThanOrEqual(n);
      expect(view?.run.state, `${kind} ${n}; ${platform.reports.join("; ")}`).toMatchObject({
        kind: "completed",
        output: [10, "yes"],
      });
      for (const [id, times] of Object.entries(CLEAN)) {
        expect(ran[id], `${kind} ${n}, ${id}`).toBeGreaterThanOrEqual(times);
        expect(ran[id], `${kind} ${n}, ${id}`).toBeLessThanOrEqual(times + 1);
      }
    }
  }, 120_000);
});

describe("a commit that fails", () => {
  it("leaves nothing of a run that could not be created; its caller is told, and the next start makes it", async () => {
    const { platform } = flow();
    await platform.register();
    const { disk } = failingAt(1, "commit");
    platform.disk = disk;
    const id = await platform.send({ name: "begin", id: "first" });
    const run = platform.objects().run("main", runIdOf(id, "mem-parent"));
    const [logged] = platform.messages[0]!.events!;
    const fn = (await platform.objects().registry("main").function("mem-parent"))!;
    const start = { env: "main", runId: runIdOf(id, "mem-parent"), fn, events: [logged!] };
    await expect(run.start(start)).rejects.toThrow(
      `run ${start.runId}: the storage took nothing, and the run stays as it was: commit 1`,
    );
    expect(await run.summary()).toBeNull();
    expect(await run.journal(0)).toEqual({ entries: [], next: null });
    expect(platform.alarmOf(`run ${start.runId}`)).toBeNull();
    expect(await run.start(start)).toEqual({ kind: "started" });
    expect((await run.summary())?.events).toEqual([logged!.record]);
  });

  it("tells the caller of a cancel, and cancels nothing; the next cancel does", async () => {
    const { platform } = flow();
    await platform.register();
    const id = await platform.send({ name: "begin", id: "first" });
    await platform.run(undefined, HOUR);
    const run = platform.objects().run("main", runIdOf(id, "mem-parent"));
    const before = (await run.summary())?.run.state;
    platform.disk = failingAt(1, "commit").disk;
    await expect(run.cancel("asked")).rejects.toThrow("the storage took nothing");
    expect((await run.summary())?.run.state).toEqual(before);
    expect(await run.cancel("asked")).toEqual({ kind: "cancelled" });
    expect((await run.summary())?.run.state).toMatchObject({ kind: "cancelled", reason: "asked" });
  });

  it("for one step, every time, counts as that step's lost attempts: the run does not try for ever", async () => {
    const ran: number[] = [];
    const platform = new MemoryPlatform((client) => [
      client.createFunction({ id: "parent" }, { event: "begin" }, async ({ step, attempt }) => {
        await step.run("a", () => 1);
        return step
          .run("poison", () => (ran.push(attempt), "too large for this disk"))
          .catch((error: Error) => error.message);
      }),
    ]);
    await platform.register();
    platform.disk = (object, _what, values) => {
      if (values.some((value) => String(value).includes("too large for this disk"))) throw new DiskFull(object);
    };
    const id = await platform.send({ name: "begin", id: "first" });
    await platform.run(undefined, HOUR);
    const view = await platform.view(id, "mem-parent");
    expect(view?.run.state).toMatchObject({
      kind: "completed",
      output: expect.stringContaining('step "poison" stopped without a result'),
    });
    expect(view?.entries.find((entry) => entry.userId === "poison")?.failures).toMatchObject(
      [0, 1, 2].map((attempt) => ({ attempt, error: { code: "step_lost" } })),
    );
    // the first activation had stored step a; the loss of the second is blamed on nothing, and makes the third cautious
    expect(ran).toHaveLength(2 + 3);
  });
});

describe("over HTTP", () => {
  it("a reply that could not be stored is lost, and the call is made again: the run ends as it would have", async () => {
    const retry = { maxAttempts: 3, backoff: "fixed", initialDelayMs: 1000, maxDelayMs: 1000, jitter: false } as const;
    const url = "https://app.example.com/api/inngest";
    const functions = [
      {
        id: "web-remote",
        name: "remote",
        appId: "web",
        version: 0,
        triggers: [{ event: "begin", expression: null }],
        crons: [],
        retry,
        transport: { kind: "http", url } as const,
      },
    ];
    const play = async (disk: Disk) => {
      const platform = new MemoryPlatform(() => []); // where every call fails
      const app = { appId: "web", url, sdk: "", framework: "", functions, checksum: "1" };
      await platform.objects().registry("main").sync(app);
      platform.disk = disk;
      const id = await platform.send({ name: "begin", id: "first" });
      await platform.run(undefined, HOUR);
      platform.disk = () => undefined;
      return { platform, view: await platform.view(id, "web-remote") };
    };
    const clean = failingAt(0, "statement");
    await play(clean.disk);
    expect(clean.seen.times).toBeGreaterThan(20);
    for (let n = 1; n <= clean.seen.times; n++) {
      const { view, platform } = await play(failingAt(n, "statement").disk);
      expect(view?.run.state, `statement ${n}; ${platform.reports.join("; ")}`).toMatchObject({
        kind: "failed",
        error: { code: "platform" }, // of its call, or that what the call carries could not be read
      });
    }
  });
});

describe("[G4] a step's body that awaits the disk", () => {
  it.each([
    ["because the code has waited for something", false],
    ["because it is marked first, after a loss", true],
  ])("%s, does not run when the run is cancelled meanwhile", async (_, isCautious) => {
    const ran: string[] = [];
    let isDead = isCautious;
    const platform = new MemoryPlatform((client) => [
      client.createFunction({ id: "parent" }, { event: "begin" }, async ({ step }) => {
        if (isDead) {
          isDead = false;
          platform.die();
        }
        if (!isCautious) await new Promise(setImmediate);
        await step.run("charge", () => void ran.push("charge"));
      }),
    ]);
    await platform.register();
    let cancelled = 0;
    platform.disk = async (object, what) => {
      if (!object.startsWith("run ") || what !== "sync") return;
      cancelled += 1;
      await platform.objects().run("main", object.slice("run ".length)).cancel("meanwhile");
    };
    const id = await platform.send({ name: "begin", id: "first" });
    await platform.run(undefined, HOUR);
    expect(cancelled).toBe(1);
    expect(ran).toEqual([]);
    expect((await platform.view(id, "mem-parent"))?.run.state).toMatchObject({
      kind: "cancelled",
      reason: "meanwhile",
    });
  });
});
