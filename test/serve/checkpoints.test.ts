/** Our own client over HTTP: consecutive steps of one call, each told to the platform as it ends. */
import { afterEach, expect, test, vi } from "vitest";
import { NonRetriableError } from "../../src/sdk/errors.ts";
import { Inngest } from "../../src/sdk/client.ts";
import type { Context } from "../../src/sdk/context.ts";
import { serve } from "../../src/serve/edge.ts";
import { answered, AppsWorld, official } from "../helpers/apps-world.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let apps: AppsWorld;
/** bodies of steps that ran, in order */
const bodies: string[] = [];
/** requests of the app to the platform, and what became of them */
const told: [path: string, status: number][] = [];
let onCheckpoint: (ask: () => Promise<Response>) => Promise<Response>;

afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

const ran = (id: string, value: unknown = id) => {
  bodies.push(id);
  return value;
};

interface Given {
  baseUrl?: string;
  /** options of the client, and of the function */
  client?: object;
  options?: object;
}

async function run(
  handler: (context: Context) => unknown,
  { baseUrl = "http://localhost", client, options }: Given = {},
) {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  bodies.length = 0;
  told.length = 0;
  const inngest = new Inngest({
    id: "app",
    isDev: true,
    baseUrl,
    logger: silent,
    fetch: (async (input: string, init?: RequestInit) => {
      const { origin, pathname, search } = new URL(input);
      if (origin !== "http://localhost") return new Response("{}", { status: 404 }); // not ours
      const ask = () => apps.request(pathname + search, init);
      const answer = await (pathname.endsWith("/async") ? onCheckpoint(ask) : ask());
      told.push([pathname.split("/").at(-1) ?? "", answer.status]);
      return answer;
    }) as typeof fetch,
    ...client,
  });
  const fn = inngest.createFunction(
    { id: "hello", retries: 2, ...options },
    { event: "hello" },
    handler as () => unknown,
  );
  const served = official(serve({ client: inngest, functions: [fn] }) as (request: Request) => Promise<Response>);
  apps = new AppsWorld({
    answer: (call, request) => served(call, { ...request, headers: { ...request.headers } }),
  });
  await apps.register("hello", {
    maxAttempts: 3,
    backoff: "fixed",
    initialDelayMs: 1000,
    maxDelayMs: 1000,
    jitter: false,
  });
  const { door } = apps;
  return door.ended(await door.send({ name: "hello", data: {} }));
}

const asIs = (ask: () => Promise<Response>) => ask();

const checkpoints = () => told.filter(([path]) => path === "async").map(([, status]) => status);

async function five({ step }: Context) {
  const results: unknown[] = [];
  for (const id of ["a", "b", "c", "d", "e"]) results.push(await step.run(id, () => ran(id)));
  return results;
}

test("consecutive steps are one call, and each is stored before the handler goes on", async () => {
  const seen: number[] = [];
  onCheckpoint = async (ask) => {
    seen.push(bodies.length);
    return ask();
  };
  expect(await run(five)).toMatchObject({ status: "Completed", output: ["a", "b", "c", "d", "e"] });
  expect([bodies, apps.calls.length]).toEqual([["a", "b", "c", "d", "e"], 1]);
  expect([seen, checkpoints()]).toEqual([
    [1, 2, 3, 4, 5],
    [200, 200, 200, 200, 200],
  ]);
});

test.each([
  ["of the client", { client: { checkpointing: false } }],
  ["of the function", { options: { checkpointing: false } }],
])("`checkpointing: false` %s: each step is a call of its own", async (_, given) => {
  onCheckpoint = asIs;
  expect(await run(five, given)).toMatchObject({ status: "Completed", output: ["a", "b", "c", "d", "e"] });
  expect([bodies.length, apps.calls.length, checkpoints()]).toEqual([5, 6, []]);
});

test("a client whose API is not our platform's tells it nothing", async () => {
  onCheckpoint = asIs;
  expect(await run(five, { baseUrl: "http://elsewhere.test" })).toMatchObject({ status: "Completed" });
  expect([bodies.length, apps.calls.length, told]).toEqual([5, 6, []]);
});

test("[C9] 409: the code stops, and what it answers changes nothing", async () => {
  let asked = 0;
  onCheckpoint = async (ask) => {
    asked += 1;
    if (asked !== 2) return ask();
    apps.world.resetAll(); // the platform's process dies, and finds the call lost
    await apps.pause(60_000);
    return ask();
  };
  expect(await run(five)).toMatchObject({ status: "Completed", output: ["a", "b", "c", "d", "e"] });
  await apps.during(apps.world.later(120_000));
  expect(checkpoints()).toContain(409);
  expect(bodies.filter((id) => id === "a")).toHaveLength(1); // stored before
  expect(apps.calls[1]?.body.steps).toMatchObject({
    [Object.keys(apps.calls[1]?.body.steps ?? {})[0] ?? ""]: { data: "a" },
  });
});

