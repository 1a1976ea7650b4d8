/** What the calls of a run to its app cost beside the app's own work, counted: requests between objects, and commits. */
import { afterEach, expect, test } from "vitest";
import { noFaults } from "../../src/testing/host/faults.ts";
import { answered, AppsWorld, type AppCall } from "../helpers/apps-world.ts";

let apps: AppsWorld;
afterEach(() => apps.close());

/** A run of which each call is answered so, with what it asked and committed. */
async function counted(answer: (call: AppCall) => unknown[] | Promise<unknown[]>) {
  const asked: string[] = [];
  const commits: string[] = [];
  apps = new AppsWorld({
    answer: async (call) => answered(206, await answer(call)),
    faults: {
      ...noFaults,
      call: (kind, method) => (asked.push(`${kind}.${method}`), null),
      commit: ({ kind }) => (commits.push(kind), null),
    },
  });
  await apps.register("hello");
  asked.length = 0;
  const { door } = apps;
  expect(await door.ended(await door.send({ name: "hello", data: {} }))).toMatchObject({ status: "Completed" });
  return {
    asked: (name: string) => asked.filter((one) => one === name).length,
    commits: (kind: string) => commits.filter((one) => one === kind).length,
  };
}

const ids = Array.from({ length: 100 }, (_, n) => `s${n}`);
const ran = (id: string) => ({ op: "StepRun", id, displayName: id, data: id });
const end = { op: "RunComplete", id: "complete", data: "end" };

test("a hundred steps beside each other ask once where their app is, and are planned by one commit", async () => {
  const { asked, commits } = await counted(({ url, body }) => {
    const stepId = url.searchParams.get("stepId") ?? "";
    if (stepId !== "step") return [ran(stepId)];
    return Object.keys(body.steps).length === 0 ? ids.map((id) => ({ op: "StepPlanned", id, displayName: id })) : [end];
  });
  expect(apps.calls).toHaveLength(102);
  expect(asked("registry.callable")).toBe(3); // for the first discovery, for all steps, and for the last discovery
  expect(commits("run")).toBeLessThanOrEqual(1 + 1 + 100 + 2); // created, planned, each result, ended and published
});

test("a step that is told while its call goes on costs one commit and one request, to the run itself", async () => {
  const { asked, commits } = await counted(async ({ body: { ctx } }) => {
    for (const id of ids.slice(0, 20)) {
      const told = { run_id: ctx.run_id, fn_id: ctx.fn_id, qi_id: ctx.qi_id, steps: [ran(id)] };
      const answer = await apps.request(`/v1/checkpoint/${ctx.run_id}/async`, {
        method: "POST",
        body: JSON.stringify(told),
      });
      expect(answer.status).toBe(200);
    }
    return [end];
  });
  expect(apps.calls).toHaveLength(1);
  expect(asked("run.checkpoint")).toBe(20);
  expect([asked("registry.callable"), asked("registry.environments")]).toEqual([1, 1]);
  expect(commits("run")).toBeLessThanOrEqual(20 + 3);
});

test("a step of its own call costs one commit and asks one object", async () => {
  const { asked, commits } = await counted(({ body }) => {
    const done = Object.keys(body.steps).length;
    return done < 20 ? [ran(`s${done}`)] : [end];
  });
  expect(apps.calls).toHaveLength(21);
  expect(asked("registry.callable")).toBe(21);
  expect(commits("run")).toBeLessThanOrEqual(20 + 3);
});
