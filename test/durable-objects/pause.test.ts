/** A run that is paused, in its object: nothing begins, nothing is lost, whoever dies meanwhile. */
import { describe, expect, it } from "vitest";
import { logOf } from "../../src/durable-objects/objects.ts";
import { runIdOf } from "../../src/protocol/ids.ts";
import { runView, type RunView } from "../../src/routes/run-view.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import {
  die,
  dieAfterTurns,
  objectsOf,
  simulated,
  sweepAnHour,
  view as viewOf,
} from "../helpers/simulated-platform.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function platformOf() {
  const ran: string[] = [];
  /** what is done while the second step runs */
  const during: { b?: (runId: string) => Promise<unknown> } = {};
  const platform = simulated((client) => [
    client.createFunction({ id: "steps" }, { event: "steps" }, async ({ step, runId }) => {
      await step.run("a", () => void ran.push("a"));
      await step.run("b", async () => {
        ran.push("b");
        await during.b?.(runId);
      });
      await Promise.all([step.run("c", () => void ran.push("c")), step.sleep("nap", "1m")]);
      return "done";
    }),
    client.createFunction({ id: "sleeper" }, { event: "doze" }, async ({ step }) => {
      await step.sleep("long", "1d");
      await step.run("after", () => void ran.push("after"));
      return "awake";
    }),
    client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ step }) => {
      const found = await step.waitForEvent("answer", { event: "answer", timeout: "1d" });
      await step.run("after", () => void ran.push("after"));
      return found?.data.n ?? "gave up";
    }),
    client.createFunction({ id: "bounded", timeouts: { finish: "1d" } }, { event: "bounded" }, ({ step }) =>
      step.sleep("long", "30d"),
    ),
    client.createFunction(
      { id: "limited", concurrency: { limit: 1, key: "'all'" } },
      { event: "limited" },
      ({ step }) => step.run("held", () => void ran.push("held")),
    ),
  ]);
  return { platform, ran, during };
}

async function started(platform: TestPlatform, name: string, functionId: string) {
  const { ids } = await platform.send({ name });
  await platform.clock.advance(0);
  const id = ids[0]!;
  const run = objectsOf(platform).run("main", runIdOf(id, `mem-${functionId}`));
  const view = async () => (await viewOf(platform, id, `mem-${functionId}`)) as RunView;
  const rest = async () => (await platform.clock.advance(0), (await view()).run.state);
  return { id, run, view, rest, index: () => objectsOf(platform).log("main", logOf(id)).runsOf(id) };
}

