/** Runs that are repeated from a step on, in their objects: what they have from the run before, once and for all. */
import { describe, expect, it } from "vitest";
import type { FromStep } from "../../src/engine/run-rerun.ts";
import { derivedUlid, runIdOf } from "../../src/protocol/ids.ts";
import { Inngest } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { die, dieAfterTurns, objectsOf, silent, simulated } from "../helpers/simulated-platform.ts";

function platformOf() {
  const ran: string[] = [];
  const client = new Inngest({ id: "mem", logger: silent });
  const platform = simulated(
    () => [
      client.createFunction({ id: "work" }, { event: "work" }, async ({ step }) => {
        const a = await step.run("a", () => (ran.push("a"), "x".repeat(100)));
        const [b, c] = await Promise.all([
          step.run("b", () => (ran.push("b"), "b")),
          step.run("c", async () => (await Promise.resolve(), ran.push("c"), "c")),
        ]);
        const caught = await step
          .run("d", () => {
            ran.push("d");
            throw new Error("d broke");
          })
          .catch((error: Error) => error.message);
        await step.sleep("nap", "1h");
        const e = await step.run("e", (n: number, text: string) => (ran.push("e"), `${text}${n}`), 1, "own");
        return { a: a.length, b, c, caught, e };
      }),
    ],
    { client },
  );
  return { platform, ran };
}

async function worked() {
  const { platform, ran } = platformOf();
  const { ids } = await platform.send({ name: "work" });
  await platform.clock.advance("1d");
  const [eventId] = ids;
  const before = runIdOf(eventId!, "mem-work");
  expect((await objectsOf(platform).run("main", before).summary())?.run.state.kind).toBe("completed");
  ran.length = 0;
  return { platform, ran, before, eventId: eventId! };
}

async function again(platform: TestPlatform, before: string, eventId: string, from: FromStep, name = "again") {
  const objects = objectsOf(platform);
  const { run, events } = (await objects.run("main", before).summary())!;
  const runId = derivedUlid(Date.UTC(2026, 0, 1), `${name}${eventId}`);
  const fn = (await objects.registry("main").function(run.functionId))!;
  const logged = events.map((record) => ({ record, receivedAt: platform.clock.now() }));
  const start = () =>
    objects.run("main", runId).start({
      env: "main",
      runId,
      fn,
      events: logged,
      dueAt: platform.clock.now(),
      rerun: { of: before, version: run.functionVersion, from },
    });
  const ended = async () => {
    await platform.clock.advance("1d");
    const summary = (await objects.run("main", runId).summary())!;
    return { ...summary.run, entries: (await objects.run("main", runId).journal(0)).entries };
  };
  return { runId, start, ended };
}

const OUTPUT = { a: 100, b: "b", c: "c", caught: "d broke", e: "own1" };

describe("a run that begins with a step", () => {
  it.each([
    ["a", ["a", "b", "c", "d", "e"], 0],
    ["b", ["b", "c", "d", "e"], 1],
    ["nap", ["e"], 4],
    ["e", ["e"], 5],
  ])("%s runs %j, and has %i results from the run before", async (step, expected, carried) => {
    const { platform, ran, before, eventId } = await worked();
    const { start, ended } = await again(platform, before, eventId, { step });
    expect(await start()).toEqual({ kind: "started" });
    const run = await ended();
    expect(run.state).toMatchObject({ kind: "completed", output: OUTPUT });
    expect([...new Set(ran)]).toEqual(expected);
    expect(run.rerunOf).toMatchObject({ runId: before, step: { userId: step, carried } });
    expect(run.entries.filter(({ carriedFrom }) => carriedFrom?.runId === before)).toHaveLength(carried);
  });

  it("gives its code the arguments that were written, at each attempt and after a death, and no other step", async () => {
    const { platform, ran, before, eventId } = await worked();
    const { start, ended } = await again(platform, before, eventId, { step: "e", input: [7, "written"] });
    await start();
    die(platform);
    const run = await ended();
    expect(run.state).toMatchObject({ output: { ...OUTPUT, e: "written7" } });
    expect(run.entries.at(-1)).toMatchObject({ userId: "e", input: [7, "written"] });
    expect(ran).toEqual(["e"]);
  });

  it("is started once, however often it is asked for, at the same time or later", async () => {
    const { platform, ran, before, eventId } = await worked();
    const { start, ended } = await again(platform, before, eventId, { step: "e" });
    const both = await Promise.all([start(), start()]);
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(["exists", "started"]);
    await ended();
    expect(await start()).toEqual({ kind: "exists" });
    expect(ran).toEqual(["e"]);
  });

  it("leaves nothing behind when there is no such step, or it takes no input", async () => {
    const { platform, before, eventId } = await worked();
    const none = await again(platform, before, eventId, { step: "z" });
    expect(await none.start()).toMatchObject({ kind: "refused", why: "unknown" });
    const asleep = await again(platform, before, eventId, { step: "nap", input: [] });
    expect(await asleep.start()).toMatchObject({ kind: "refused", why: "input" });
    expect(await objectsOf(platform).run("main", none.runId).summary()).toBeNull();
  });

  it("is whole or is not, whenever the process dies while it begins", async () => {
    for (let turn = 0; turn < 12; turn++) {
      const { platform, ran, before, eventId } = await worked();
      const { start, ended } = await again(platform, before, eventId, { step: "e" });
      dieAfterTurns(platform, (n) => (n === turn ? "after" : null));
      const first = start().catch(() => null); // who asked may not hear of it, and asks once more
      await platform.clock.advance(0);
      platform.world.turns.between = () => undefined;
      await Promise.race([first, platform.clock.advance(0)]);
      await start();
      const run = await ended();
      expect(run.state, `died after turn ${turn}`).toMatchObject({ kind: "completed", output: OUTPUT });
      expect(new Set(ran)).toEqual(new Set(["e"]));
    }
  });

  it("repeats a run that goes on: what has ended by then is taken over", async () => {
    const { platform, ran } = platformOf();
    const { ids } = await platform.send({ name: "work" });
    await platform.clock.advance("30m"); // it naps
    ran.length = 0;
    const { start, ended } = await again(platform, runIdOf(ids[0]!, "mem-work"), ids[0]!, { step: "nap" });
    expect(await start()).toEqual({ kind: "started" });
    expect((await ended()).state).toMatchObject({ output: OUTPUT });
    expect(ran).toEqual(["e", "e"]); // once in each run
  });

  it("of another version of its function says so", async () => {
    const { platform, before, eventId } = await worked();
    const objects = objectsOf(platform);
    const fn = (await objects.registry("main").function("mem-work"))!;
    const { events } = (await objects.run("main", before).summary())!;
    const runId = derivedUlid(Date.UTC(2026, 0, 1), `newer${eventId}`);
    await objects.run("main", runId).start({
      env: "main",
      runId,
      fn: { ...fn, version: fn.version + 1 },
      events: events.map((record) => ({ record, receivedAt: platform.clock.now() })),
      dueAt: platform.clock.now(),
      rerun: { of: before, version: fn.version, from: { step: "e" } },
    });
    const { run } = (await objects.run("main", runId).summary())!;
    expect(run.warnings).toEqual([
      `results are from run ${before}, which had version ${fn.version} of the function; what runs anew has version ${fn.version + 1}`,
    ]);
  });
});
