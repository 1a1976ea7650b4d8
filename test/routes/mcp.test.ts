/** `/mcp` through the front door, on the in-memory host: what agents see, what they may do, and how much of it. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Settings } from "../../src/routes/guard.ts";
import "../../src/routes/mcp/server.ts"; // loaded by then: in virtual time no file is waited for
import { Inngest } from "../../src/sdk/index.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { agent, type Era } from "../helpers/mcp-client.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";
import { objectsOf } from "../helpers/simulated-platform.ts";

const KEY = "signkey-test-12345678";
const READ_KEY = "look-87654321";
const READING = [
  "list_apps",
  "list_functions",
  "get_function",
  "list_runs",
  "get_run",
  "get_run_trace",
  "why_is_run_waiting",
  "wait_for_run",
  "list_events",
  "get_event",
];
const ACTING = ["send_event", "invoke_function", "cancel_run", "rerun_run"];
const URL_OF_MCP = "http://localhost/mcp";

const memory = new MemoryDoor();
const { send, started, ended, readRun } = frontDoor(memory);
let platform: TestPlatform;

beforeEach(async () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const client = new Inngest({ id: "shop", logger: silent });
  const functions = [
    client.createFunction({ id: "add", name: "Adds" }, { event: "shop/add" }, async ({ event, step }) => {
      const sum = await step.run("sum", () => event.data.a + event.data.b);
      return { sum };
    }),
    client.createFunction({ id: "nap" }, { event: "shop/nap" }, async ({ step }) => {
      await step.sleep("long", "30d");
    }),
    client.createFunction({ id: "big" }, { event: "shop/big" }, async ({ step }) => {
      for (let i = 0; i < 8; i++) await step.run(`part-${i}`, () => "x".repeat(50_000));
      return Array.from({ length: 5_000 }, (_, i) => ({ i, text: "y".repeat(100) }));
    }),
    client.createFunction({ id: "bad", retries: 0 }, { event: "shop/bad" }, async () => {
      throw new Error("the shop is closed");
    }),
  ];
  platform = createTestPlatform({ functions, client, start: NOW });
  await memory.open(platform);
});
afterEach(() => memory.close());

const local = (era?: Era) =>
  agent({ url: URL_OF_MCP, era, fetch: async (url, init) => whole(await memory.fetch(new Request(url, init))) });

/** The answer once its stream is over: virtual time goes on until then. */
async function whole(response: Response): Promise<Response> {
  if (response.body === null) return response;
  let text: string | undefined;
  void response.text().then((read) => (text = read));
  for (let count = 1; text === undefined; count++) await memory.meanwhile({ count, since: 0, withinMs: 0 });
  return new Response(text, response);
}

describe.each(["legacy", "auto"] as const)("a client of the %s revision", (era) => {
  test("finds every tool, each described, and told whether it acts", async () => {
    const { client } = await local(era);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual([...READING, ...ACTING].toSorted());
    for (const { name, description, inputSchema, annotations } of tools) {
      expect(description, name).toMatch(/^[A-Z].{20}/);
      expect(inputSchema, name).toMatchObject({ type: "object" });
      expect(annotations?.readOnlyHint, name).toBe(READING.includes(name));
    }
    expect(client.getInstructions()).toContain("why_is_run_waiting");
  });

  test("invokes a function, waits for its run, and reads it", async () => {
    const { call } = await local(era);
    const { json: invoked } = await call("invoke_function", { function: "shop-add", data: { a: 1, b: 2 } });
    await ended(invoked.event_id);
    const { json: waited } = await call("wait_for_run", { run_id: invoked.run_id });
    expect(waited).toMatchObject({ ended: true, status: "Completed", output: { sum: 3 } });
    const { json: run } = await call("get_run", { run_id: invoked.run_id });
    expect(run).toMatchObject({ function_slug: "shop-add", steps: [{ id: "sum", status: "completed", output: 3 }] });
    const { json: traced } = await call("get_run_trace", { run_id: invoked.run_id });
    expect(traced).toMatchObject({ run_id: invoked.run_id, trace: { status: "COMPLETED" } });
    expect(JSON.stringify(traced)).toContain("sum");
  });
});

