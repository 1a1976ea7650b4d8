/** Storage that fails: what was not stored was not decided, and the run goes on from what was (run-object.ts, 0). */
import { describe, expect, it } from "vitest";
import { runIdOf } from "../../src/protocol/ids.ts";
import type { DiskHook } from "../../src/testing/host/world.ts";
import { objectsOf, simulated, view as viewOf } from "../helpers/simulated-platform.ts";

const diskIsWell: DiskHook = () => undefined;

/** Thrown in place of a commit or statement of a run. */
class DiskFull extends Error {
  override name = "DiskFull";
}

/** A parent with each kind of step, and the child that it invokes. */
function flow() {
  const ran: Record<string, number> = {};
  const body = (id: string) => (ran[id] = (ran[id] ?? 0) + 1);
  const platform = simulated((client) => {
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

/** The n-th time (from 1) that a run's disk does this, it fails. */
function failingAt(n: number, kind: Parameters<DiskHook>[2]) {
  const seen = { times: 0 };
  const disk: DiskHook = (object, _name, what) => {
    if (object === "run" && what === kind && ++seen.times === n) throw new DiskFull(`${kind} ${n}`);
  };
  return { seen, disk };
}

async function play(disk: DiskHook) {
  const { platform, ran } = flow();
  const { world } = platform;
  await platform.clock.advance(0); // registers the functions
  world.storage = disk;
  const { ids } = await platform.send({ name: "begin", id: "first" });
  await platform.clock.advance("1h");
  await platform.send({ name: "answer", data: { word: "yes" }, id: "second" });
  await platform.clock.advance("1h");
  world.storage = diskIsWell;
  const view = await viewOf(platform, ids[0]!, "mem-parent");
  return { ran, view, told: world.reports.map(({ message, error }) => `${message} ${String(error)}`).join("; ") };
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
      const { ran, view, told } = await play(disk);
      expect(seen.times, `${kind} ${n} was reached`).toBeGreaterThanOrEqual(n);
      expect(view?.run.state, `${kind} ${n}; ${told}`).toMatchObject({
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
    const { world } = platform;
    world.pauseQueue(true);
    const { ids } = await platform.send({ name: "begin", id: "first" });
    world.storage = failingAt(1, "commit").disk;
    const id = ids[0]!;
    const run = objectsOf(platform).run("main", runIdOf(id, "mem-parent"));
    const [logged] = world.queued[0]!.events!;
    const fn = (await objectsOf(platform).registry("main").function("mem-parent"))!;
    const start = { env: "main", runId: runIdOf(id, "mem-parent"), fn, events: [logged!] };
    await expect(run.start(start)).rejects.toThrow(
      `run ${start.runId}: the storage took nothing, and the run stays as it was: commit 1`,
    );
    expect(await run.summary()).toBeNull();
    expect(await run.journal(0)).toEqual({ entries: [], next: null });
    expect(world.clock.at(`run ${start.runId}`)).toBeNull();
    expect(await run.start(start)).toEqual({ kind: "started" });
    expect((await run.summary())?.events).toEqual([logged!.record]);
  });

  it("tells the caller of a cancel, and cancels nothing; the next cancel does", async () => {
    const { platform } = flow();
    const { ids } = await platform.send({ name: "begin", id: "first" });
    await platform.clock.advance("1h");
    const run = objectsOf(platform).run("main", runIdOf(ids[0]!, "mem-parent"));
    const before = (await run.summary())?.run.state;
    platform.world.storage = failingAt(1, "commit").disk;
    await expect(run.cancel("asked")).rejects.toThrow("the storage took nothing");
    expect((await run.summary())?.run.state).toEqual(before);
    expect(await run.cancel("asked")).toEqual({ kind: "cancelled" });
    expect((await run.summary())?.run.state).toMatchObject({ kind: "cancelled", reason: "asked" });
  });

  it("for one step, every time, counts as that step's lost attempts: the run does not try for ever", async () => {
    const ran: number[] = [];
    const platform = simulated((client) => [
      client.createFunction({ id: "parent" }, { event: "begin" }, async ({ step, attempt }) => {
        await step.run("a", () => 1);
        return step
          .run("poison", () => (ran.push(attempt), "too large for this disk"))
          .catch((error: Error) => error.message);
      }),
    ]);
    platform.world.storage = (kind, _name, _what, writes) => {
      if (writes.some(({ value }) => String(value).includes("too large for this disk"))) throw new DiskFull(kind);
    };
    const { ids } = await platform.send({ name: "begin", id: "first" });
    await platform.clock.advance("1h");
    const view = await viewOf(platform, ids[0]!, "mem-parent");
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
    const playRemote = async (disk: DiskHook) => {
      let bodies = 0;
      const platform = simulated(
        (client) => [
          client.createFunction({ id: "remote" }, { event: "begin" }, async ({ step }) => {
            await step.run("a", () => void (bodies += 1));
            await step.sleep("nap", "1m");
            return "end";
          }),
        ],
        { transport: "http" },
      );
      await platform.clock.advance(0);
      platform.world.storage = disk;
      const { ids } = await platform.send({ name: "begin", id: "first" });
      await platform.clock.advance("1h");
      platform.world.storage = diskIsWell;
      return { bodies, view: await viewOf(platform, ids[0]!, "mem-remote") };
    };
    const clean = failingAt(0, "statement");
    expect((await playRemote(clean.disk)).bodies).toBe(1);
    expect(clean.seen.times).toBeGreaterThan(20);
    for (let n = 1; n <= clean.seen.times; n++) {
      const { view, bodies } = await playRemote(failingAt(n, "statement").disk);
      expect(view?.run.state, `statement ${n}`).toMatchObject({ kind: "completed", output: "end" });
      expect(bodies, `statement ${n}`).toBeGreaterThanOrEqual(1);
      expect(bodies, `statement ${n}`).toBeLessThanOrEqual(2);
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
    const platform = simulated((client) => [
      client.createFunction({ id: "parent" }, { event: "begin" }, async ({ step }) => {
        if (isDead) {
          isDead = false;
          await new Promise(setImmediate); // its start is stored
          platform.world.resetAll();
        }
        if (!isCautious) await new Promise(setImmediate);
        await step.run("charge", () => void ran.push("charge"));
      }),
    ]);
    let cancelled = 0;
    platform.world.storage = async (kind, name, what) => {
      if (kind !== "run" || what !== "sync") return;
      cancelled += 1;
      await objectsOf(platform).run("main", name).cancel("meanwhile");
    };
    const { ids } = await platform.send({ name: "begin", id: "first" });
    await platform.clock.advance("1h");
    expect(cancelled).toBe(1);
    expect(ran).toEqual([]);
    expect((await viewOf(platform, ids[0]!, "mem-parent"))?.run.state).toMatchObject({
      kind: "cancelled",
      reason: "meanwhile",
    });
  });
});
