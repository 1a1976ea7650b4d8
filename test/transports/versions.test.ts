/** How a run is called, by the version its app answers with (inngest-protocol §3.2, §3.7), through the front door. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { PostResult } from "../../src/transports/post.ts";
import { answered, AppsWorld, type AppCall } from "../helpers/apps-world.ts";
import type { RunDetail } from "../helpers/front-door.ts";
import { NOW } from "../helpers/run-builder.ts";

vi.setConfig({ testTimeout: 30_000 });
const retry = { maxAttempts: 3, backoff: "fixed", initialDelayMs: 1000, maxDelayMs: 1000, jitter: false } as const;
let apps: AppsWorld;
afterEach(() => apps.close());

type Script = (call: AppCall) => unknown[] | PostResult | Promise<unknown[] | PostResult>;

const ran = (id: string, more: object = {}) => ({ op: "StepRun", id, data: id, ...more });
const planned = (id: string, more: object = {}) => ({ op: "StepPlanned", id, ...more });
const race = { opts: { parallelMode: "race" } };
const complete = (data: unknown) => [{ op: "RunComplete", id: "complete", data }];
const failing = (id: string) => ({ op: "StepError", id, error: { name: "Error", message: `${id} failed` } });

/** Runs a function whose app answers as the script says: ops, or a whole answer. */
async function run(script: Script, version = "2"): Promise<RunDetail> {
  apps = new AppsWorld({
    answer: async (call) => {
      const said = await script(call);
      return Array.isArray(said) ? answered(206, said, { "x-inngest-req-version": version }) : said;
    },
  });
  await apps.register("hello", retry);
  return apps.door.ended(await apps.door.send({ name: "hello", data: {} }));
}

/** What each call asked for. */
const asked = () =>
  apps.calls.map(({ body }) => [
    body.ctx.step_id,
    body.ctx.stack?.stack?.join("") ?? "",
    body.ctx.disable_immediate_execution,
  ]);
const stepOf = ({ body }: AppCall) => String(body.ctx.step_id);

describe("[§3.2] the version", () => {
  test.each([
    ["1", 1],
    ["2", 2],
    ["0", -1], // says nothing, and v4 would refuse to be told so
    ["", -1],
  ])("an app that answers with %j is called with %i from then on", async (version, known) => {
    await run(({ index }) => (index === 0 ? [ran("A")] : complete(1)), version);
    expect(apps.calls.map(({ headers, body }) => [headers.get("x-inngest-req-version"), body.version])).toEqual([
      ["-1", -1],
      [String(known), known],
    ]);
  });

  test("the first answer decides for the whole run", async () => {
    const answers = ["1", "2", "2"];
    await run(({ index }) =>
      answered(206, index < 2 ? [ran(`s${index}`)] : complete(1), { "x-inngest-req-version": answers[index] ?? "" }),
    );
    expect(apps.calls.map(({ body }) => body.version)).toEqual([-1, 1, 1]);
  });
});

/** `a`, then `b` beside `c`, then an hour, as a client of each version tells it; `b` is slower. */
const workedExample: Script = async (call) => {
  const { steps } = call.body;
  const target = stepOf(call);
  if (target !== "step") {
    if (target === "B") await apps.pause(1_000);
    return [ran(target)];
  }
  if (!("A" in steps)) return [ran("A")];
  const missing = ["B", "C"].filter((id) => !(id in steps));
  if (missing.length > 0) return missing.map((id) => planned(id));
  if (!("S" in steps)) return [{ op: "Sleep", id: "S", name: "1h" }];
  return answered(200, "end", { "x-inngest-req-version": "" });
};

