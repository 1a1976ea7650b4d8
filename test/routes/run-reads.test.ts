/** One run, one step, and a run as a document, through the front door on the in-memory host. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest, NonRetriableError } from "../../src/sdk/index.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";

const SECOND = 1_000;
const LARGE = 3 * 1024 * 1024;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

vi.setConfig({ testTimeout: 30_000 }); // outputs of megabytes, on a machine that does other things
const memory = new MemoryDoor();
const { json, send, sendAll, request, runsOf, readRun } = frontDoor(memory);
let platform: TestPlatform;

function functionsOf(client: Inngest) {
  const ship = client.createFunction({ id: "ship" }, { event: "ship" }, ({ event, step }) =>
    step.run("label", () => ({ of: event.data.order })),
  );
  return [
    ship,
    client.createFunction({ id: "order", retries: 2 }, { event: "order" }, async ({ event, step, attempt }) => {
      await step.run("charge", () => {
        if (attempt === 0) throw new Error("the bank is closed", { cause: new Error("opens at nine") });
        return { charged: event.data.amount };
      });
      await step.invoke("ship-it", { function: ship, data: { order: "o-1" } });
      return step.waitForEvent("paid", { event: "paid", timeout: "7d" });
    }),
    client.createFunction({ id: "broken" }, { event: "broken" }, () => {
      throw new NonRetriableError("no");
    }),
    client.createFunction({ id: "large" }, { event: "large" }, async ({ step }) => {
      for (let n = 0; n < 6; n++) await step.run(`fill-${n}`, () => `${n}`.repeat(LARGE));
    }),
    client.createFunction({ id: "batch", batchEvents: { maxSize: 2, timeout: "60s" } }, { event: "many" }, () => "all"),
  ];
}

beforeEach(async () => {
  const client = new Inngest({ id: "shop", logger: silent });
  platform = createTestPlatform({ functions: functionsOf(client), client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

/** The run that an event starts, a second later. */
async function started(name: string): Promise<string> {
  const eventId = await send({ name });
  await memory.pass(SECOND);
  const [run] = await runsOf(eventId);
  return run!.run_id;
}

/** An order that waits for its payment. */
async function order(): Promise<{ eventId: string; runId: string }> {
  const eventId = await send({ name: "order", data: { amount: 5 } });
  await memory.pass(10 * SECOND);
  const [run] = await runsOf(eventId);
  return { eventId, runId: run!.run_id };
}

describe("GET /v1/runs/:id", () => {
  test("tells when it was queued, all its events, and the run that each step has invoked, which tells of it", async () => {
    const { eventId, runId } = await order();
    const { body } = await json(`/v1/runs/${runId}`);
    expect(body.data).toMatchObject({
      event_ids: [eventId],
      queued_at: expect.stringMatching(/Z$/),
      started_at: expect.stringMatching(/Z$/),
      parent_run_id: null,
      parent_step_hash: null,
    });
    const [charge, ship, paid] = body.data.steps;
    expect(charge).toMatchObject({ started_at: expect.any(String), child_run_id: null, on: null });
    expect(paid).toMatchObject({ status: "waiting", on: { events: ["paid"], if: null }, found_event_id: null });
    const child = (await json(`/v1/runs/${ship.child_run_id}`)).body.data;
    expect(child).toMatchObject({
      function_slug: "shop-ship",
      parent_run_id: runId,
      parent_step_hash: ship.hash,
      output: { of: "o-1" },
    });
    const paidBy = await send({ name: "paid" });
    await memory.pass(SECOND);
    expect((await json(`/v1/runs/${runId}`)).body.data.steps[2]).toMatchObject({ found_event_id: paidBy });
  });

  test("a batch has all its events", async () => {
    const ids = await sendAll([{ name: "many" }, { name: "many" }]);
    await memory.pass(SECOND);
    const [run] = await runsOf(ids[0]!);
    expect((await json(`/v1/runs/${run!.run_id}`)).body.data.event_ids.toSorted()).toEqual(ids.toSorted());
  });

  test("with include=trace it has its spans too, those of attempts below those of their step", async () => {
    const { runId } = await order();
    const plain = (await json(`/v1/runs/${runId}`)).body.data;
    expect(plain).not.toHaveProperty("trace");
    const { trace, ...run } = (await json(`/v1/runs/${runId}?include=trace`)).body.data;
    expect(run).toEqual(plain);
    expect(trace).toMatchObject({ name: "Run", status: "RUNNING", queued_at: run.queued_at, ended_at: null });
    expect(trace.children.map(({ step_hash }: any) => step_hash)).toEqual(run.steps.map(({ hash }: any) => hash));
    expect(trace.children[0].children).toMatchObject([
      { name: "Attempt 0", status: "FAILED" },
      { name: "Attempt 1", status: "COMPLETED" },
    ]);
    expect((await json(`/v1/runs/${runId}?include=everything`)).body.error).toMatch(/^include: must be trace/);
  });
});