test("apps and functions are listed and shown", async () => {
  const { call } = await local();
  expect((await call("list_apps")).json.apps).toMatchObject([{ id: "shop", function_count: 4 }]);
  const all = (await call("list_functions")).json;
  expect(all.total).toBe(4);
  expect(all.functions.map(({ slug }: { slug: string }) => slug).toSorted()).toEqual([
    "shop-add",
    "shop-bad",
    "shop-big",
    "shop-nap",
  ]);
  expect((await call("list_functions", { search: "ADDS" })).json).toMatchObject({
    total: 1,
    functions: [{ slug: "shop-add" }],
  });
  expect((await call("list_functions", { offset: 3 })).json.functions).toHaveLength(1);
  expect((await call("list_functions", { app_id: "other" })).json).toEqual({ total: 0, functions: [] });
  expect((await call("get_function", { function: "shop-nap" })).json).toMatchObject({
    slug: "shop-nap",
    triggers: [{ event: "shop/nap" }],
    lines: [],
  });
});

test("an event is sent, found, and shows the runs that it has started", async () => {
  const { call } = await local();
  const { json: sent } = await call("send_event", { name: "shop/bad", data: { n: 1 }, user: { id: "u1" } });
  const run = await ended(sent.event_id);
  expect((await call("get_event", { event_id: sent.event_id })).json).toMatchObject({
    internal_id: sent.event_id,
    name: "shop/bad",
    data: { n: 1 },
    user: { id: "u1" },
    runs: [{ run_id: run.run_id, status: "Failed" }],
  });
  const { json: listed } = await call("list_events", { name: "shop/bad" });
  expect(listed.events).toMatchObject([{ internal_id: sent.event_id }]);
  expect(listed.cursor).toBeNull();
  expect((await call("list_runs", { status: "Failed", function: "shop-bad" })).json.runs).toMatchObject([
    { run_id: run.run_id, status: "Failed" },
  ]);
  expect((await call("list_runs", { status: "Completed", function: "shop-bad" })).json.runs).toEqual([]);
  expect((await call("list_runs", { if: "event.data.n == 1" })).json.runs).toHaveLength(1);
});

test("a run that waits says why; waiting for it is bounded; it is cancelled, and run again", async () => {
  const { call } = await local();
  const run = await started(await send({ name: "shop/nap" }));
  await frontDoor(memory).until(
    async () => (await readRun(run.run_id)).waiting_for.some(({ kind }) => kind === "sleeping"),
    "a run that sleeps",
  );
  const why = (await call("why_is_run_waiting", { run_id: run.run_id })).json;
  expect(why).toMatchObject({ status: "Running", waiting_for: [{ kind: "sleeping", step: "long" }] });
  expect(Date.parse(why.waiting_for[0].until)).toBeGreaterThan(NOW + 29 * 86_400_000);

  const before = platform.clock.now();
  const waited = (await call("wait_for_run", { run_id: run.run_id, timeout_seconds: 60 })).json;
  expect(waited).toMatchObject({ ended: false, waiting_for: [{ kind: "sleeping" }] });
  expect(platform.clock.now() - before).toBeLessThanOrEqual(61_000);

  expect((await call("cancel_run", { run_id: run.run_id })).json).toEqual({ run_id: run.run_id, status: "Cancelled" });
  expect((await readRun(run.run_id)).status).toBe("Cancelled");
  const again = await call("cancel_run", { run_id: run.run_id });
  expect([again.isError, again.text]).toEqual([true, `run ${run.run_id} has already ended`]);

  const { json: rerun } = await call("rerun_run", { run_id: run.run_id });
  expect(rerun.run_id).not.toBe(run.run_id);
  expect((await readRun(rerun.run_id)).function_slug).toBe("shop-nap");
});

