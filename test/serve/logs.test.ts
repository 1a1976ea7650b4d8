/** Lines of code that is called over HTTP: what the app says, whoever calls it, and what the platform keeps of it. */
import { afterEach, expect, test, vi } from "vitest";
import { Inngest, NonRetriableError, type Context } from "../../src/sdk/index.ts";
import { serve } from "../../src/serve/edge.ts";
import { answered, AppsWorld, official } from "../helpers/apps-world.ts";
import { silent } from "../helpers/simulated-platform.ts";

let apps: AppsWorld;
/** requests of the app to the platform, and their bodies */
let asks: (path: string, ask: () => Promise<Response>) => Promise<Response> = (_path, ask) => ask();
const replies: { status: number; body: string }[] = [];

afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
  asks = (_path, ask) => ask();
  replies.length = 0;
});

const retry = { maxAttempts: 3, backoff: "fixed", initialDelayMs: 1000, maxDelayMs: 1000, jitter: false } as const;

async function open(handler: (context: Context) => unknown, { isOurs = true, ...options } = {}) {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
  const inngest = new Inngest({
    id: "app",
    isDev: true,
    baseUrl: "http://localhost",
    logger: silent,
    fetch: (async (input: string, init?: RequestInit) => {
      const { pathname, search } = new URL(input);
      return asks(pathname, () => apps.request(pathname + search, init));
    }) as typeof fetch,
    ...options,
  });
  const fn = inngest.createFunction({ id: "hello", retries: 2 }, { event: "hello" }, handler as () => unknown);
  const served = official(serve({ client: inngest, functions: [fn] }) as (request: Request) => Promise<Response>);
  apps = new AppsWorld({
    answer: async (call, request) => {
      const { "x-dotdo-inngest": ours = "", ...headers } = request.headers as Record<string, string>;
      const reply = await served(call, {
        ...request,
        headers: isOurs ? { ...headers, "x-dotdo-inngest": ours } : headers,
      });
      if (reply.kind === "answered") replies.push({ status: reply.status, body: reply.body });
      return reply;
    },
  });
  await apps.register("hello", retry);
  return apps.door;
}

interface LogsJson {
  step: string | null;
  hash: string | null;
  attempt: number;
  dropped: number;
  lines: { at: string; level: string; text: string; is_cut: boolean }[];
}

async function logsOf(runId: string, query = ""): Promise<LogsJson[]> {
  const { status, body } = await apps.door.json(`/v1/runs/${runId}/logs${query}`);
  expect(status).toBe(200);
  return body.data;
}

const told = (batches: LogsJson[]) =>
  batches.flatMap(({ step, attempt, lines }) => lines.map(({ text }) => `${step ?? "-"}/${attempt} ${text}`));

async function three({ logger, step }: Context) {
  logger.info("begin");
  for (const id of ["a", "b", "c"]) {
    await step.run(id, () => logger.info(`in ${id}`));
    logger.info(`after ${id}`);
  }
  return "end";
}

const OF_THREE = ["-/0 begin", "a/0 in a", "-/0 after a", "b/0 in b", "-/0 after b", "c/0 in c", "-/0 after c"];

test.each([
  ["by checkpoints, and with the last answer", {}, 1],
  ["with each answer, where calls end with each step", { checkpointing: false }, 4],
])("lines come %s", async (_, options, calls) => {
  const door = await open(three, options);
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect([run.status, run.output, apps.calls.length]).toEqual(["Completed", "end", calls]);
  expect(told(await logsOf(run.run_id))).toEqual(OF_THREE);
  expect(run.steps.map((step) => step.logs)).toEqual([1, 2, 3].map(() => ({ lines: 1, dropped: 0 })));
});

test("checkpoints whose answers are lost are told once more, and lines are kept once", async () => {
  let lost = 0;
  asks = async (path, ask) => {
    const answer = await ask();
    if (!path.endsWith("/async") || lost++ > 0) return answer;
    throw new TypeError("the connection broke");
  };
  const door = await open(three);
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect([run.status, lost > 1]).toEqual(["Completed", true]);
  expect(told(await logsOf(run.run_id)).toSorted()).toEqual(OF_THREE.toSorted());
});

test("steps beside each other are called one by one, and what came before them is not told by each of their calls", async () => {
  const door = await open(async ({ logger, step }) => {
    logger.info("begin");
    await Promise.all(["a", "b"].map((id) => step.run(id, () => logger.info(`in ${id}`))));
    logger.info("end");
  });
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect(apps.calls.length).toBeGreaterThan(2);
  expect(told(await logsOf(run.run_id)).toSorted()).toEqual(["-/0 begin", "-/0 end", "a/0 in a", "b/0 in b"]);
});

test("a function that fails is answered with its status and error, and its lines are kept with the attempt", async () => {
  const door = await open(({ logger, attempt }) => {
    logger.info(`try ${attempt}`);
    if (attempt === 1) throw new NonRetriableError("never");
    throw new Error("again");
  });
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect(replies.map(({ status }) => status)).toEqual([500, 400]);
  expect(run).toMatchObject({ status: "Failed", error: { message: "never" } });
  expect(Object.keys(run.error!)).not.toContain("@dotdo/logs");
  expect(told(await logsOf(run.run_id))).toEqual(["-/0 try 0", "-/1 try 1"]);
});

