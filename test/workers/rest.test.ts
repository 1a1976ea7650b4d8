/** REST v0 and v1 beside runs and events, and `POST /invoke` (inngest-protocol §1.5, §10.2, §10.3). */
import { describe, expect, it } from "vitest";
import { eventUlid, uuidOf } from "../../src/protocol/ids.ts";
import { ended, json, outputOf, post, request, runsOf, send, sendAll, started, until } from "./helpers/front-door.ts";
import { objectIds } from "./helpers/object-ids.ts";

const unknownId = () => eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
const PUBLIC_ERROR = { error: expect.any(String), status: expect.any(Number), data: null };

describe("[§1.5] POST /invoke/:slug", () => {
  it.each(["local-no-steps", uuidOf("local-no-steps")])("%s is started by its slug or uuid", async (slug) => {
    const { status, body } = await post(`/invoke/${slug}`, { data: { n: 7 } });
    expect({ status, body }).toEqual({
      status: 200,
      body: { id: expect.stringMatching(/^[0-9A-Z]{26}$/), status: 200 },
    });
    expect(await outputOf(body.id)).toEqual({ got: 7 });
    const event = (await json(`/v1/events/${body.id}`)).body.data;
    expect(event).toMatchObject({ name: "inngest/function.invoked", data: { n: 7 } });
  });

  it("the name in the body does not matter, and nothing in the body is no data", async () => {
    const { body } = await post("/invoke/local-no-steps", {
      name: "inngest/x",
      data: { n: 1, _inngest: { fn_id: "x" } },
    });
    expect(await outputOf(body.id)).toEqual({ got: 1 });
    expect((await json("/invoke/local-no-steps", { method: "POST" })).status).toBe(200);
  });

  it("the same seed names the same run, counted from 0", async () => {
    const entropy = crypto.getRandomValues(new Uint8Array(10));
    const seed = { "x-inngest-event-id-seed": `${Date.now()},${btoa(String.fromCharCode(...entropy))}` };
    const ids = [];
    for (let n = 0; n < 2; n++) ids.push((await post("/invoke/local-no-steps", { data: { n: 2 } }, seed)).body.id);
    expect(ids[0]).toBe(ids[1]);
    await outputOf(ids[0]);
    expect(await runsOf(ids[0])).toHaveLength(1);
  });

  it.each([
    ["/invoke/local-nothing", "{}", 404],
    ["/invoke/local-no-steps", "[]", 400],
    ["/invoke/local-no-steps", "{", 400],
    ["/invoke/local-no-steps", '{"data":1}', 400],
  ])("%s with %s is %i", async (path, body, status) => {
    const before = await objectIds();
    const answer = await json(path, { method: "POST", body });
    expect(answer).toMatchObject({ status, body: { ...PUBLIC_ERROR, code: expect.any(String), status } });
    expect(await objectIds()).toEqual(before);
  });
});

describe("[§10.2] REST v0", () => {
  it("DELETE /v0/runs/:id is 204, then 409; 404 for an unknown run, 400 for what is no id", async () => {
    const run = await started(await send({ name: "local/sleep", data: { ms: 3_600_000, key: crypto.randomUUID() } }));
    const cancel = (id: string) => request(`/v0/runs/${id}`, { method: "DELETE" });
    expect((await cancel(run.run_id)).status).toBe(204);
    const again = await cancel(run.run_id);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: "run_already_ended", status: 409 });
    expect((await cancel(unknownId())).status).toBe(404);
    expect((await cancel("x")).status).toBe(400);
  });

  it("POST /v0/telemetry is taken and forgotten", async () => {
    expect(await post("/v0/telemetry", { anything: 1 })).toMatchObject({ status: 200 });
  });
});

describe("[§10.3] REST v1", () => {
  it("GET /v1/runs/:id/jobs names what a run has in hand, and nothing once it has ended", async () => {
    const run = await started(await send({ name: "local/sleep", data: { ms: 3_600_000, key: crypto.randomUUID() } }));
    const asleep = await until(async () => {
      const jobs = (await json(`/v1/runs/${run.run_id}/jobs`)).body.data;
      return jobs.some((job: any) => job.kind === "sleeping") && { run, jobs };
    }, "a run that sleeps");
    expect(asleep.jobs).toContainEqual({
      JobID: expect.stringContaining(asleep.run.run_id),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      position: 0,
      kind: "sleeping",
      attempt: 0,
      Raw: null,
    });
    await request(`/v0/runs/${asleep.run.run_id}`, { method: "DELETE" });
    expect((await json(`/v1/runs/${asleep.run.run_id}/jobs`)).body.data).toEqual([]);
  });

  it("every event of a batch leads to its run", async () => {
    const key = crypto.randomUUID();
    const ids = await sendAll([1, 2, 3].map((n) => ({ name: "collect/batch", data: { n, key } })));
    const first = await until(async () => (await runsOf(ids[0]!))[0], "the batch's run");
    for (const id of ids)
      expect(
        (await runsOf(id)).map(({ run_id }) => run_id),
        id,
      ).toEqual([first.run_id]);
  });

  it("an event carries its environment, and what official clients read", async () => {
    const id = await send({ name: "local/no-steps", data: { n: 1 } });
    await ended(id);
    expect((await json(`/v1/events/${id}`)).body).toEqual({
      data: {
        internal_id: id,
        account_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        environment_id: uuidOf("main"),
        source: "",
        source_id: null,
        received_at: expect.stringMatching(/Z$/),
        id,
        name: "local/no-steps",
        data: { n: 1 },
        user: {},
        ts: expect.any(Number),
      },
      metadata: { fetched_at: expect.stringMatching(/Z$/), cached_until: null },
    });
  });

  it("metrics are 501, by name", async () => {
    expect(await json("/v1/prom/main")).toMatchObject({ status: 501, body: { code: "not_implemented", status: 501 } });
  });
});