describe("[§3.7] the worked example", () => {
  test("[C11] version 2: one discovery after the parallel steps, in the order in which they ended", async () => {
    expect(await run(workedExample)).toMatchObject({ status: "Completed", output: "end" });
    expect(asked()).toEqual([
      ["step", "", false],
      ["step", "A", false],
      ["B", "A", true],
      ["C", "A", true],
      ["step", "ACB", false],
      ["step", "ACBS", false],
    ]);
  });

  test("[C11] version 1: a discovery after each; what it reports again is not called again", async () => {
    expect(await run(workedExample, "1")).toMatchObject({ status: "Completed", output: "end" });
    expect(asked()).toEqual([
      ["step", "", false],
      ["step", "A", false],
      ["B", "A", true],
      ["C", "A", true],
      ["step", "AC", true],
      ["step", "ACB", false],
      ["step", "ACBS", false],
    ]);
  });

  test("version 2 in race mode: a discovery after each, with the steps that are left still under way", async () => {
    const { output } = await run(async (call) => {
      const { steps } = call.body;
      const target = stepOf(call);
      if (target === "B") await apps.pause(1_000);
      if (target !== "step") return [ran(target, race)];
      if ("C" in steps) return complete(Object.keys(steps));
      return [planned("B", race), planned("C", race)];
    });
    expect(output).toEqual(["C"]);
    expect(asked()).toEqual([
      ["step", "", false],
      ["B", "", true],
      ["C", "", true],
      ["step", "C", true],
    ]);
  });

  test("a step that ran beside planned ones: one discovery, when these are over", async () => {
    const { output } = await run((call) => {
      const { steps } = call.body;
      if (stepOf(call) !== "step") return [ran(stepOf(call))];
      return "C" in steps ? complete(Object.keys(steps).length) : [ran("A"), planned("B"), planned("C")];
    });
    expect(output).toBe(3);
    expect(asked().map(([step]) => step)).toEqual(["step", "B", "C", "step"]);
  });
});

describe("replies that ask for a call and say little", () => {
  test.each<[string, unknown[]]>([
    ["[]", []],
    ["only `None`", [{ op: "None" }, { op: "None" }]],
  ])("[C10] %s leads to one more discovery; the same again fails the run", async (_, nothing) => {
    expect(await run(({ index }) => (index === 0 ? nothing : complete(1)))).toMatchObject({ output: 1 });
    apps.close();
    const failed = await run(() => nothing);
    expect([failed.status, failed.error?.code, apps.calls.length]).toEqual(["Failed", "nothing_reported", 2]);
  });

  test("DiscoveryRequest asks again at once; without anything new it becomes a failed attempt", async () => {
    const again = [{ op: "DiscoveryRequest", id: "discovery-request-1" }];
    expect(await run(({ index }) => (index === 0 ? again : complete(1)))).toMatchObject({ output: 1 });
    apps.close();
    const failed = await run(() => again);
    expect([failed.status, failed.error?.code]).toEqual(["Failed", "nothing_reported"]);
    expect(Date.parse(failed.ended_at!) - NOW).toBeGreaterThanOrEqual(2_000); // two pauses: it does not spin
    expect(apps.calls.length).toBeLessThanOrEqual(5);
  });

  test("DiscoveryRequest beside a step: the step counts, and one discovery follows", async () => {
    const { output } = await run(({ index }) =>
      index === 0 ? [ran("A"), { op: "DiscoveryRequest", id: "d" }] : complete(index),
    );
    expect([output, asked().map(([, stack]) => stack)]).toEqual([1, ["", "A"]]);
  });

  test("RunComplete beside steps: they are kept, and nothing more is called", async () => {
    const ended = await run(() => [...complete("end"), ran("A"), ran("B")]);
    expect([ended.output, ended.steps.map((step) => step.id), apps.calls.length]).toEqual(["end", ["A", "B"], 1]);
  });

  test("an unknown opcode is an error that names it, and is tried again", async () => {
    const ended = await run(({ index }) => (index < 2 ? [ran("A"), { op: "Teleport", id: "b" }] : complete(1)));
    expect(ended).toMatchObject({ status: "Completed", steps: [] }); // of a reply that is refused nothing is taken
    expect(ended.last_error?.message).toContain('op: "Teleport" is not an opcode this platform knows');
    expect(apps.calls.map(({ body }) => body.ctx.attempt)).toEqual([0, 1, 2]);
  });

  test("[C7] a planned step that the app cannot find is called again, and the run goes on", async () => {
    let isFound = false;
    const ended = await run((call) => {
      if (stepOf(call) === "step") return "A" in call.body.steps ? complete("end") : [planned("A")];
      if (isFound) return [ran("A")];
      isFound = true;
      return answered(500, { error: "Could not find step", requestedStep: "A", foundSteps: [] });
    });
    expect([ended.output, asked().map(([step]) => step)]).toEqual(["end", ["step", "A", "A", "step"]]);
  });

  test("steps that no client of this function has: they are this run's, whatever they are called", async () => {
    const ended = await run(({ index, body }) => (index === 0 ? [ran("of-another-app")] : complete(body.steps)));
    expect(ended.output).toEqual({ "of-another-app": { data: "of-another-app" } });
  });
});

