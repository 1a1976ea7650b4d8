/** Checkpoints through the front door: of Inngest's own client, unmodified, and by hand. */
import { Inngest as InngestV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { afterEach, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import { REQUEST_BODY_MAX_BYTES, STEP_OUTPUT_MAX_BYTES } from "../../src/protocol/limits.ts";
import type { Settings } from "../../src/routes/guard.ts";
import { checkpointDoor } from "../../src/routes/checkpoint.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { answered, AppsWorld, official, type AppCall } from "../helpers/apps-world.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const noRetry = { maxAttempts: 1, backoff: "fixed", initialDelayMs: 1000, maxDelayMs: 1000, jitter: false } as const;
let apps: AppsWorld;
afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

const runDone = (data: unknown) => [{ op: "RunComplete", id: "complete", data }];
const stepRun = (id: string, data: unknown = id) => ({ op: "StepRun", id, displayName: id, data });

/** A checkpoint as a client of a call sends it. */
function checkpoint(call: AppCall, steps: unknown, changes: Record<string, unknown> = {}, path = "/v1/checkpoint") {
  const { ctx } = call.body;
  const body = { run_id: ctx.run_id, fn_id: ctx.fn_id, qi_id: ctx.qi_id, steps, ...changes };
  return apps.request(`${path}/${ctx.run_id}/async`, { method: "POST", body: JSON.stringify(body) });
}

/** Sends the event of a function, and waits for the end of its run. */
async function run(id: string, data: object = {}) {
  const { door } = apps;
  return door.ended(await door.send({ name: id, data }));
}

describe("[§6.1] POST /v1/checkpoint/:runId/async", () => {
  test.each(["/v1/checkpoint", "/v1/http/runs"])("%s: steps are stored while the call goes on", async (path) => {
    const seen: unknown[] = [];
    apps = new AppsWorld({
      answer: async (call) => {
        const { status } = await checkpoint(call, [stepRun("a", 1), stepRun("b", 2)], {}, path);
        const state = await apps.request(`/v0/runs/${call.body.ctx.run_id}/actions`);
        seen.push(status, await state.json());
        return answered(206, runDone("end"));
      },
    });
    await apps.register("hello");
    const { status, output, steps } = await run("hello");
    expect(seen).toEqual([200, { a: { data: 1 }, b: { data: 2 } }]);
    expect([status, output]).toEqual(["Completed", "end"]);
    expect(steps.map((step) => [step.id, step.output])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(apps.calls).toHaveLength(1);
  });

  test("[C9] 409 for a call that another has superseded; what it then answers changes nothing", async () => {
    const statuses: [number, number][] = [];
    apps = new AppsWorld({
      answer: async (call) => {
        if (call.index > 0) {
          statuses.push([call.index, (await checkpoint(call, [stepRun("b")])).status]);
          return answered(206, runDone("second"));
        }
        statuses.push([0, (await checkpoint(call, [stepRun("a")])).status]);
        apps.world.resetAll(); // the platform's process dies; the app's does not
        await apps.pause(60_000);
        statuses.push([0, (await checkpoint(call, [stepRun("late")])).status]);
        return answered(400, { name: "StaleDispatchError", message: "stale" }, { "x-inngest-no-retry": "true" });
      },
    });
    await apps.register("hello");
    const { output, steps } = await run("hello");
    await apps.during(apps.world.later(120_000));
    expect(output).toBe("second");
    expect(steps.map((step) => step.id)).toEqual(["a", "b"]);
    expect(statuses).toEqual([
      [0, 200],
      [1, 200],
      [0, 409],
    ]);
    const [first, second] = apps.calls;
    expect(second?.body.steps).toEqual({ a: { data: "a" } }); // what was stored was not lost
    expect(Number(second?.headers.get("x-inngest-generation-id"))).toBe(
      Number(first?.headers.get("x-inngest-generation-id")) + 1,
    );
  });

  test("409 for a run that was cancelled while its call went on", async () => {
    let status = 0;
    apps = new AppsWorld({
      answer: async (call) => {
        await apps.request(`/v1/runs/${call.body.ctx.run_id}`, { method: "DELETE" });
        ({ status } = await checkpoint(call, [stepRun("a")]));
        return answered(206, runDone("end"));
      },
    });
    await apps.register("hello");
    const ended = await run("hello");
    expect([status, ended.status, ended.steps]).toEqual([409, "Cancelled", []]);
  });

  /** What the platform answers to one checkpoint, and what came of its run. */
  async function answerTo(steps: unknown, changes: Record<string, unknown> = {}) {
    let answer = { status: 0, body: { error: "" } };
    apps = new AppsWorld({
      answer: async (call) => {
        const response = await checkpoint(call, steps, changes);
        answer = { status: response.status, body: await response.json() };
        return answered(206, runDone("end"));
      },
    });
    await apps.register("hello");
    const ended = await run("hello");
    expect(ended).toMatchObject({ status: "Completed", steps: [] }); // nothing of it was taken
    return answer;
  }

  test.each<[string, unknown, Record<string, unknown>, number, RegExp]>([
    ["no list of steps", undefined, {}, 400, /^steps: must be a list of step ops/],
    ["an unknown op", [{ op: "Teleport", id: "a" }], {}, 400, /^steps\.0\.op: op: "Teleport" is not an opcode/],
    [
      "an op after one that could be taken",
      [stepRun("a"), { op: "StepError", id: "b" }],
      {},
      400,
      /^steps\.1\.op: StepError is no op of a call that goes on/,
    ],
    ["a sleep", [{ op: "Sleep", id: "s", name: "1h" }], {}, 400, /^steps\.0\.op: Sleep is no op/],
    ["the run's end", runDone(1), {}, 400, /^steps\.0\.op: RunComplete is no op/],
    ["a step without an id", [{ op: "StepRun" }], {}, 400, /^steps\.0\.id: /],
    ["another run's id in the body", [], { run_id: "01JX00000000000000000000000" }, 400, /^run_id: must be 0/],
    [
      "[G11] the function of another app",
      [stepRun("a")],
      { fn_id: "7c1b0000-0000-4000-8000-000000000000" },
      400,
      /^fn_id: "7c1b.* is not the function of run/,
    ],
    ["no function", [], { fn_id: undefined }, 400, /^fn_id: must be `ctx\.fn_id` of the call/],
    ["no call", [], { qi_id: null }, 400, /^qi_id: must be `ctx\.qi_id` of the call, not null/],
    ["what names no call", [], { qi_id: "step" }, 400, /^qi_id: "step" names no call of run/],
    ["another generation", [stepRun("a")], { generation_id: 9 }, 409, /does not wait for this call any more/],
    ["a generation that is no number", [], { generation_id: "x" }, 400, /^generation_id: /],
    [
      "a result over its bound",
      [stepRun("a", "x".repeat(STEP_OUTPUT_MAX_BYTES))],
      {},
      413,
      /^steps\.0: step "a": its output of \d+ bytes is over the bound/,
    ],
    [
      "a body over its bound",
      [stepRun("a")],
      { padding: "x".repeat(REQUEST_BODY_MAX_BYTES) },
      413,
      /over the bound of/,
    ],
  ])("refuses %s, and takes nothing of it", async (_, steps, changes, status, message) => {
    const answer = await answerTo(steps, changes);
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringMatching(message)]);
  });

  test("404 for a run that there is not, 400 for what is no run", async () => {
    apps = new AppsWorld({ answer: () => answered(206, runDone(1)) });
    const id = "01JX0000000000000000000000";
    const body = { run_id: id, fn_id: "f", qi_id: `${id}.0.1.0`, steps: [] };
    expect(await apps.door.post(`/v1/checkpoint/${id}/async`, body)).toMatchObject({
      status: 404,
      body: { error: `run ${id} not found`, status: 404 },
    });
    expect(await apps.door.post("/v1/checkpoint/nothing/async", body)).toMatchObject({ status: 400 });
  });

  test("[C3, §5] asks for the signing key: prefixed hash, bare hash or the key itself", async () => {
    apps = new AppsWorld({ answer: () => answered(206, runDone(1)) });
    const key = "signkey-test-12345678";
    const settings = { isDev: false, eventKeys: [], signingKeys: [key, "signkey-test-87654321"], sdkUrls: [] };
    const routes = platformApp(apps.world.objects(), ENV, () => settings);
    const id = "01JX0000000000000000000000";
    const statusFor = async (authorization?: string) => {
      const body = JSON.stringify({ run_id: id, fn_id: "f", qi_id: `${id}.0.1.0`, steps: [] });
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const request = new Request(`http://platform.test/v1/checkpoint/${id}/async`, { method: "POST", body, headers });
      return (await routes.fetch(request)).status;
    };
    const hashed = await hashedSigningKey(key);
    for (const token of [hashed, hashed.replace("signkey-test-", ""), key, "12345678", "signkey-test-87654321"])
      expect([token, await statusFor(`Bearer ${token}`)]).toEqual([token, 404]);
    for (const header of [undefined, "Bearer ", `Bearer ${hashed}0`, "Bearer signkey-test-00000000"])
      expect([header, await statusFor(header)]).toEqual([header, 401]);
  });

  test("the way past the router answers as the router does, to whoever asks", async () => {
    apps = new AppsWorld({ answer: () => answered(206, runDone(1)) });
    const objects = apps.world.objects();
    const key = "signkey-test-12345678";
    const open: Settings = { isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] };
    const id = "01JX0000000000000000000000";
    const body = JSON.stringify({ run_id: id, fn_id: "f", qi_id: `${id}.0.1.0`, steps: [] });
    const bearer = { authorization: `Bearer ${key}` };
    const asked: [settings: Settings, headers: Record<string, string>, origin?: string, body?: string][] = [
      [open, {}],
      [open, {}, "http://example.com"],
      [open, { origin: "http://localhost:3000" }],
      [open, { origin: "http://example.com" }],
      [open, {}, undefined, "{"],
      [open, {}, undefined, "[]"],
      [{ ...open, isDev: false }, bearer],
      [{ ...open, isDev: false, signingKeys: [key] }, bearer],
      [{ ...open, isDev: false, signingKeys: [key] }, { authorization: "Bearer 00" }],
    ];
    const statuses: number[] = [];
    for (const [settings, headers, origin = "http://localhost:8288", text = body] of asked) {
      const router = platformApp(objects, ENV, () => settings);
      const door = checkpointDoor(objects, () => settings);
      const request = () => new Request(`${origin}/v1/checkpoint/${id}/async`, { method: "POST", headers, body: text });
      const answers = await Promise.all([router.fetch(request()), door(request())]);
      const [one, other] = await Promise.all(
        answers.map(async (answer) => ({
          status: answer?.status,
          headers: Object.fromEntries(answer?.headers ?? []),
          body: await answer?.json(),
        })),
      );
      expect(other).toEqual(one);
      statuses.push(one?.status ?? 0);
    }
    expect(statuses).toEqual([404, 403, 404, 403, 400, 400, 503, 404, 401]);
  });

  test.each([
    ["GET", `/v1/checkpoint/01JX0000000000000000000000/async`, {}],
    ["POST", `/v1/checkpoint/01JX0000000000000000000000/steps`, {}],
    ["POST", `/v1/checkpoint/nothing/async`, {}],
    ["POST", `/v1/checkpoint/01JX0000000000000000000000/async?a=1`, {}],
    ["POST", `/v1/checkpoint/01JX0000000000000000000000/async`, { "x-inngest-env": "branch" }],
  ])("%s %s %o is left to the router", (method, path, headers) => {
    apps = new AppsWorld({ answer: () => answered(206, runDone(1)) });
    const door = checkpointDoor(apps.world.objects(), () => {
      throw new Error("nothing is asked");
    });
    expect(
      door(new Request(`http://localhost${path}`, { method, headers: headers as Record<string, string> })),
    ).toBeNull();
  });

  test("what is nested deeper than it can be walked is refused", async () => {
    const deep = `${"[".repeat(2_000)}${"]".repeat(2_000)}`;
    const answer = await answerTo([stepRun("a", JSON.parse(deep))]);
    expect(answer).toMatchObject({ status: 400, body: { error: "the body is nested deeper than the bound of 1000" } });
  });

  test("[§9.7] what rides along with steps is taken too", async () => {
    const defer = { op: "DeferAdd", id: "d", opts: { fn_slug: "app-later", input: { n: 1 } } };
    apps = new AppsWorld({
      answer: async (call) => {
        expect((await checkpoint(call, [stepRun("a"), defer])).status).toBe(200);
        return answered(206, runDone("end"));
      },
    });
    await apps.register("hello");
    expect(await run("hello")).toMatchObject({ output: "end", steps: [{ id: "a" }] });
    const { door } = apps;
    const [event] = await door.until(async () => {
      const { body } = await door.json("/v1/events?name=inngest/deferred.schedule");
      return body.data.length > 0 && body.data;
    }, "the deferred run's event");
    expect(event.data).toMatchObject({ n: 1, _inngest: { fn_slug: "app-later" } });
  });

  test("the least that a client sends: run, function, call and steps, as Go's does", async () => {
    apps = new AppsWorld({
      answer: async (call) => {
        const op = {
          op: "StepRun",
          id: "a",
          name: "",
          opts: null,
          data: { n: 1 },
          displayName: "a",
          userland: { id: "a" },
        };
        expect((await checkpoint(call, [op])).status).toBe(200);
        return answered(200, "plain", { "x-inngest-sdk": "go:v0.15.1" });
      },
    });
    await apps.register("hello");
    expect(await run("hello")).toMatchObject({ output: "plain", steps: [{ id: "a", output: { n: 1 } }] });
  });
});

