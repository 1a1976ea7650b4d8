/** Checkpoints and durable endpoints in workerd (inngest-protocol §6). What they mean is told by test/routes. */
import { expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { json, post, readRun, request } from "./helpers/front-door.ts";

const newId = () => eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 0);
const stepRun = (id: string) => ({ op: "StepRun", id, data: { of: id } });

it("a run that an endpoint began tells of its steps, and whoever waits gets its answer as it ends", async () => {
  const runId = newId();
  const data = { domain: "http://shop.test", method: "POST", path: `/${runId}`, body: "{}" };
  const begun = { run_id: runId, event: { name: "inngest/http.request", data }, steps: [stepRun("a")], retries: 3 };
  const { status, body } = await post("/v1/checkpoint", begun);
  expect([status, body.data.run_id]).toEqual([200, runId]);
  const waiting = request(`/v1/http/runs/${runId}/output?token=${body.data.token}`);
  expect(await readRun(runId)).toMatchObject({
    status: "Running",
    event_name: "inngest/http.request",
    waiting_for: [{ kind: "endpoint" }],
  });
  const tell = (steps: object[]) =>
    request(`/v1/checkpoint/${runId}/steps`, {
      method: "POST",
      body: JSON.stringify({ run_id: runId, fn_id: body.data.fn_id, app_id: body.data.app_id, steps }),
    });
  expect((await tell([stepRun("b")])).status).toBe(200);
  const result = { status: 203, headers: { "x-shop": "open" }, body: "sold" };
  expect((await tell([{ op: "RunComplete", id: "complete", data: result }])).status).toBe(200);
  const answer = await waiting;
  expect([answer.status, answer.headers.get("x-shop"), await answer.text()]).toEqual([203, "open", "sold"]);
  expect((await readRun(runId)).steps.map(({ id, output }) => [id, output])).toEqual([
    ["a", { of: "a" }],
    ["b", { of: "b" }],
  ]);
  expect((await json(`/v1/runs/${runId}`)).body.data.status).toBe("Completed");
});

it("404 for a checkpoint of a run that nobody started", async () => {
  const runId = newId();
  const body = { run_id: runId, fn_id: "f", qi_id: `${runId}.0.1.0`, steps: [stepRun("a")] };
  expect((await post(`/v1/checkpoint/${runId}/async`, body)).status).toBe(404);
  expect((await post(`/v1/checkpoint/${runId}/steps`, { run_id: runId, fn_id: "f", steps: [] })).status).toBe(404);
});