describe("GET /v1/runs/:id/steps/:hash", () => {
  test("has the output that a run with much of it leaves out", async () => {
    const runId = await started("large");
    const { steps } = await readRun(runId);
    const last: any = steps.at(-1);
    expect(last).toMatchObject({ output: null, output_omitted_bytes: LARGE + 2 });
    const { body } = await json(`/v1/runs/${runId}/steps/${last.hash}`);
    const { output_omitted_bytes: _, ...rest } = last;
    expect(body.data).toEqual({ ...rest, output: "5".repeat(LARGE) });
  });

  test.each([
    ["01ARZ3NDEKTSV4RRFFQ69G5FAV", /^run 01ARZ3NDEKTSV4RRFFQ69G5FAV not found/, 404],
    ["nothing", /is not a run id/, 400],
  ])("of run %s is refused in words", async (id, words, status) => {
    for (const path of [`/v1/runs/${id}/steps/x`, `/v1/runs/${id}/export`]) {
      const answer = await json(path);
      expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(words)]);
    }
  });

  test("that there is not is 404", async () => {
    const { runId } = await order();
    const { status, body } = await json(`/v1/runs/${runId}/steps/nothing`);
    expect([status, body.error]).toEqual([404, expect.stringMatching(/has no step of hash "nothing"/)]);
  });
});

describe("GET /v1/runs/:id/export", () => {
  const exported = async (runId: string) => {
    const answer = await request(`/v1/runs/${runId}/export`);
    expect(answer.status).toBe(200);
    return { headers: answer.headers, document: JSON.parse(await answer.text()) };
  };

  test("is a file with the run, its events, its steps with their attempts, and what it waits for", async () => {
    const { eventId, runId } = await order();
    const { headers, document } = await exported(runId);
    expect(headers.get("content-disposition")).toBe(`attachment; filename="run-${runId}.json"`);
    expect(headers.get("content-type")).toContain("application/json");
    const { steps, waiting_for, ...run } = (await json(`/v1/runs/${runId}`)).body.data;
    expect(document).toMatchObject({
      export_version: 1,
      exported_at: expect.stringMatching(/Z$/),
      run,
      events: [expect.objectContaining({ internal_id: eventId, name: "order", data: { amount: 5 } })],
      spans: [],
      steps,
      waiting_for,
    });
    expect(document.steps[0].failures).toMatchObject([
      { attempt: 0, error: { message: "the bank is closed", cause: { message: "opens at nine" } } },
    ]);
    expect(document.waiting_for).toMatchObject([{ kind: "waiting", on: { events: ["paid"] } }]);
  });

  test("leaves out no output, however large, and is read in parts", async () => {
    const runId = await started("large");
    const answer = await request(`/v1/runs/${runId}/export`);
    let parts = 0;
    let text = "";
    const decoder = new TextDecoder();
    for await (const part of answer.body!) {
      parts += 1;
      text += decoder.decode(part, { stream: true });
    }
    expect(parts).toBeGreaterThan(6);
    const { steps } = JSON.parse(text);
    expect(steps.map(({ output }: any) => output.length)).toEqual(Array(6).fill(LARGE));
  });

  test("of a run that has failed has its error", async () => {
    const runId = await started("broken");
    const { document } = await exported(runId);
    expect(document.run).toMatchObject({ status: "Failed", error: { message: "no" } });
    expect(document.waiting_for).toEqual([]);
  });
});
