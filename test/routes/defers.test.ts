/** Deferred runs, metadata and scores through the front door: of Inngest's own client, unmodified, and by hand. */
import { Inngest as InngestV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { createDefer, metadataMiddleware, scoreMiddleware } from "inngest-v4/experimental";
import { afterEach, describe, expect, test, vi } from "vitest";
import { stepHash } from "../../src/protocol/ids.ts";
import { answered, AppsWorld, official } from "../helpers/apps-world.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let apps: AppsWorld;
/** of calls, as they were sent */
const bodies: Record<string, any>[] = [];
afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

const complete = (data: unknown = null) => ({ op: "RunComplete", id: stepHash("complete", 0), data });
const stepRun = (id: string, data: unknown = id, more: object = {}) => ({
  op: "StepRun",
  id: stepHash(id, 0),
  displayName: id,
  data,
  ...more,
});
const defer = (id: string, more: object = {}) => ({
  op: "DeferAdd",
  id: stepHash(id, 0),
  displayName: id,
  userland: { id },
  opts: { fn_slug: "app-after", input: { id }, ...more },
});
const abort = (id: string) => ({
  op: "DeferAbort",
  id: stepHash(`${id}:abort`, 0),
  opts: { target_hashed_id: stepHash(id, 0) },
});

/** Events of deferred runs that the log has. */
async function deferred(): Promise<{ data: Record<string, any>; meta?: unknown }[]> {
  const { body } = await apps.door.json("/v1/events?name=inngest/deferred.schedule&limit=100");
  const n = ({ data }: any) => data.id;
  return body.data.toSorted((a: any, b: any) => (n(a) < n(b) ? -1 : 1));
}

async function run(id: string, data: object = {}) {
  const { door } = apps;
  const ended = await door.ended(await door.send({ name: id, data }));
  await apps.until(() => apps.world.turns.areOver);
  return ended;
}

/** A function that answers its calls with these, in turn. */
async function answers(...replies: unknown[][]) {
  bodies.length = 0;
  apps = new AppsWorld({
    answer: (call, { body }) => {
      bodies.push(JSON.parse(body));
      return answered(206, replies[call.index]);
    },
  });
  await apps.register("parent", {
    maxAttempts: 1,
    backoff: "fixed",
    initialDelayMs: 1000,
    maxDelayMs: 1000,
    jitter: false,
  });
  return run("parent");
}

describe("[§9.7] DeferAdd and DeferAbort", () => {
  test("what is deferred starts when the run has ended, with the run that deferred it; what was aborted does not", async () => {
    const ended = await answers(
      [stepRun("a"), defer("x"), defer("y", { meta: { sessions: { user: "u1" } } })],
      [stepRun("b"), abort("y"), defer("x", { input: { other: true } }), defer("z")],
      [complete("end")],
    );
    expect(ended).toMatchObject({ status: "Completed", output: "end", warnings: [] });
    const parent = { fn_slug: "app-after", parent_fn_slug: "app-parent", parent_run_id: ended.run_id };
    expect((await deferred()).map(({ data }) => data)).toEqual([
      { id: "x", _inngest: expect.objectContaining(parent) },
      { id: "z", _inngest: expect.objectContaining(parent) },
    ]);
    const [first, second, third] = bodies;
    expect(second?.steps).toEqual({ [stepHash("a", 0)]: { data: "a" } });
    expect([first, second, third].map((body) => body?.defers)).toEqual([
      {},
      { [stepHash("x", 0)]: { abortable: true }, [stepHash("y", 0)]: { abortable: true } },
      {
        [stepHash("x", 0)]: { abortable: true },
        [stepHash("y", 0)]: { abortable: false },
        [stepHash("z", 0)]: { abortable: true },
      },
    ]);
    expect(ended.steps.map((step) => step.id)).toEqual(["a", "b"]); // a deferred run is no step, and plans none
    expect(second?.ctx.disable_immediate_execution).toBe(false);
  });

  test.each([
    [
      "failed",
      [{ op: "StepFailed", id: stepHash("complete", 0), error: { name: "Error", message: "boom" } }],
      "Failed",
    ],
    ["completed", [complete()], "Completed"],
  ])("a run that has %s starts what it has deferred, told in the same answer", async (_, end, status) => {
    const ended = await answers([defer("x"), ...end]);
    expect(ended.status).toBe(status);
    if (status === "Failed") expect(ended.error?.message).toBe("boom");
    expect(ended.steps).toEqual([]);
    expect((await deferred()).map(({ data }) => data.id)).toEqual(["x"]);
  });

  test("a cancelled run starts what it has deferred", async () => {
    apps = new AppsWorld({
      answer: (call) =>
        answered(206, call.index === 0 ? [stepRun("a"), defer("x")] : [{ op: "Sleep", id: "s", name: "1d" }]),
    });
    await apps.register("parent");
    const { door } = apps;
    const found = await door.runWhen(
      await door.send({ name: "parent", data: {} }),
      ({ waiting_for }) => waiting_for.some(({ kind }) => kind === "sleeping"),
      "the sleep",
    );
    expect(await deferred()).toEqual([]);
    await door.request(`/v1/runs/${found.run_id}`, { method: "DELETE" });
    expect((await deferred()).map(({ data }) => data.id)).toEqual(["x"]);
  });

  test("what cannot be deferred is noted with the run, which goes on", async () => {
    const many = Array.from({ length: 21 }, (_, n) => defer(`d${n}`));
    const ended = await answers(
      [
        stepRun("a"),
        defer("none", { fn_slug: "" }),
        defer("list", { input: [1] }),
        defer("meta", { meta: { sessions: { user: "x".repeat(32_768) } } }),
        defer("large", { input: { text: "x".repeat(4_194_304) } }),
        ...many,
        { op: "DeferAbort", id: "q" },
      ],
      [complete()],
    );
    expect(ended.status).toBe("Completed");
    expect(ended.warnings).toEqual([
      'defer "none": it names no function; nothing was deferred',
      'defer "list": its data is not an object; nothing was deferred',
      expect.stringMatching(/^defer "meta": its meta of \d+ bytes is over 32768; nothing was deferred$/),
      expect.stringMatching(
        /^a deferred run of "app-after" makes \d+ bytes of data, over 4194304; it was not deferred$/,
      ),
      'a deferred run of "app-after" is one more than 20; it was not deferred',
      "an abort names no deferred run; nothing was deferred",
    ]);
    expect(await deferred()).toHaveLength(20);
  });

  test("a checkpoint may carry it", async () => {
    apps = new AppsWorld({
      answer: async ({ body: { ctx } }) => {
        const steps = [stepRun("a"), defer("x")];
        for (let n = 0; n < 2; n++) {
          const body = JSON.stringify({ run_id: ctx.run_id, fn_id: ctx.fn_id, qi_id: ctx.qi_id, steps });
          const response = await apps.request(`/v1/checkpoint/${ctx.run_id}/async`, { method: "POST", body });
          expect(response.status).toBe(200);
        }
        return answered(206, [complete()]);
      },
    });
    await apps.register("parent");
    await run("parent");
    expect((await deferred()).map(({ data }) => data.id)).toEqual(["x"]);
  });
});

describe("[G6] what goes wrong once while a run that has deferred another ends", () => {
  const fn = (id: string, trigger: object) => ({
    id: `app-${id}`,
    name: id,
    triggers: [trigger],
    steps: {
      step: { id: "step", name: "step", runtime: { type: "http", url: `http://app.test/api/inngest?fnId=app-${id}` } },
    },
  });

  /** Ids of the runs that were deferred, of one parent whose end meets these faults. */
  async function play(faults: FaultPoints, begin: () => void): Promise<Set<string>> {
    const after = new Set<string>();
    apps = new AppsWorld({
      faults,
      answer: ({ url, body: { ctx } }) => {
        if (url.searchParams.get("fnId") === "app-parent") {
          begin();
          return answered(206, [stepRun("a"), defer("x"), complete()]);
        }
        after.add(ctx.run_id);
        return answered(200, "done");
      },
    });
    await apps.registerApp({
      url: "http://app.test/api/inngest",
      deployType: "ping",
      framework: "edge",
      appName: "app",
      sdk: "js:v4.24.0",
      v: "0.1",
      functions: [
        fn("parent", { event: "parent" }),
        fn("after", { event: "inngest/deferred.schedule", expression: "event.data._inngest.fn_slug == 'app-after'" }),
      ],
    });
    await apps.door.send({ name: "parent", data: {} });
    await apps.until(() => after.size > 0);
    await apps.during(apps.world.later(3_600_000)); // a second one would come by then
    apps.close();
    return after;
  }

  test("it is started once", async () => {
    let from = Number.POSITIVE_INFINITY;
    const calm = new FaultPoints();
    await play(calm, () => (from = Math.min(from, calm.points.length)));
    let count = 0;
    for (const { at, fault, where } of eachFault(calm.points)) {
      if (at < from) continue;
      const started = await play(new FaultPoints((_point, index) => (index === at ? fault : null)), () => undefined);
      expect(started.size, where).toBe(1);
      count += 1;
    }
    expect(count).toBeGreaterThan(30);
  }, 120_000);
});

describe("inngest 4.24, unmodified", () => {
  async function serveApp(make: (client: InngestV4.Any) => any[], middleware: any[] = []) {
    vi.stubEnv("INNGEST_DEV", "1");
    const client = new InngestV4({
      id: "app",
      isDev: true,
      logger: silent,
      middleware,
      fetch: (input: any, init: any) => apps.request(new URL(input.toString()).pathname, init),
    });
    const functions = make(client);
    const serve = serveV4({ client, functions }) as (request: Request) => Promise<Response>;
    apps = new AppsWorld({ answer: official(serve) });
    await apps.registerApp({
      url: "http://app.test/api/inngest",
      deployType: "ping",
      framework: "edge",
      appName: "app",
      sdk: "js:v4.24.0",
      v: "0.1",
      functions: functions.flatMap((fn) =>
        fn.getConfig({ baseUrl: new URL("http://app.test/api/inngest"), appPrefix: "app" }),
      ),
    });
  }

  test("a deferred function runs once its parent has ended, also when that fails", async () => {
    const seen: unknown[] = [];
    await serveApp((client) => {
      const after = createDefer(client, { id: "after" }, async ({ event, parents, step }) => {
        seen.push([await step.run("note", () => event.data.n), parents[0].fnSlug]);
      });
      return [
        after,
        client.createFunction(
          { id: "parent", retries: 0, triggers: [{ event: "parent" }] },
          async ({ step, defer, event }) => {
            defer("one", { function: after, data: { n: 1 } });
            const two = defer("two", { function: after, data: { n: 2 } });
            await step.run("a", () => 1);
            two.abort();
            await step.sleep("nap", "1m");
            if (event.data.fail) throw new Error("boom");
            defer("three", { function: after, data: { n: 3 } });
            return "end";
          },
        ),
      ];
    });
    expect(await run("parent")).toMatchObject({ status: "Completed", output: "end", warnings: [] });
    await apps.until(() => seen.length === 2);
    expect(seen.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      [1, "app-parent"],
      [3, "app-parent"],
    ]);
    expect(await run("parent", { fail: true })).toMatchObject({ status: "Failed", error: { message: "boom" } });
    await apps.until(() => seen.length === 3);
  });

  test("[§9.8] metadata of steps and scores are with the run", async () => {
    await serveApp(
      (client) => [
        client.createFunction({ id: "parent", triggers: [{ event: "parent" }] }, async ({ step, runId }: any) => {
          await step.run("a", async () => {
            await (client as any).metadata.set({ model: "m1" });
          });
          await step.metadata("tell").run(runId).set({ stage: "done" }, "progress");
          await step.score("rate", { name: "helpful", value: 0.5 });
          return "end";
        }),
      ],
      [metadataMiddleware(), scoreMiddleware()],
    );
    const ended = await run("parent");
    expect(ended).toMatchObject({ status: "Completed" });
    expect(ended.steps.find((step) => step.id === "a")).toMatchObject({
      metadata: [{ kind: "userland.default", values: { model: "m1" } }],
    });
    const all = [...ended.metadata, ...ended.steps.flatMap((step) => step.metadata)];
    expect(all.map(({ kind, values }) => [kind, values])).toEqual(
      expect.arrayContaining([
        ["userland.progress", { stage: "done" }],
        ["inngest.score", { helpful: { value: 0.5 } }],
      ]),
    );
  });
});

