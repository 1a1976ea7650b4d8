/** One run that is paused and goes on, through the API. */
import { abortAllDurableObjects } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, json, outputOf, readRun, runWhen, send, until, type RunDetail } from "./helpers/front-door.ts";

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

const act = (runId: string, verb: "pause" | "resume") => json(`/v1/runs/${runId}/${verb}`, { method: "POST" });
const waitsFor = (kind: string) => (run: RunDetail) => run.waiting_for.some((reason) => reason.kind === kind);

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  const app = transport === "local" ? localApp : httpApp;

  it("what is running ends and is stored, nothing follows until the run goes on, also after a restart", async () => {
    const key = crypto.randomUUID();
    const id = await send({ name: `${transport}/gated-steps`, data: { key } });
    await until(async () => (await app.counted(`${key}.first`)) === 1, "the first step to run");
    const { run_id } = await runWhen(id, () => true, "the run to be there");
    const paused = await act(run_id, "pause");
    expect(paused).toMatchObject({
      status: 200,
      body: { data: { waiting_for: [{ kind: "paused" }, { kind: "executing" }] } },
    });
    await app.open(`${key}.first`);
    const isStored = (run: RunDetail) => run.steps.some((step) => step.id === "first" && step.status === "completed");
    await until(async () => isStored(await readRun(run_id)), "the first step to be stored");
    await abortAllDurableObjects();
    const run = await readRun(run_id);
    expect(run).toMatchObject({ status: "Running", paused_at: expect.any(String), waiting_for: [{ kind: "paused" }] });
    expect(await app.counted(`${key}.second`)).toBe(0);
    expect((await act(run_id, "resume")).status).toBe(200);
    expect(await outputOf(id)).toBe("both");
    expect([await app.counted(`${key}.first`), await app.counted(`${key}.second`)]).toEqual([1, 1]);
  });

  it("an event that comes meanwhile answers its wait, and the code goes on with it afterwards", async () => {
    const wait = { event: `${transport}/answer/${crypto.randomUUID()}`, timeout: "7d" };
    const id = await send({ name: `${transport}/wait`, data: { key: crypto.randomUUID(), wait } });
    const { run_id } = await runWhen(id, waitsFor("waiting"), "to wait");
    await act(run_id, "pause");
    await send({ name: wait.event, data: { n: 1 } });
    const answered = (run: RunDetail) => run.steps.at(-1)?.status === "completed";
    await until(async () => answered(await readRun(run_id)), "the wait to be answered");
    expect((await readRun(run_id)).ended_at).toBeNull();
    await act(run_id, "resume");
    expect(await outputOf(id)).toMatchObject({ data: { n: 1 } });
  });
});

describe("pause and resume", () => {
  it("may be repeated", async () => {
    const id = await send({ name: "local/sleep", data: { key: "x", ms: 86_400_000 } });
    const { run_id } = await runWhen(id, waitsFor("sleeping"), "to sleep");
    const first = await act(run_id, "pause");
    const again = await act(run_id, "pause");
    expect(again.body.data.paused_at).toBe(first.body.data.paused_at);
    expect(again.body.data.waiting_for).toMatchObject([{ kind: "paused" }, { kind: "sleeping" }]);
    for (const _ of [1, 2])
      expect(await act(run_id, "resume")).toMatchObject({ status: 200, body: { data: { paused_at: null } } });
  });

  it("[G9] a run that has ended is 409, an unknown one 404, no id 400", async () => {
    const { run_id } = await ended(await send({ name: "local/no-steps", data: { n: 1 } }));
    const unknown = eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
    for (const verb of ["pause", "resume"] as const) {
      expect(await act(run_id, verb)).toMatchObject({ status: 409, body: { code: "run_already_ended" } });
      expect(await act(unknown, verb)).toMatchObject({ status: 404 });
      expect((await act("x", verb)).status).toBe(400);
    }
  });
});