describe("[§6.1] inngest 4.24, unmodified", () => {
  const bodies: string[] = [];
  let lose: "request" | "answer" | null = null;

  function clientV4() {
    return new InngestV4({
      id: "app",
      isDev: true,
      baseUrl: "http://localhost",
      logger: silent,
      fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
        const url = new URL(input instanceof Request ? input.url : input);
        if (!url.pathname.endsWith("/async")) throw new Error(`nobody expects ${url}`);
        if (lose === "request") throw new TypeError("fetch failed");
        const answer = await apps.request(url.pathname + url.search, init);
        if (lose === "answer") throw new TypeError("fetch failed");
        return answer;
      },
    });
  }

  async function serveApp(make: (client: InngestV4) => Parameters<typeof serveV4>[0]["functions"]) {
    for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
    bodies.length = 0;
    lose = null;
    const client = clientV4();
    apps = new AppsWorld({
      answer: official(serveV4({ client, functions: make(client) }) as (request: Request) => Promise<Response>),
    });
  }
  const ran = (name: string) => {
    bodies.push(name);
    return name;
  };

  test("consecutive steps are one call", async () => {
    await serveApp((client) => [
      client.createFunction({ id: "hello", triggers: [{ event: "hello" }] }, async ({ step }) => {
        const a = await step.run("a", () => ran("a"));
        const b = await step.run("b", () => ran("b"));
        const caught = await step.run("c", () => Promise.resolve(ran("c"))).then((c) => c);
        return [a, b, caught];
      }),
    ]);
    await apps.register("hello");
    expect(await run("hello")).toMatchObject({ status: "Completed", output: ["a", "b", "c"] });
    expect([bodies, apps.calls.length]).toEqual([["a", "b", "c"], 1]);
  });

  test("a sleep, parallel steps and a caught failure between them: every body runs once", async () => {
    await serveApp((client) => [
      client.createFunction({ id: "hello", retries: 0, triggers: [{ event: "hello" }] }, async ({ step }) => {
        await step.run("a", () => ran("a"));
        await step.sleep("nap", "1h");
        const pair = await Promise.all([step.run("b", () => ran("b")), step.run("c", () => ran("c"))]);
        const failed = await step
          .run("d", () => {
            ran("d");
            throw new Error("no");
          })
          .catch((error: Error) => error.message);
        return [...pair, failed, await step.run("e", () => ran("e"))];
      }),
    ]);
    await apps.register("hello", noRetry);
    const before = apps.world.clock.now;
    expect(await run("hello")).toMatchObject({ status: "Completed", output: ["b", "c", "no", "e"] });
    expect(bodies).toEqual(["a", "b", "c", "d", "e"]);
    expect(apps.world.clock.now - before).toBeGreaterThanOrEqual(3_600_000);
  });

  test.each(["request", "answer"] as const)(
    "when the %s of a checkpoint is lost again and again, steps come with the reply: every body runs once",
    async (what) => {
      const { setTimeout: start } = globalThis;
      // the client's pauses between its attempts are over at once; what bounds its run never is
      vi.spyOn(globalThis, "setTimeout").mockImplementation(((task: () => void, ms = 0) =>
        start(task, ms < 5_000 ? 0 : 60_000).unref()) as typeof setTimeout);
      await serveApp((client) => [
        client.createFunction({ id: "hello", triggers: [{ event: "hello" }] }, async ({ step }) => {
          const a = await step.run("a", () => ran("a"));
          return [a, await step.run("b", () => ran("b"))];
        }),
      ]);
      lose = what;
      await apps.register("hello");
      expect(await run("hello")).toMatchObject({ status: "Completed", output: ["a", "b"] });
      expect(bodies).toEqual(["a", "b"]);
      expect(apps.calls.length).toBe(3);
    },
  );

  test("a dispatch that a crash has superseded stops, and the run goes on in the next", async () => {
    let died = false;
    await serveApp((client) => [
      client.createFunction({ id: "hello", triggers: [{ event: "hello" }] }, async ({ step, attempt, runId }) => {
        const a = await step.run("a", () => ran("a"));
        if (!died) {
          died = true;
          const stored = () => apps.request(`/v0/runs/${runId}/actions`).then((response) => response.text());
          while ((await stored()) === "{}"); // the client goes on while its checkpoint is under way
          apps.world.resetAll();
          await apps.pause(60_000);
        }
        return [a, await step.run("b", () => ran("b")), attempt];
      }),
    ]);
    await apps.register("hello");
    expect(await run("hello")).toMatchObject({ status: "Completed", output: ["a", "b", 0] });
    await apps.during(apps.world.later(120_000));
    // the superseded code runs one body more, whose result nobody takes
    expect(bodies).toEqual(["a", "b", "b"]);
    expect(apps.calls.length).toBe(2);
  });

  test("a step that fails first is tried again with its own attempts, after those before it were stored", async () => {
    let failures = 0;
    await serveApp((client) => [
      client.createFunction({ id: "hello", retries: 2, triggers: [{ event: "hello" }] }, async ({ step }) => {
        await step.run("a", () => ran("a"));
        return step.run("b", () => {
          ran("b");
          if (failures++ < 2) throw new Error("not yet");
          return "at last";
        });
      }),
    ]);
    await apps.register("hello", { ...noRetry, maxAttempts: 3 });
    expect(await run("hello")).toMatchObject({
      output: "at last",
      steps: [{ id: "a" }, { id: "b", failures: [{ attempt: 0 }, { attempt: 1 }] }],
    });
    expect(bodies).toEqual(["a", "b", "b", "b"]);
    expect(apps.calls.map(({ body }) => body.ctx.attempt)).toEqual([0, 1, 2, 0]);
  });

  test("`checkpointing: false` is a call for each step", async () => {
    await serveApp((client) => [
      client.createFunction({ id: "hello", checkpointing: false, triggers: [{ event: "hello" }] }, async ({ step }) => [
        await step.run("a", () => ran("a")),
        await step.run("b", () => ran("b")),
      ]),
    ]);
    await apps.register("hello");
    expect((await run("hello")).output).toEqual(["a", "b"]);
    expect(apps.calls.length).toBe(3);
  });
});