test.each<[string, typeof onCheckpoint]>([
  ["is lost", () => Promise.reject(new TypeError("fetch failed"))],
  ["has lost its answer", async (ask) => (await ask(), Promise.reject(new TypeError("fetch failed")))],
  ["is refused", async () => new Response("{}", { status: 503 })],
])("a checkpoint that %s: the call's answer tells of the step, and every body runs once", async (_, doing) => {
  onCheckpoint = doing;
  expect(await run(five)).toMatchObject({ status: "Completed", output: ["a", "b", "c", "d", "e"] });
  expect(bodies).toEqual(["a", "b", "c", "d", "e"]);
});

test("a sleep, and steps beside each other, are left to the platform", async () => {
  onCheckpoint = asIs;
  const ended = await run(async ({ step }) => {
    await step.run("a", () => ran("a"));
    await step.sleep("nap", "1h");
    await step.run("b", () => ran("b"));
    const both = await Promise.all([step.run("c", () => ran("c")), step.run("d", () => ran("d"))]);
    return [both, await step.run("e", () => ran("e"))];
  });
  expect(ended).toMatchObject({ status: "Completed", output: [["c", "d"], "e"] });
  expect(bodies.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
  expect(checkpoints()).toEqual([200, 200, 200]);
});

test("a step that is found while another runs waits for the next call, and runs once", async () => {
  onCheckpoint = asIs;
  const ended = await run(async ({ step }) => {
    let other: Promise<unknown> = Promise.resolve();
    const first = step.run("a", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return ran("a");
    });
    await new Promise((resolve) => setImmediate(resolve));
    other = step.run("b", () => ran("b"));
    return [await first, await other, await step.run("c", () => ran("c"))];
  });
  expect(ended).toMatchObject({ status: "Completed", output: ["a", "b", "c"] });
  expect(bodies).toEqual(["a", "b", "c"]);
});

test("each step has its own attempts: one that fails after others that were stored begins at the first", async () => {
  onCheckpoint = asIs;
  const tries: Record<string, number> = {};
  const failing = (id: string, times: number) => () => {
    tries[id] = (tries[id] ?? 0) + 1;
    if (tries[id] <= times) throw new Error(`${id} ${tries[id]}`);
    return ran(id);
  };
  const ended = await run(async ({ step }) => {
    await step.run("a", failing("a", 2));
    await step.run("b", failing("b", 2));
    const caught = await step.run("c", failing("c", 9)).catch((error: Error) => error.message);
    return [caught, await step.run("d", () => ran("d"))];
  });
  expect(ended).toMatchObject({ status: "Completed", output: ["c 3", "d"] });
  expect(tries).toEqual({ a: 3, b: 3, c: 3 });
});

test("a handler that throws after steps that were stored fails as ever", async () => {
  onCheckpoint = asIs;
  const ended = await run(async ({ step }) => {
    await step.run("a", () => ran("a"));
    throw new NonRetriableError("no more");
  });
  expect(ended).toMatchObject({ status: "Failed", steps: [{ output: "a" }] });
  expect(apps.calls).toHaveLength(1);
});

test("a call leaves off after ten seconds, since hosts end requests that take long", async () => {
  onCheckpoint = async (ask) => {
    const answer = await ask();
    await apps.pause(4_000);
    return answer;
  };
  expect(await run(five)).toMatchObject({ status: "Completed", output: ["a", "b", "c", "d", "e"] });
  expect([bodies.length, apps.calls.length]).toEqual([5, 2]);
});

test("a platform that does not call itself ours is told nothing", async () => {
  onCheckpoint = asIs;
  const client = new Inngest({ id: "app", isDev: true, baseUrl: "http://localhost", logger: silent });
  const fn = client.createFunction({ id: "hello" }, { event: "hello" }, five as () => unknown);
  const handle = serve({ client, functions: [fn] }) as (request: Request) => Promise<Response>;
  apps = new AppsWorld({ answer: () => answered(200, null) });
  const ctx = {
    run_id: "01JX0000000000000000000000",
    fn_id: "f",
    qi_id: "q",
    attempt: 0,
    stack: { stack: [], current: 0 },
  };
  const request = new Request("http://app.test/?fnId=app-hello&stepId=step", {
    method: "POST",
    body: JSON.stringify({ ctx, event: { name: "hello", data: {} }, steps: {} }),
  });
  const answer = await handle(request);
  expect([answer.status, await answer.json()]).toMatchObject([206, [{ op: "StepRun", displayName: "a" }]]);
});
