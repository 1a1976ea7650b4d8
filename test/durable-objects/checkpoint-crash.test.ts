/** A run whose calls tell of their steps while they go on, and what goes wrong meanwhile (inngest-protocol §6.1). */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { acceptRecords } from "../../src/durable-objects/accept.ts";
import { readEvents } from "../../src/protocol/event-request.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { Random } from "../../src/testing/random.ts";
import type { StoredRun } from "../../src/testing/run.ts";
import { StoredRuns } from "../../src/testing/stored-runs.ts";
import type { PostResult } from "../../src/transports/post.ts";
import { answered, AppsWorld, type AppCall } from "../helpers/apps-world.ts";
import { eachFault, FAULTS, FaultPoints } from "../helpers/fault-points.ts";

vi.setConfig({ testTimeout: 240_000 });
const retry = { maxAttempts: 4, backoff: "fixed", initialDelayMs: 1000, maxDelayMs: 1000, jitter: false } as const;
const BODIES = ["a", "b", "c", "d", "e", "f"];
const PROGRAM = [["a"], ["b"], ["c"], "nap", ["d"], ["e", "f"]] as const;

let apps: AppsWorld;
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue(undefined)); // requests that die with the process
afterEach(() => vi.restoreAllMocks());

/** An app with a client that checkpoints each step, as official ones do: it falls back to the call's answer, or stops. */
function shopper(witness: Map<string, number>) {
  const body = (id: string) => witness.set(id, (witness.get(id) ?? 0) + 1) && id;
  const stepRun = (id: string) => ({ op: "StepRun", id, data: body(id) });
  return async (call: AppCall): Promise<PostResult> => {
    const { ctx, steps } = call.body;
    if (ctx.step_id !== "step") return answered(206, [stepRun(String(ctx.step_id))]);
    for (const part of PROGRAM) {
      const ids = part === "nap" ? [part] : part.filter((id) => !(id in steps));
      if (part === "nap" && !("nap" in steps)) return answered(206, [{ op: "Sleep", id: "nap", name: "1m" }]);
      const [id] = ids;
      if (part === "nap" || id === undefined) continue;
      if (ids.length > 1 || part.length > 1 || ctx.disable_immediate_execution)
        return answered(
          206,
          ids.map((one) => ({ op: "StepPlanned", id: one })),
        );
      const op = stepRun(id);
      const sent = { run_id: ctx.run_id, fn_id: ctx.fn_id, qi_id: ctx.qi_id, steps: [op] };
      const init = { method: "POST", body: JSON.stringify(sent) };
      const { status } = await apps.request(`/v1/checkpoint/${ctx.run_id}/async`, init);
      if (status === 409) return answered(400, { name: "StaleDispatchError" }, { "x-inngest-no-retry": "true" });
      if (status !== 200) return answered(206, [op]);
    }
    return answered(206, [{ op: "RunComplete", id: "complete", data: "done" }]);
  };
}

/** Starts the run and follows it to its end, and further. */
async function follow(): Promise<StoredRun> {
  const { world } = apps;
  const insist = async (task: () => Promise<unknown>) => {
    for (let tries = 0; tries < 10; tries++)
      try {
        return await apps.during(task());
      } catch (error) {
        if (tries === 9) throw error;
      }
  };
  await insist(() => apps.register("shop", retry));
  const seed = { timeMs: world.clock.now, entropy: new Uint8Array(10) };
  const records = readEvents(JSON.stringify({ name: "shop", data: {} }), seed, world.clock.now);
  await insist(() => world.invoke((objects) => acceptRecords(objects, ENV, records, world.clock.now)));
  const stored = new StoredRuns(world);
  const found = () => stored.ids().find((id) => stored.hasEnded(id));
  await apps.until(() => found() !== undefined);
  await apps.during(world.later(600_000)); // late answers, effects of the end
  const run = stored.read(found()!);
  expect(stored.ids()).toHaveLength(1);
  return run!;
}

function expectOneOutcome({ run, entries }: StoredRun, witness: Map<string, number>, where: string, most = 2): void {
  expect(run.state, where).toMatchObject({ kind: "completed", output: "done" });
  const memos = entries.map(({ id, status }) => [id, status.kind === "settled" ? status.memo : status.kind]);
  expect(Object.fromEntries(memos), where).toEqual({
    ...Object.fromEntries(BODIES.map((id) => [id, { data: id }])),
    nap: null,
  });
  for (const id of BODIES) {
    expect(witness.get(id), `${where}, ${id}`).toBeGreaterThanOrEqual(1);
    expect(witness.get(id), `${where}, ${id}`).toBeLessThanOrEqual(most);
  }
}

describe("[G2 G4 G6] a run with checkpoints", () => {
  it("is as many calls as it has pauses, when nothing goes wrong", async () => {
    const witness = new Map<string, number>();
    apps = new AppsWorld({ answer: shopper(witness) });
    expectOneOutcome(await follow(), witness, "calm", 1);
    // to the nap; from it to the parallel steps; these; and the end
    expect(apps.calls.map(({ body }) => body.ctx.step_id)).toEqual(["step", "step", "e", "f", "step"]);
  });

  it("comes to the same end whatever goes wrong once, at any commit, call, delivery or alarm", async () => {
    const calm = new FaultPoints();
    apps = new AppsWorld({ answer: shopper(new Map()), faults: calm });
    await follow();
    expect(calm.calls("run.checkpoint")).toBe(4);
    let count = 0;
    for (const { at, fault, where } of eachFault(calm.points)) {
      const witness = new Map<string, number>();
      apps = new AppsWorld({
        answer: shopper(witness),
        faults: new FaultPoints((_point, index) => (index === at ? fault : null)),
      });
      expectOneOutcome(await follow(), witness, where);
      count += 1;
    }
    expect(count).toBeGreaterThan(60);
  });

  it.each(["before", "after"] as const)(
    "comes to the same end when the process dies between any two turns, %s the writes of the first take effect",
    async (when) => {
      for (let at = 0, isReached = true; isReached; at++) {
        const witness = new Map<string, number>();
        apps = new AppsWorld({ answer: shopper(witness) });
        const { turns } = apps.world;
        let turn = 0;
        isReached = false;
        turns.between = () => {
          if (turn++ !== at) return;
          isReached = true;
          const die = () => apps.world.resetAll({ losesMessages: true });
          if (when === "before") die();
          else turns.atEnd(die); // after the commits, which were registered before
        };
        expectOneOutcome(await follow(), witness, `died ${when} the writes of turn ${at}`);
        if (!isReached) expect(at).toBeGreaterThan(30);
      }
    },
  );

  it("comes to the same end whatever goes wrong again and again, seeded", async () => {
    let faults = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Random(seed);
      const orders = random.fork();
      const witness = new Map<string, number>();
      let left = 6;
      apps = new AppsWorld({
        answer: shopper(witness),
        seed,
        choose: (count) => orders.below(count),
        faults: new FaultPoints(({ kind }) => {
          if (left === 0 || !random.chance(0.04)) return null;
          left -= 1;
          faults += 1;
          return random.pick(FAULTS[kind]);
        }),
      });
      expectOneOutcome(await follow(), witness, `seed ${seed}`, 7);
    }
    expect(faults).toBeGreaterThan(200);
  });
});