describe("[§4] attempts, and how many there are", () => {
  const attempts = () => apps.calls.map(({ body: { ctx } }) => [ctx.step_id, ctx.attempt, ctx.max_attempts]);

  test("[C4] of a step inside a discovery: the discovery's; 0 again once it is over", async () => {
    await run(({ index, body }) => ("A" in body.steps ? complete(1) : index < 2 ? [failing("A")] : [ran("A")]));
    expect(attempts()).toEqual([
      ["step", 0, 3],
      ["step", 1, 3],
      ["step", 2, 3],
      ["step", 0, 3],
    ]);
  });

  test("of a step that is called by itself: its own; the others are not held up", async () => {
    let failures = 0;
    await run((call) => {
      const target = stepOf(call);
      if (target === "B" && failures++ < 2) return [failing("B")];
      if (target !== "step") return [ran(target)];
      return "B" in call.body.steps ? complete(1) : [planned("A"), planned("B")];
    });
    expect(attempts()).toEqual([
      ["step", 0, 3],
      ["A", 0, 3],
      ["B", 0, 3],
      ["B", 1, 3],
      ["B", 2, 3],
      ["step", 0, 3],
    ]);
  });

  test("a step that failed for good: the handler is told once, and what it makes of it is the end", async () => {
    const final = { op: "StepFailed", id: "A", error: { name: "E", message: "no", data: null } };
    const ended = await run(({ index, body }) => (index === 0 ? [final] : complete(body.steps)));
    expect(ended.output).toEqual({ A: { error: { name: "E", message: "no", data: null } } });
    expect(attempts()).toEqual([
      ["step", 0, 3],
      ["step", 0, 3],
    ]);
  });

  test("of a handler that fails: its own, until there is none", async () => {
    const ended = await run(() => answered(500, { name: "Error", message: "no" }));
    expect(ended).toMatchObject({ status: "Failed", error: { message: "no" } });
    expect(attempts()).toEqual([
      ["step", 0, 3],
      ["step", 1, 3],
      ["step", 2, 3],
    ]);
  });

  test("[C14] an answer that hides that it is an SDK's says so, and is tried again", async () => {
    const hidden: PostResult = {
      kind: "answered",
      status: 401,
      headers: { "x-inngest-sdk-handled": "1", "content-type": "application/json" },
      body: '{"message":"Unauthorized"}',
    };
    const ended = await run(({ index }) => (index === 0 ? hidden : complete(1)));
    expect([ended.output, apps.calls.length]).toEqual([1, 2]);
    expect(ended.last_error?.message).toContain("the app answered 401");
  });
});

describe("[G4] what comes after the end", () => {
  test("the reply to a call of a run that was cancelled meanwhile", async () => {
    const ended = await run(async (call) => {
      await apps.request(`/v1/runs/${call.body.ctx.run_id}`, { method: "DELETE" });
      return [ran("A"), ...complete("late")];
    });
    expect(ended).toMatchObject({ status: "Cancelled", steps: [] });
  });

  test("the reply of a parallel step whose run has completed", async () => {
    const ended = await run(async (call) => {
      if (stepOf(call) === "B") await apps.pause(60_000);
      if (stepOf(call) !== "step") return [ran(stepOf(call), race)];
      return "C" in call.body.steps ? complete("end") : [planned("B", race), planned("C", race)];
    });
    await apps.during(apps.world.later(120_000));
    const later = await apps.door.readRun(ended.run_id);
    expect([later.output, later.steps.map(({ id, status, output }) => [id, status, output])]).toEqual([
      "end",
      [
        ["B", "planned", null],
        ["C", "completed", "C"],
      ],
    ]);
  });
});

describe("[§3.1] state that is too large for a call", () => {
  test("is fetched by the app, which TypeScript and Python can", async () => {
    const large = "x".repeat(3 * 1024 * 1024);
    const ended = await run(async ({ index, body }) => {
      if (index < 2) return [ran(`s${index}`, { data: large })];
      const [actions, batch] = await Promise.all(
        ["actions", "batch"].map(
          async (what) => (await apps.request(`/v0/runs/${body.ctx.run_id}/${what}`)).json() as Promise<any>,
        ),
      );
      return complete([
        body.ctx.use_api,
        Object.keys(body.steps),
        body.events,
        Object.keys(actions),
        actions.s1.data.length,
        batch[0].name,
        body.ctx.stack?.stack,
      ]);
    });
    expect(ended.output).toEqual([true, [], [], ["s0", "s1"], large.length, "hello", ["s0", "s1"]]);
  });
});
