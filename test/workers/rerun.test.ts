/** Runs that are repeated, whole or from a step on, through the API. */
import { abortAllDurableObjects } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, json, post, readRun, send, until } from "./helpers/front-door.ts";

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

const rerun = (runId: string, body: unknown) => post(`/v1/runs/${runId}/rerun`, body);
const endOf = (runId: string) =>
  until(async () => {
    const run = await readRun(runId);
    return run.ended_at !== null && run;
  }, `the end of run ${runId}`);

async function worked(name: string, data: object = {}) {
  const key = crypto.randomUUID();
  const { run_id } = await ended(await send({ name, data: { key, ...data } }));
  return { key, run: await readRun(run_id) };
}

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  const app = transport === "local" ? localApp : httpApp;

  it("a run that begins with a step has the results before it, and runs the rest; both say so", async () => {
    const { key, run } = await worked(`${transport}/sequence`);
    const { status, body } = await rerun(run.run_id, { from_step: { id: "b" } });
    expect(status).toBe(201);
    const begins = { id: "b", hash: run.steps[1]!.hash, is_edited: false, carried_steps: 1 };
    expect(body.data).toMatchObject({ rerun_of: { run_id: run.run_id, from_step: begins } });
    const again = await endOf(body.data.run_id);
    expect(again).toMatchObject({ status: "Completed", output: run.output });
    expect(again.steps.map((step) => [step.id, step.carried_from])).toEqual([
      ["a", run.run_id],
      ["b", null],
      ["c", null],
    ]);
    expect(await Promise.all(["a", "b", "c"].map((id) => app.counted(`${key}.${id}`)))).toEqual([1, 2, 2]);
    expect(again.rerun_of).toEqual({ run_id: run.run_id, from_step: begins });
    expect(run.rerun_of).toBeNull();
  });

  it("its code gets the arguments that were written, also after a restart", async () => {
    const { run } = await worked(`${transport}/inputs`);
    expect(run.output).toBe(42);
    const { hash } = run.steps[0]!;
    const { body } = await rerun(run.run_id, { from_step: { hash, input: [5, { n: 6 }] } });
    await abortAllDurableObjects();
    const again = await endOf(body.data.run_id);
    expect(again).toMatchObject({ status: "Completed", output: 11 });
    expect(again.steps).toMatchObject([{ id: "add", input: [5, { n: 6 }], attempt: 0 }]);
  });

  it("of steps side by side those that had ended stay, and the others run", async () => {
    const { key, run } = await worked(`${transport}/many`, { n: 4 });
    const last = run.steps.at(-1)!;
    const { body } = await rerun(run.run_id, { from_step: { hash: last.hash } });
    expect(await endOf(body.data.run_id)).toMatchObject({ output: run.output });
    expect(await app.counted(`${key}.p`)).toBe(5);
  });

  it("with an idempotency key there is one, whichever way it is asked for", async () => {
    const { key, run } = await worked(`${transport}/sequence`);
    const asked = { from_step: { id: "c" }, idempotency_key: "once" };
    const [one, other] = await Promise.all([rerun(run.run_id, asked), rerun(run.run_id, asked)]);
    expect(one.body.data.run_id).toBe(other.body.data.run_id);
    const v2 = { fromStep: { stepId: run.steps[2]!.hash }, idempotencyKey: "once" };
    expect((await post(`/v2/runs/${run.run_id}/rerun`, v2)).body.data).toEqual({ runId: one.body.data.run_id });
    await endOf(one.body.data.run_id);
    expect(await app.counted(`${key}.c`)).toBe(2);
    expect(await rerun(run.run_id, { ...asked, from_step: { id: "b" } })).toMatchObject({
      status: 409,
      body: {
        code: "idempotency_conflict",
        error: `idempotency_key: it has started run ${one.body.data.run_id}, which begins with step "c"`,
      },
    });
  });

  it("without a step the run begins anew, and says of what it is a repetition", async () => {
    const { key, run } = await worked(`${transport}/sequence`);
    const { body } = await json(`/v1/runs/${run.run_id}/rerun`, { method: "POST" });
    const again = await endOf(body.data.run_id);
    expect(again).toMatchObject({ output: run.output, rerun_of: { run_id: run.run_id, from_step: null } });
    expect(await app.counted(`${key}.a`)).toBe(2);
  });

  it("GraphQL asks for the same, its input in a text", async () => {
    const { run } = await worked(`${transport}/inputs`);
    const query = "mutation($id: ULID!, $from: RerunFromStepInput) { rerun(runID: $id, fromStep: $from) }";
    const from = { stepID: "add", input: '[1,{"n":1}]' };
    const { body } = await post("/v0/gql", { query, variables: { id: run.run_id, from } });
    expect(await endOf(body.data.rerun)).toMatchObject({ output: 2 });
  });
});

describe("[G9] what cannot be repeated", () => {
  it.each([
    ["{", "must be JSON"],
    ['{"from_step":1}', "from_step: must be an object, not 1"],
    ['{"from_step":{}}', "from_step: must name a step by its id or its hash"],
    ['{"from_step":{"id":"a","hash":"b"}}', "from_step: must name a step by its id or its hash"],
    ['{"from_step":{"id":""}}', "from_step.id: must not be empty"],
    ['{"from_step":{"id":"a","input":{}}}', "from_step.input: must be a list: the arguments of the step's code"],
    ['{"idempotency_key":""}', "idempotency_key: must have 1 to 255 characters"],
  ])("%s is 400: %s", async (body, message) => {
    const { run } = await worked("local/sequence");
    const answer = await json(`/v1/runs/${run.run_id}/rerun`, { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
  });

  it("an unknown run or step is 404; several steps of an id, or a step that takes no input, are 400", async () => {
    const unknown = eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
    expect(await rerun(unknown, {})).toMatchObject({ status: 404 });
    const { run } = await worked("local/loop", { n: 3 });
    expect(await rerun(run.run_id, { from_step: { id: "x" } })).toMatchObject({
      status: 404,
      body: { error: `from_step: run ${run.run_id} has no step "x"` },
    });
    expect(await rerun(run.run_id, { from_step: { id: "s" } })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('has 3 steps "s"; name one by its hash') },
    });
    const asleep = await worked("local/sleep", { ms: 1 });
    expect(await rerun(asleep.run.run_id, { from_step: { id: "nap", input: [] } })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("which takes no other input") },
    });
  });
});