test("what is too large is cut, and says by how much", async () => {
  const { call } = await local();
  const run = await ended(await send({ name: "shop/big" }));
  const { text, json } = await call("get_run", { run_id: run.run_id });
  expect(text.length).toBeLessThanOrEqual(60_000);
  expect(json.steps).toHaveLength(8);
  expect(json.steps[0].output).toMatch(/^x+… \[cut: 50000 characters in all\]$/);
  expect(json.output.at(-1)).toMatch(/^\[cut: \d+ more\]$/);
});

describe("what cannot be is an error for the agent to read", () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["get_run", { run_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, /run 01ARZ3NDEKTSV4RRFFQ69G5FAV not found/],
    ["get_run", { run_id: "x" }, /"x" is not a run id/],
    ["get_run", {}, /run_id/],
    ["get_function", { function: "shop-nothing" }, /function "shop-nothing" is not registered/],
    ["invoke_function", { function: "shop-nothing" }, /function "shop-nothing" is not registered/],
    ["get_event", { event_id: "x" }, /not an event's internal id/],
    ["send_event", { name: "inngest/x" }, /reserved/],
    ["send_event", { data: {} }, /name/],
    ["list_runs", { status: "Lost" }, /status/],
    ["list_runs", { limit: 1_000 }, /limit/],
    ["list_runs", { cursor: "x" }, /cursor/],
    ["list_runs", { if: "event." }, /if/],
    ["wait_for_run", { run_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", timeout_seconds: 61 }, /timeout_seconds/],
    ["wait_for_run", { run_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", timeout_seconds: 0 }, /not found/],
  ])("%s %o", async (name, given, words) => {
    const { call } = await local();
    const said = await call(name, given);
    expect(said.text).toMatch(words);
    expect(said.isError).toBe(true);
  });

  test("a tool that there is not is an error of the protocol", async () => {
    const { client } = await local();
    await expect(client.callTool({ name: "drop_database", arguments: {} })).rejects.toThrow(/drop_database/);
  });

  test("what fails inside is told in the log alone", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = {
      ...objectsOf(platform),
      registry: () => {
        throw new Error("secret of the house");
      },
    };
    const app = platformApp(broken, ENV, () => ({ isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] }));
    const { call } = await agent({ url: URL_OF_MCP, fetch: async (url, init) => app.fetch(new Request(url, init)) });
    const said = await call("list_apps");
    expect(said).toMatchObject({ isError: true, text: "the platform failed to answer; the reason is in its log" });
    expect(String(error.mock.calls[0])).toContain("secret of the house");
  });
});

describe("who may use it", () => {
  const DEPLOYED: Settings = { isDev: false, eventKeys: [], signingKeys: [KEY], readKeys: [READ_KEY], sdkUrls: [] };
  const deployed = (key: string, more: Partial<Settings> = {}) => {
    const app = platformApp(objectsOf(platform), ENV, () => ({ ...DEPLOYED, ...more }));
    return agent({
      url: "https://platform.example/mcp",
      headers: { authorization: `Bearer ${key}` },
      fetch: async (url, init) => app.fetch(new Request(url, init)),
    });
  };

  test("without the signing key nobody gets in", async () => {
    await expect(deployed("signkey-test-other")).rejects.toThrow(/401|authoriz/i);
    const app = platformApp(objectsOf(platform), ENV, () => DEPLOYED);
    const response = await app.request("https://platform.example/mcp", { method: "POST", body: "{}" });
    expect([response.status, await response.json()]).toMatchObject([401, { status: 401, data: null }]);
  });

  test("deployed it is read-only: the tools that act are neither listed nor called", async () => {
    const { names, client } = await deployed(KEY);
    expect((await names()).toSorted()).toEqual(READING.toSorted());
    expect(client.getInstructions()).toContain("INNGEST_MCP_WRITE");
    await expect(client.callTool({ name: "send_event", arguments: { name: "shop/add" } })).rejects.toThrow(
      /send_event/,
    );
    expect(platform.runs()).toEqual([]);
  });

  test("allowed, agents act with the signing key, and with a key that may look they do not", async () => {
    expect(await (await deployed(KEY, { mayAgentsAct: true })).names()).toEqual(expect.arrayContaining(ACTING));
    const reader = await deployed(READ_KEY, { mayAgentsAct: true });
    expect((await reader.names()).toSorted()).toEqual(READING.toSorted());
    expect((await reader.call("list_functions")).json.total).toBe(4);
  });

  test("what an agent does is in the audit trail", async () => {
    const { call } = await deployed(KEY, { mayAgentsAct: true });
    await call("list_functions");
    await call("send_event", { name: "shop/nap" });
    const app = platformApp(objectsOf(platform), ENV, () => DEPLOYED);
    const response = await app.request("https://platform.example/v1/audit", {
      headers: { authorization: `Bearer ${KEY}` },
    });
    const { data } = (await response.json()) as { data: { path: string; detail: string }[] };
    expect(data).toMatchObject([{ path: "/mcp", detail: "send_event shop/nap" }]);
  });

  test("in dev mode it is for this machine: neither a page from elsewhere nor another host gets in", async () => {
    const app = platformApp(objectsOf(platform), ENV, () => ({ ...DEPLOYED, isDev: true, signingKeys: [] }));
    const ask = (headers: Record<string, string>) =>
      app.request("http://localhost/mcp", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      });
    expect((await ask({})).status).toBe(200);
    expect((await ask({ origin: "https://evil.example" })).status).toBe(403);
    expect((await ask({ host: "platform.example" })).status).toBe(403);
  });

  test("in dev mode agents act unless INNGEST_MCP_WRITE says no", async () => {
    const app = platformApp(objectsOf(platform), ENV, () => ({ ...DEPLOYED, isDev: true, mayAgentsAct: false }));
    const { names } = await agent({ url: URL_OF_MCP, fetch: async (url, init) => app.fetch(new Request(url, init)) });
    expect((await names()).toSorted()).toEqual(READING.toSorted());
  });
});

