/** Waits that are resolved by hand, through the API. */
import { abortAllDurableObjects } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { json, outputOf, post, readRun, runWhen, send, until, type RunDetail } from "./helpers/front-door.ts";

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

const waitsFor = (kind: string) => (run: RunDetail) => run.waiting_for.some((reason) => reason.kind === kind);
const resolve = (runId: string, step: string, body: unknown) => post(`/v1/runs/${runId}/steps/${step}/resolve`, body);

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  async function waiting(name: string, kind: string, data: object = {}) {
    const id = await send({ name: `${transport}/${name}`, data: { key: crypto.randomUUID(), ...data } });
    const run = await runWhen(id, waitsFor(kind), `${name} to be ${kind}`);
    return { id, run, step: run.steps.find(({ until: at }) => at !== null)! };
  }
  const answered = () => ({ wait: { event: `${transport}/answer/${crypto.randomUUID()}`, timeout: "7d" } });

  it("a wait goes on with an event that was written, and says that it was; later ones change nothing", async () => {
    const { wait } = answered();
    const { id, run, step } = await waiting("wait", "waiting", { wait });
    const { status, body } = await resolve(run.run_id, step.hash, { event: { id: "mine", data: { ok: true } } });
    expect(status).toBe(200);
    expect(body.data.steps.at(-1)).toMatchObject({ id: "answer", status: "completed", by_hand: true });
    await abortAllDurableObjects();
    const event = { id: "mine", name: wait.event, data: { ok: true } };
    expect(await outputOf(id)).toMatchObject(event);
    await send({ name: wait.event, data: { ok: false } });
    expect(await resolve(run.run_id, step.hash, { event: null })).toMatchObject({
      status: 409,
      body: { code: "run_already_ended" },
    });
    expect((await readRun(run.run_id)).output).toMatchObject(event);
    const { body: trace } = await json(`/v2/runs/${run.run_id}/trace`);
    expect(trace.data.rootSpan.children.find(({ stepId }: { stepId: string }) => stepId === step.hash)).toMatchObject({
      metadata: [{ kind: "inngest.by_hand" }],
    });
  });

  it("a wait without an event goes on as if its time was over", async () => {
    const { id, run, step } = await waiting("wait", "waiting", answered());
    expect((await resolve(run.run_id, step.hash, { event: null })).status).toBe(200);
    expect(await outputOf(id)).toBeNull();
  });

  it("a signal's step gets its data, named by its id, too", async () => {
    const signal = `approval/${crypto.randomUUID()}`;
    const { id, run } = await waiting("signal", "signal", { wait: { signal, timeout: "7d", onConflict: "fail" } });
    expect((await resolve(run.run_id, "answer", { data: { by: "hand" } })).status).toBe(200);
    expect(await outputOf(id)).toEqual({ signal, data: { by: "hand" } });
    expect(await post("/v1/signals", { signal, data: 1 })).toMatchObject({ status: 404 });
  });

  it("an invoke gets an output or a failure, and its callee goes on", async () => {
    const app = transport === "local" ? localApp : httpApp;
    const key = crypto.randomUUID();
    const one = await waiting("invoke-slow", "invoking", { key, timeout: "1d" });
    expect((await resolve(one.run.run_id, one.step.hash, { data: "by hand" })).status).toBe(200);
    expect(await outputOf(one.id)).toBe("by hand");
    await until(async () => (await app.counted(`${key}.hold`)) === 1, "the callee to go on");
    await app.open(`${key}.hold`);
    const other = await waiting("invoke-slow", "invoking", { timeout: "1d" });
    await resolve(other.run.run_id, other.step.hash, { error: { name: "Refused", message: "by hand" } });
    expect(await outputOf(other.id)).toMatchObject({ message: "by hand", isStepError: true });
    const { steps } = await readRun(other.run.run_id);
    expect(steps.at(-1)).toMatchObject({ error: { name: "Refused", message: "by hand" }, by_hand: true });
  });
});

describe("[G9] what cannot be resolved", () => {
  async function waiting() {
    const wait = { event: `local/answer/${crypto.randomUUID()}`, timeout: "7d" };
    const id = await send({ name: "local/wait", data: { key: crypto.randomUUID(), wait } });
    const run = await runWhen(id, waitsFor("waiting"), "to wait");
    return { run, step: run.steps.at(-1)!, wait };
  }

  it.each([
    ["{", "must be JSON"],
    ["[]", "must be a JSON object"],
    ["{}", "must have one of event, data, error and timeout"],
    ['{"event":null,"data":1}', "must have one of"],
    ['{"event":1}', "event: must be an event or null, not 1"],
    ['{"event":{"data":1}}', "event.data: must be an object"],
    ['{"event":{"name":7}}', "event.name: must be a string, not 7"],
    ['{"event":{"name":"other"}}', 'event.name: step "answer" waits for "local/answer/'],
    ['{"data":1}', 'data: step "answer" waits for an event: send {"event":'],
    ['{"error":""}', "error: must be a text, or an object with a message"],
    ['{"timeout":false}', "timeout: must be true, not false"],
  ])("%s is 400: %s, and the step waits on", async (body, message) => {
    const { run, step } = await waiting();
    const answer = await json(`/v1/runs/${run.run_id}/steps/${step.hash}/resolve`, { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
    expect((await readRun(run.run_id)).waiting_for).toMatchObject([{ kind: "waiting", step: "answer" }]);
  });

  it("an unknown run or step is 404; a step that does not wait is 409", async () => {
    const { run } = await waiting();
    const unknown = eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
    expect(await resolve(unknown, "x", { event: null })).toMatchObject({ status: 404 });
    expect(await resolve(run.run_id, "x", { event: null })).toMatchObject({
      status: 404,
      body: { code: "not_found", error: `step: run ${run.run_id} has no step "x"` },
    });
    expect(await resolve(run.run_id, run.steps[0]!.hash, { event: null })).toMatchObject({
      status: 409,
      body: { code: "step_not_waiting", error: 'step "before" has ended already, and stays as it is' },
    });
    const id = await send({ name: "local/sleep", data: { key: "x", ms: 86_400_000 } });
    const asleep = await runWhen(id, waitsFor("sleeping"), "to sleep");
    expect(await resolve(asleep.run_id, "nap", { event: null })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining("/wake ends a sleep") },
    });
  });

  it("what is over its bound is 413", async () => {
    const signal = `approval/${crypto.randomUUID()}`;
    const id = await send({ name: "local/signal", data: { wait: { signal, timeout: "7d", onConflict: "fail" } } });
    const run = await runWhen(id, waitsFor("signal"), "to wait");
    expect(await resolve(run.run_id, "answer", { data: "x".repeat(4 * 1024 * 1024) })).toMatchObject({
      status: 413,
      body: { error: expect.stringContaining("are over the bound of 4194304") },
    });
  });
});