describe("pause", () => {
  it("lets what is running end, and begins nothing after it until the run goes on", async () => {
    const { platform, ran, during } = platformOf();
    const answers: unknown[] = [];
    during.b = async (runId) => {
      const own = objectsOf(platform).run("main", runId);
      answers.push(await own.pause(), await own.pause());
    };
    const { run, view, rest } = await started(platform, "steps", "steps");
    expect(answers).toEqual([{ kind: "paused" }, { kind: "unchanged" }]);
    expect(await rest()).toMatchObject({ kind: "scheduled" });
    const paused = await view();
    expect(paused.entries.map(({ userId, status }) => [userId, status.kind])).toEqual([
      ["a", "settled"],
      ["b", "settled"],
    ]);
    expect(runView(paused).waiting_for).toEqual([
      { kind: "paused", since: new Date(paused.run.createdAt).toISOString() },
    ]);
    await platform.clock.advance(30 * DAY);
    expect(ran).not.toContain("c");
    expect(await run.resume()).toEqual({ kind: "resumed" });
    await platform.clock.advance("1m");
    expect(await rest()).toMatchObject({ kind: "completed", output: "done" });
    expect(ran.filter((id) => id === "c")).toHaveLength(1);
  });

  it("keeps a sleep that is over meanwhile; it ends when the run goes on, also after a death", async () => {
    const { platform, ran } = platformOf();
    const { run, view, rest, index } = await started(platform, "doze", "sleeper");
    await run.pause();
    expect(platform.world.clock.at(`run ${(await view()).run.id}`)).toBeNull(); // no alarm
    expect(await index()).toMatchObject([{ status: "Running", dueAt: null }]);
    die(platform);
    await platform.clock.advance(10 * DAY);
    await sweepAnHour(platform);
    expect(await rest()).toMatchObject({ kind: "blocked" });
    expect(ran).toEqual([]);
    die(platform);
    await run.resume();
    expect(await rest()).toMatchObject({ kind: "completed", output: "awake" });
  });

  it("keeps what a sleep has left: it ends at its own time, if that is still to come", async () => {
    const { platform } = platformOf();
    const { run, rest } = await started(platform, "doze", "sleeper");
    await run.pause();
    await platform.clock.advance(HOUR);
    await run.resume();
    await platform.clock.advance(22 * HOUR);
    expect((await rest()).kind).toBe("blocked");
    await platform.clock.advance(HOUR);
    expect(await rest()).toMatchObject({ kind: "completed" });
  });

  it("takes an event that comes in time, and lets a wait give up for which none came", async () => {
    const { platform, ran } = platformOf();
    const [one, other] = [await started(platform, "begin", "waiter"), await started(platform, "begin", "waiter")];
    await one.run.pause();
    await platform.send({ name: "answer", data: { n: 1 } });
    await platform.clock.advance(2 * DAY);
    expect([await one.rest(), ran]).toMatchObject([{ kind: "scheduled" }, ["after"]]); // that of the other
    await one.run.resume();
    expect(await one.rest()).toMatchObject({ kind: "completed", output: 1 });
    expect(await other.rest()).toMatchObject({ kind: "completed", output: 1 });

    const late = await started(platform, "begin", "waiter");
    await late.run.pause();
    await platform.clock.advance(2 * DAY);
    await platform.send({ name: "answer", data: { n: 2 } });
    await late.run.resume();
    expect(await late.rest()).toMatchObject({ kind: "completed", output: "gave up" });
  });

  it("holds no place in a line while it is paused", async () => {
    const { platform } = platformOf();
    platform.step("held").hang();
    const first = await started(platform, "limited", "limited");
    const second = await started(platform, "limited", "limited");
    await platform.clock.advance("2s"); // it stands in line
    expect((await second.view()).run.state.kind).toBe("queued");
    await second.run.pause();
    await platform.clock.advance("2s");
    expect(await second.run.summary()).toMatchObject({ run: { state: { kind: "scheduled" } }, leases: [] });
    await second.run.resume();
    await platform.clock.advance("2s");
    expect(await second.run.summary()).toMatchObject({
      run: { state: { kind: "queued" } },
      leases: [{ status: "waiting" }],
    });
    expect((await first.view()).run.state.kind).toBe("executing");
  });

  it("keeps neither a timeout of the run from ending it nor anybody from cancelling it", async () => {
    const { platform } = platformOf();
    const timed = await started(platform, "bounded", "bounded");
    await timed.run.pause();
    await platform.clock.advance(DAY);
    expect(await timed.rest()).toMatchObject({ kind: "cancelled" });
    const { run, rest } = await started(platform, "doze", "sleeper");
    await run.pause();
    expect(await run.cancel("asked")).toEqual({ kind: "cancelled" });
    expect(await rest()).toMatchObject({ kind: "cancelled" });
    expect([await run.pause(), await run.resume()]).toEqual([{ kind: "ended" }, { kind: "ended" }]);
  });

  it("of a run that is not paused, or never was, says so", async () => {
    const { platform } = platformOf();
    const { run } = await started(platform, "doze", "sleeper");
    expect(await run.resume()).toEqual({ kind: "unchanged" });
    const unknown = objectsOf(platform).run("main", runIdOf("01ARZ3NDEKTSV4RRFFQ69G5FAV", "mem-sleeper"));
    expect([await unknown.pause(), await unknown.resume()]).toEqual([{ kind: "unknown" }, { kind: "unknown" }]);
  });

  it("runs what comes after it once and ends, whenever the process dies around a pause", async () => {
    for (let turn = 0; turn < 16; turn++) {
      const { platform, ran, during } = platformOf();
      during.b = async (runId) => void (await objectsOf(platform).run("main", runId).pause());
      dieAfterTurns(platform, (n) => (n === 5 + turn ? "after" : null));
      const { run, rest } = await started(platform, "steps", "steps");
      await platform.clock.advance("2m");
      platform.world.turns.between = () => undefined;
      await run.pause();
      during.b = undefined; // it may run again
      expect(ran, `died after turn ${turn}`).not.toContain("c");
      await run.resume();
      await platform.clock.advance("10m");
      expect(await rest(), `died after turn ${turn}`).toMatchObject({ kind: "completed", output: "done" });
      expect(ran.filter((id) => id === "c")).toHaveLength(1);
    }
  });
});
