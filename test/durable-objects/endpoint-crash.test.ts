/** A durable endpoint whose requests are lost, repeated, or die with the platform's process (inngest-protocol §6.2). */
import { beforeEach, afterEach, expect, it, vi } from "vitest";
import { derivedUlid } from "../../src/protocol/ids.ts";
import { StoredRuns } from "../../src/testing/stored-runs.ts";
import { AppsWorld } from "../helpers/apps-world.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";
import { NOW } from "../helpers/run-builder.ts";

vi.setConfig({ testTimeout: 240_000 });
const ORIGIN = "http://shop.test";
const SDK = { "x-inngest-sdk": "js:v4.24.0", "x-inngest-req-version": "2" };
const runId = derivedUlid(NOW, "endpoint under fire");
let apps: AppsWorld;
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue(undefined)); // requests that die with the process
afterEach(() => vi.restoreAllMocks());

/** A client's five attempts. */
async function insist(path: string, body: object): Promise<{ data: { fn_id: string } } | null> {
  for (let tries = 0; tries < 5; tries++) {
    const response = await apps.request(path, { method: "POST", body: JSON.stringify(body) }).catch(() => null);
    if (response?.status === 200) return path === "/v1/checkpoint" ? response.json() : null;
    if (response?.status === 409) return null;
  }
  throw new Error(`${path} did not come through`);
}

/** One request to the endpoint: two steps at once, a nap, a third step when it is entered anew; then to the end of its run. */
async function follow(witness: Map<string, number>, faults: FaultPoints) {
  const ran = (id: string) => witness.set(id, (witness.get(id) ?? 0) + 1) && { op: "StepRun", id, data: id };
  apps = new AppsWorld({
    faults,
    answer: () => ({ kind: "failed", code: "unreachable", message: "there is no other app" }),
    endpoint: async () => {
      const state = await apps.request(`/v0/runs/${runId}/actions`).catch(() => null);
      if (state?.status !== 200) return Response.json({ message: "no state" }, { status: 500, headers: SDK });
      const steps = (await state.json()) as Record<string, unknown>;
      const missing = ["a", "b"].find((id) => !(id in steps));
      const op =
        missing !== undefined
          ? ran(missing)
          : !("nap" in steps)
            ? { op: "Sleep", id: "nap", name: "1m" }
            : !("c" in steps)
              ? ran("c")
              : { op: "RunComplete", id: "complete", data: { status: 200, body: "done" } };
      return Response.json([op], { status: 206, headers: SDK });
    },
  });
  const data = { domain: ORIGIN, method: "GET", path: "/p" };
  const event = { name: "inngest/http.request", data };
  await apps.during(
    apps.atWork(async () => {
      const begun = await insist("/v1/checkpoint", { run_id: runId, event, steps: [ran("a")], retries: 4 });
      const told = { run_id: runId, fn_id: begun?.data.fn_id ?? "" };
      await insist(`/v1/checkpoint/${runId}/steps`, { ...told, steps: [ran("b")] });
      await insist(`/v1/checkpoint/${runId}/steps`, { ...told, steps: [{ op: "Sleep", id: "nap", name: "1m" }] });
    }),
  );
  const stored = new StoredRuns(apps.world);
  await apps.until(() => stored.hasEnded(runId));
  await apps.during(apps.world.later(600_000));
  return stored.read(runId)!;
}

it("[G1 G2 G6] whatever goes wrong once, its run comes to the same end", async () => {
  const calm = new FaultPoints();
  await follow(new Map(), calm);
  let count = 0;
  for (const { at, fault, where } of eachFault(calm.points)) {
    const witness = new Map<string, number>();
    const faults = new FaultPoints((_point, index) => (index === at ? fault : null));
    const { run, entries } = await follow(witness, faults);
    expect(run.state, where).toMatchObject({ kind: "completed", output: { status: 200, body: "done" } });
    const memos = entries.map(({ id, status }) => [id, status.kind === "settled" && status.memo]);
    expect(Object.fromEntries(memos), where).toEqual({
      a: { data: "a" },
      b: { data: "b" },
      c: { data: "c" },
      nap: null,
    });
    for (const id of ["a", "b", "c"]) expect(witness.get(id), `${where}, ${id}`).toBeLessThanOrEqual(2);
    count += 1;
  }
  expect(count).toBeGreaterThan(50);
});