test("a server that is not ours is told Inngest's protocol, and nothing of lines", async () => {
  const door = await open(three, { isOurs: false });
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect(run).toMatchObject({ status: "Completed", output: "end", logs: { bytes: 0, dropped: 0 } });
  expect(replies.map(({ status }) => status)).toEqual([206, 206, 206, 200]);
  expect(replies.map(({ body }) => body).join()).not.toContain("logs");
  expect(await logsOf(run.run_id)).toEqual([]);
});

test("an app that tells nonsense of lines is none the worse for it", async () => {
  apps = new AppsWorld({
    answer: ({ index }) =>
      index === 0
        ? answered(206, [
            { op: "StepRun", id: "a", data: 1, logs: { lines: "none" } },
            { op: "None", id: "", logs: { lines: [{ at: "now", level: "info", text: "no" }, null] } },
          ])
        : answered(206, [
            { op: "RunComplete", id: "complete", data: 2 },
            { op: "None", id: "", logs: { lines: [{ at: 5, level: "warn", text: "x".repeat(10_000) }], dropped: 3 } },
          ]),
  });
  await apps.register("hello", retry);
  const { door } = apps;
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  expect(run).toMatchObject({ status: "Completed", output: 2 });
  const [logs, ...others] = await logsOf(run.run_id);
  expect(others).toEqual([]);
  expect(logs).toMatchObject({
    step: null,
    hash: null,
    attempt: 0,
    dropped: 3,
    lines: [{ level: "warn", is_cut: true }],
  });
  expect(logs!.lines[0]!.text).toBe("x".repeat(4096));
});

test("fifty runs at the same time, each told by checkpoints: a line never reaches another", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const door = await open(async ({ event, logger, step }) => {
    const { id } = event.data;
    logger.info(`${id} begins`);
    for (const name of ["a", "b"])
      await step.run(name, async () => {
        for (let i = 0; i < 3; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          if (i === 1) console.log(`${id} ${name} ${i}`);
          else logger.info(`${id} ${name} ${i}`);
        }
      });
    console.log(`${id} ends`);
  });
  const events = Array.from({ length: 50 }, (_, i) => ({ name: "hello", data: { id: `run-${i}` } }));
  const ids = await door.sendAll(events);
  for (const [i, eventId] of ids.entries()) {
    const run = await door.ended(eventId);
    const line = (text: string) => text.replaceAll("#", `run-${i}`);
    expect(told(await logsOf(run.run_id))).toEqual(
      ["-/0 # begins", "a/0 # a 0", "a/0 # a 1", "a/0 # a 2", "b/0 # b 0", "b/0 # b 1", "b/0 # b 2", "-/0 # ends"].map(
        line,
      ),
    );
  }
  expect(log.mock.calls).toHaveLength(150);
});

test("lines are read by step, by attempt, around steps, and page by page", async () => {
  const door = await open(async ({ logger, step, attempt }) => {
    logger.info("begin");
    await step.run("a", () => {
      logger.info(`a ${attempt}`);
      if (attempt === 0) throw new Error("again");
    });
    await step.run("b", () => logger.info("b"));
  });
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  const [a] = run.steps;
  expect(told(await logsOf(run.run_id, "?step=a"))).toEqual(["a/0 a 0", "a/1 a 1"]);
  expect(told(await logsOf(run.run_id, `?step=${a!.hash}&attempt=1`))).toEqual(["a/1 a 1"]);
  expect(new Set((await logsOf(run.run_id, "?around=true")).map(({ hash }) => hash))).toEqual(new Set([null]));
  const all = await logsOf(run.run_id);
  const paged: LogsJson[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body } = await door.json(`/v1/runs/${run.run_id}/logs?limit=2${cursor && `&cursor=${cursor}`}`);
    expect(body.data.length).toBeLessThanOrEqual(2);
    expect(body.page).toEqual({ cursor: body.page.cursor, has_more: body.page.cursor !== null, limit: 2 });
    paged.push(...body.data);
    cursor = body.page.cursor;
  }
  expect([paged, paged.length > 3]).toEqual([all, true]);
});

test.each([
  ["limit=0", /limit/],
  ["limit=101", /limit/],
  ["cursor=abc", /cursor/],
  ["attempt=-1", /attempt/],
  ["around=yes", /around: must be true or false/],
  ["step=a&around=true", /around: cannot go with step/],
])("400 for ?%s", async (query, message) => {
  const door = await open(three);
  const run = await door.ended(await door.send({ name: "hello", data: {} }));
  const { status, body } = await door.json(`/v1/runs/${run.run_id}/logs?${query}`);
  expect([status, body.error]).toEqual([400, expect.stringMatching(message)]);
});

test("404 for the lines of a run that nobody started", async () => {
  const door = await open(three);
  expect((await door.json("/v1/runs/01JGFJJZ00BZAKG8W5ZTWCWP28/logs")).status).toBe(404);
});