describe("the protocol", () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    memory.fetch(
      new Request(URL_OF_MCP, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
        body,
      }),
    );

  test.each<[string, string, Record<string, string>, number]>([
    ["no JSON", "{", {}, 400],
    ["no message", "{}", {}, 400],
    ["another content type", "{}", { "content-type": "text/plain" }, 415],
    ["a body over its bound", `{"pad":"${"x".repeat(5_000_000)}"}`, {}, 413],
  ])("%s is refused", async (_what, body, headers, status) => {
    const response = await post(body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", error: { message: expect.any(String) } });
  });

  test.each(["GET", "DELETE"])("%s is 405: there are no sessions", async (method) => {
    const response = await memory.fetch(
      new Request(URL_OF_MCP, { method, headers: { accept: "text/event-stream, application/json" } }),
    );
    expect(response.status).toBe(405);
  });

  test("beside an app it stands below the path of the platform", async () => {
    const app = platformApp(
      objectsOf(platform),
      ENV,
      () => ({ isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] }),
      [],
      null,
      "/inngest",
    );
    expect((await app.request("http://localhost/inngest/mcp", { method: "DELETE" })).status).toBe(405);
    expect((await app.request("http://localhost/mcp", { method: "DELETE" })).status).toBe(404);
    expect((await app.request("http://localhost/inngest/openapi.json")).status).toBe(200);
    expect((await app.request("http://localhost/openapi.json")).status).toBe(404);
  });

  test("an environment that nobody has used is not made by looking", async () => {
    const app = platformApp(objectsOf(platform), "preview", () => ({
      isDev: true,
      eventKeys: [],
      signingKeys: [],
      sdkUrls: [],
    }));
    const response = await app.request("http://localhost/mcp", {
      method: "POST",
      headers: { "x-inngest-env": "preview", "content-type": "application/json" },
      body: "{}",
    });
    expect([response.status, await response.json()]).toMatchObject([404, { code: "env_not_found" }]);
  });
});