describe("[§9.8] POST /v1/runs/:id/metadata and POST /v2/runs/:id/scores", () => {
  async function ended() {
    return answers([stepRun("a")], [complete()]);
  }
  const tell = (runId: string, metadata: unknown, target?: object) =>
    apps.door.post(`/v1/runs/${runId}/metadata`, { target, metadata });
  const of = async (runId: string) => apps.door.readRun(runId);

  test("an ended run takes them: merged, set, deleted, added up; for the run, a step, an attempt or a span", async () => {
    const { run_id: id } = await ended();
    const kind = "userland.k";
    const steps: [unknown, object?][] = [
      [[{ kind, values: { a: 1, b: { x: 1 } } }]],
      [[{ kind, op: "merge", values: { b: { y: 2 }, n: 5 } }]],
      [[{ kind, op: "add", values: { n: 2, m: 1 } }]],
      [[{ kind, op: "delete", values: { a: true } }]],
      [[{ kind, op: "set", values: { only: 1 } }], { step_id: "a" }],
      [[{ kind: "inngest.ai", values: { model: "m" } }], { step_id: "a", step_attempt: 0 }],
      [[{ kind, values: { s: 1 } }], { span_id: "abc" }],
    ];
    for (const [metadata, target] of steps) expect((await tell(id, metadata, target)).status).toBe(200);
    const {
      metadata,
      steps: [step],
    } = await of(id);
    expect(metadata).toMatchObject([
      { kind, values: { s: 1 }, span_id: "abc" },
      { kind, values: { b: { y: 2 }, n: 7, m: 1 } },
    ]);
    expect(step?.metadata).toMatchObject([
      { kind: "inngest.ai", values: { model: "m" }, attempt: 0 },
      { kind, values: { only: 1 } },
    ]);
  });

  test("scores, alone and of an experiment's variant", async () => {
    const { run_id: id } = await ended();
    const { status } = await apps.door.post(`/api/v2/runs/${id}/scores`, [
      { name: "helpful", value: 0.9 },
      { name: "kind", value: true, stepId: "a", experiment: { id: "prompt", variant: "b" } },
    ]);
    expect(status).toBe(200);
    const {
      metadata,
      steps: [step],
    } = await of(id);
    expect(metadata).toMatchObject([{ kind: "inngest.score", values: { helpful: { value: 0.9 } } }]);
    expect(step?.metadata).toMatchObject([
      { kind: "inngest.experiment", values: { name: "prompt", variant: "b" } },
      { kind: "inngest.score", values: { kind: { value: true } } },
    ]);
  });

  test("over the bound is 413, and nothing of it is stored", async () => {
    const { run_id: id } = await ended();
    const large = (bytes: number) => [{ kind: "userland.k", values: { text: "x".repeat(bytes) } }];
    expect((await tell(id, large(65_000))).status).toBe(200);
    const refused = await tell(id, [...large(10), { kind: "userland.l", values: { text: "x".repeat(65_536) } }]);
    expect([refused.status, refused.body.error]).toEqual([
      413,
      expect.stringMatching(/^metadata of this run would be \d+ bytes; the bound is 65536$/),
    ]);
    const { metadata } = await of(id);
    expect(metadata).toMatchObject([{ values: { text: "x".repeat(65_000) } }]);
    const answers = [];
    for (let n = 0; n < 17; n++) answers.push((await tell(id, large(65_000), { step_id: `s${n}` })).status);
    expect([answers.indexOf(413), answers.at(-1)]).toEqual([15, 413]);
  });

  test.each([
    [{ metadata: [] }, "metadata: must have at least one update"],
    [{ metadata: [{ kind: "mine", values: {} }] }, "metadata.0.kind: must be inngest.ai"],
    [{ metadata: [{ kind: "userland.", values: {} }] }, "metadata.0.kind: must be inngest.ai"],
    [
      { metadata: [{ kind: "userland.k", op: "push", values: {} }] },
      "metadata.0.op: must be merge, set, delete or add",
    ],
    [{ metadata: [{ kind: "userland.k", op: "add", values: { a: "b" } }] }, "metadata.0.values: must be numbers"],
    [{ target: { step_index: -1 }, metadata: [{ kind: "userland.k" }] }, "target.step_index:"],
  ])("%j is refused by name", async (body, message) => {
    const { run_id: id } = await ended();
    const { status, body: answer } = await apps.door.post(`/v1/runs/${id}/metadata`, body);
    expect([status, answer.error]).toEqual([400, expect.stringContaining(message)]);
  });

  test.each([
    [{ name: "it's", value: 1 }, "scores.0.name: must have neither control characters nor single quotes"],
    [{ name: "é".repeat(65), value: 1 }, "scores.0.name: has at most 128 bytes"],
    [{ name: "n", value: "1" }, "scores.0.value: must be a number or a boolean"],
    [{ name: "n", value: 1, experiment: { id: "x" } }, "scores.0.experiment.variant:"],
  ])("the score %j is refused by name", async (score, message) => {
    const { run_id: id } = await ended();
    const { status, body } = await apps.door.post(`/v2/runs/${id}/scores`, [score]);
    expect([status, body.errors[0].message]).toEqual([400, expect.stringContaining(message)]);
  });

  test("a run that does not exist is 404, and leaves no object", async () => {
    await ended();
    const foreign = "01JZZZZZZZZZZZZZZZZZZZZZZZ";
    expect((await tell(foreign, [{ kind: "userland.k" }])).status).toBe(404);
    expect((await apps.door.post(`/v2/runs/${foreign}/scores`, [{ name: "n", value: 1 }])).status).toBe(404);
    expect(apps.world.isAwake("run", foreign)).toBe(false);
  });
});
