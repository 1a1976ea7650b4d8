/** `/openapi.json`: a valid document, of every route that people and programs may use, which answers as it says. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import type { Settings } from "../../src/routes/guard.ts";
import { documentPath, groups, openApiDocument } from "../../src/routes/openapi/document.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { version } from "../../src/sdk/version.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { MemoryDoor } from "../helpers/memory-door.ts";
import { NOW } from "../helpers/run-builder.ts";
import { objectsOf, simulated } from "../helpers/simulated-platform.ts";

vi.setConfig({ testTimeout: 60_000 }); // hundreds of requests, on a machine that does other things

/** What is served and not described, and why. */
const UNDESCRIBED: [string, RegExp][] = [
  ["what only SDKs say to the platform, by Inngest's protocol", /^\w+ \/fn\//],
  ["… how they learn where it is", /^GET \/dev$/],
  ["… state that is too large for a call", /^GET \/v0\/runs\/:id\/(actions|batch)$/],
  ["… workers that dial in, in protobuf", /^\w+ \/v0\/connect(\/|$)/],
  ["… steps and endpoints that are under way", /^\w+ \/v1\/(checkpoint|http)(\/|$)/],
  ["… spans, in OTLP", /^POST \/v1\/traces\/userland$/],
  ["… how they are used, which is forgotten", /^POST \/v0\/telemetry$/],
  ["GraphQL, which describes itself", /^\w+ \/v0\/gql$/],
  ["MCP without sessions answers 405", /^(GET|DELETE) \/mcp$/],
  ["answers to browsers that ask before they send", /^OPTIONS /],
];

interface Described {
  operationId: string;
  parameters?: { in: string; name: string; required?: boolean; description?: string; schema: object }[];
  requestBody?: object;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  security?: object[];
  summary: string;
}

const document = openApiDocument(version) as {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object> };
};
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

const SETTINGS: Settings = { isDev: false, eventKeys: ["k"], signingKeys: ["signkey-test-12345678"], sdkUrls: [] };

/** A schema that lets nothing pass that is not named in it: what an answer has and the document has not is found. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, of]) => [name, closed(of)]));
  const isOpen = "properties" in inner && !("additionalProperties" in inner) && inner.type === "object";
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv); // its types are those of CommonJS
ajv.addSchema(closed({ $id: "document", components: document.components }) as object);
const validators = new Map<string, ValidateFunction>();

function validatorOf(schema: object): ValidateFunction {
  const text = JSON.stringify(closed(schema)).replaceAll('"#/components', '"document#/components');
  const known = validators.get(text) ?? ajv.compile(JSON.parse(text) as object);
  validators.set(text, known);
  return known;
}

/** That an answer is one of those that the document has for its operation. */
function expectDescribed(at: string, status: number, body: unknown): void {
  const [method = "", path = ""] = at.split(" ");
  const operation = document.paths[documentPath(path)]?.[method.toLowerCase()];
  expect(operation, at).toBeDefined();
  const response = operation!.responses[status] ?? operation!.responses.default!;
  const schema = Object.values(response.content ?? {})[0]?.schema;
  if (schema === undefined) return expect(body, at).toBe("");
  const validate = validatorOf(schema);
  const isValid = validate(body);
  expect(
    isValid,
    `${at} answers ${status}: ${JSON.stringify(validate.errors?.slice(0, 4), null, 1)}\n${JSON.stringify(body)?.slice(0, 1500)}`,
  ).toBe(true);
}

test("it is a valid OpenAPI document", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
});

test("every operation has a name of its own, a summary, and a word for each part of its path", () => {
  const ids = described.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of described) {
    expect(operation.summary, path).toMatch(/\w/);
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = operation.parameters?.filter((one) => one.in === "path") ?? [];
    expect(inPath.map(({ name }) => name)).toEqual(names);
    for (const { description } of inPath) expect(description, path).toMatch(/\w/);
  }
});

describe("routes and operations", () => {
  const app = platformApp(objectsOf(simulated(() => [])), ENV, () => SETTINGS);
  const served = [
    ...new Set(
      app.routes
        .filter(({ method, path }) => method !== "ALL" && !path.startsWith("/api/v2/"))
        .map(({ method, path }) => `${method} ${path.replace(/\?$/, "")}`),
    ),
  ].filter((at) => at !== "POST /e/"); // the key may be left out in dev mode
  const isUndescribed = (at: string) => UNDESCRIBED.some(([, pattern]) => pattern.test(at));
  const operations = groups.flatMap((group) => group.operations).map(({ at }) => documentPath(at));

  test("everything that is served is described, unless there is a reason", () => {
    const missing = served.filter((at) => !isUndescribed(at) && !operations.includes(documentPath(at)));
    expect(missing).toEqual([]);
  });

  test("everything that is described is served", () => {
    const known = served.map(documentPath);
    expect(operations.filter((at) => !known.includes(at))).toEqual([]);
  });

  test("nothing is described twice, and no reason is left over", () => {
    expect(operations.length).toBe(new Set(operations).size);
    for (const [why, pattern] of UNDESCRIBED)
      expect(
        app.routes.some(({ method, path }) => pattern.test(`${method} ${path}`)),
        why,
      ).toBe(true);
  });

  test("what is served below /v2 is served below /api/v2, too", () => {
    const below = (base: string) =>
      [...new Set(app.routes.map(({ method, path }) => `${method} ${path}`))]
        .filter((at) => at.includes(` ${base}/`))
        .map((at) => at.replace(base, ""))
        .toSorted();
    expect(below("/api/v2")).toEqual(below("/v2"));
  });
});

describe("errors have the shape that the document says", () => {
  const REAL: Record<string, string> = {
    key: "k",
    id: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    runId: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  };
  const urlOf = (path: string, values: Record<string, string>) =>
    `http://localhost${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "x")}`;
  const all = described.map(({ method, path, operation }) => ({ at: `${method} ${path}`, method, path, operation }));
  const ask = async (settings: Settings, { method, path }: (typeof all)[number], values = REAL, body = "[") => {
    const app = platformApp(objectsOf(simulated(() => [])), ENV, () => settings);
    const hasBody = method !== "GET" && method !== "DELETE";
    const response = await app.request(urlOf(path, values), { method, ...(hasBody && { body }) });
    const text = await response.text();
    return {
      status: response.status,
      body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text,
    };
  };

  test.each(all.filter(({ operation }) => operation.security === undefined))("$at without a key", async (one) => {
    const { status, body } = await ask(SETTINGS, one);
    expect(status).toBe(401);
    expectDescribed(one.at, status, body);
  });

  test.each(all.filter(({ operation, path }) => operation.security === undefined && path !== "/mcp"))(
    "$at of what is not there, or with a body that is none",
    async (one) => {
      for (const values of [REAL, {}]) {
        const { status, body } = await ask({ ...SETTINGS, isDev: true }, one, values);
        if (status >= 300) expectDescribed(one.at, status, body);
      }
    },
  );

  test("a path at which nothing is served, and an event that is none", async () => {
    const app = platformApp(objectsOf(simulated(() => [])), ENV, () => SETTINGS);
    expect(await (await app.request("http://localhost/v1/nothing")).json()).toMatchObject({ status: 404, data: null });
    const event = await app.request("http://localhost/e/k", { method: "POST", body: "{}" });
    expect(await event.json()).toEqual({ ids: [], status: 400, error: expect.stringContaining("event.name") });
  });
});

describe("answers are as the document says", () => {
  const memory = new MemoryDoor();
  const { request, send, started, ended, until, readRun } = frontDoor(memory);
  let platform: TestPlatform;

  beforeAll(async () => {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const client = new Inngest({ id: "shop", logger: silent });
    const functions = [
      client.createFunction({ id: "add" }, { event: "shop/add" }, async ({ event, step }) =>
        step.run("sum", () => event.data.a + event.data.b),
      ),
      client.createFunction(
        { id: "nap", concurrency: { limit: 1, key: "event.data.who" } },
        [{ event: "shop/nap" }, { cron: "0 0 1 1 *" }],
        async ({ step }) => {
          await step.run("flaky", () => "awake");
          await step.waitForEvent("boss", { event: "shop/boss", timeout: "1d" });
        },
      ),
      client.createFunction({ id: "bad", retries: 0 }, { event: "shop/bad" }, async () => {
        throw new Error("closed", { cause: new Error("holiday") });
      }),
    ];
    platform = createTestPlatform({ functions, client, start: NOW });
    await memory.open(platform);
  });
  afterAll(() => memory.close());

  /** Asks, and compares with the operation of that method and path; answers with the body. */
  async function ask(at: string, path: string, init: RequestInit = {}) {
    const [method = ""] = at.split(" ");
    const response = await request(path, { method, ...init });
    const text = await response.text();
    expect(response.status, `${at}: ${text.slice(0, 500)}`).toBeLessThan(300);
    const body = text === "" ? "" : JSON.parse(text);
    expectDescribed(at, response.status, body);
    return body;
  }
  const json = (body: unknown): RequestInit => ({ body: JSON.stringify(body) });

  async function asleep(): Promise<string> {
    const run = await started(await send({ name: "shop/nap", data: { who: crypto.randomUUID() } }));
    await until(
      async () => (await readRun(run.run_id)).waiting_for.some(({ kind }) => kind === "waiting"),
      "a run that waits",
    );
    return run.run_id;
  }

  test("of runs", async () => {
    const done = (await ended(await send({ name: "shop/add", data: { a: 1, b: 2 } }))).run_id;
    const failed = (await ended(await send({ name: "shop/bad", data: {} }))).run_id;
    const waiting = await asleep();
    for (const id of [done, failed, waiting]) {
      await ask("GET /v1/runs/:id", `/v1/runs/${id}`);
      await ask("GET /v1/runs/:id", `/v1/runs/${id}?include=trace`);
      await ask("GET /v1/runs/:id/jobs", `/v1/runs/${id}/jobs`);
      await ask("GET /v1/runs/:id/trace", `/v1/runs/${id}/trace`);
      await ask("GET /v1/runs/:id/export", `/v1/runs/${id}/export`);
      await ask("GET /v1/runs/:id/logs", `/v1/runs/${id}/logs`);
      await ask("GET /v2/runs/:id", `/v2/runs/${id}?includeOutput=true`);
      await ask("GET /v2/runs/:id/trace", `/v2/runs/${id}/trace?includeOutput=true`);
    }
    const [step] = (await ask("GET /v1/runs/:id", `/v1/runs/${done}`)).data.steps;
    await ask("GET /v1/runs/:id/steps/:hash", `/v1/runs/${done}/steps/${step.hash}`);
    await ask("GET /v1/runs", "/v1/runs?total=true");
    await ask("GET /v1/runs", "/v1/runs?limit=1");
    await ask("GET /v2/runs", "/v2/runs?limit=2&includeOutput=true");
    await ask("GET /v2/apps/:app/functions/:fn/runs", "/v2/apps/shop/functions/add/runs");
    await ask("POST /v1/runs/:id/clock", `/v1/runs/${waiting}/clock`, json({ advance: "1s" }));
    await ask(
      "POST /v1/runs/:id/metadata",
      `/v1/runs/${done}/metadata`,
      json({ metadata: [{ kind: "userland.x", values: { n: 1 } }] }),
    );
    await ask("GET /v1/runs/:id", `/v1/runs/${done}`);
    await ask("POST /v2/runs/:id/scores", `/v2/runs/${done}/scores`, json([{ name: "good", value: 1 }]));
    await ask("POST /v2/runs/:id/rerun", `/v2/runs/${done}/rerun`);
    const again = (await ask("POST /v1/runs/:id/rerun", `/v1/runs/${done}/rerun`, json({ from_step: { id: "sum" } })))
      .data;
    await ask("GET /v1/runs/:id", `/v1/runs/${again.run_id}`);
    await ask(
      "POST /v1/runs/:id/steps/:step/resolve",
      `/v1/runs/${await asleep()}/steps/boss/resolve`,
      json({ event: {} }),
    );
    await ask("DELETE /v1/runs/:id", `/v1/runs/${waiting}`);
    await ask("POST /v2/runs/:id/cancel", `/v2/runs/${await asleep()}/cancel`);
    await ask("DELETE /v0/runs/:id", `/v0/runs/${await asleep()}`);
  });

  test("of events", async () => {
    const { ids } = await ask(
      "POST /e/:key",
      "/e/key",
      json([{ name: "shop/add", data: { a: 1, b: 1 }, user: { id: "u" } }]),
    );
    await ended(ids[0]);
    await ask("GET /v1/events", "/v1/events?limit=2");
    await ask("GET /v1/events", "/v1/events?data=false&runs=true&internal=false");
    await ask("GET /v1/events/:id", `/v1/events/${ids[0]}`);
    await ask("GET /v1/events/:id/runs", `/v1/events/${ids[0]}/runs`);
    await ask("GET /v1/events/:id/decisions", `/v1/events/${ids[0]}/decisions`);
    await ask("GET /v2/events/:id/runs", `/v2/events/${ids[0]}/runs`);
    await ask("POST /v1/events", "/v1/events", json([{ name: "shop/other" }]));
    await ask("POST /v2/events", "/v2/events", json({ name: "shop/other" }));
    await ask("POST /invoke/:slug", "/invoke/shop-add", json({ data: { a: 1, b: 1 } }));
    await ask("POST /v2/apps/:app/functions/:fn/invoke", "/v2/apps/shop/functions/add/invoke", json({ data: {} }));
  });

  test("of functions and apps", async () => {
    await ask("GET /v1/functions", "/v1/functions");
    await ask("GET /v1/functions/:id", "/v1/functions/shop-nap");
    await asleep();
    await ask("GET /v1/functions/:id/lines", "/v1/functions/shop-nap/lines");
    await ask("GET /v1/lines", "/v1/lines");
    await ask("GET /v1/functions/:id/metrics", "/v1/functions/shop-add/metrics");
    await ask("POST /v1/functions/:id/pause", "/v1/functions/shop-nap/pause", json({ running: "cancel" }));
    await ask("GET /v1/functions/:id", "/v1/functions/shop-nap");
    await ask("POST /v1/functions/:id/resume", "/v1/functions/shop-nap/resume");
    await ask("GET /v1/apps", "/v1/apps");
    await ask("GET /v1/apps/:id", "/v1/apps/shop");
    await ask("GET /v1/apps/:id/functions", "/v1/apps/shop/functions");
    await ask("GET /v2/apps", "/v2/apps");
    await ask("GET /v2/apps/:app", "/v2/apps/shop");
    await ask("GET /v2/apps/:app/functions", "/v2/apps/shop/functions");
    await ask("GET /v2/apps/:app/functions/:fn", "/v2/apps/shop/functions/nap");
  });

  test("of what concerns many runs", async () => {
    const body = { app_id: "shop", function_id: "nap", started_before: new Date(platform.clock.now()).toISOString() };
    const { data } = await ask("POST /v1/cancellations", "/v1/cancellations", json(body));
    await ask("GET /v1/cancellations", "/v1/cancellations");
    await ask("GET /v1/cancellations/:id", `/v1/cancellations/${data.id}`);
    await ask("DELETE /v1/cancellations/:id", `/v1/cancellations/${data.id}`);
    await ask("POST /v1/cancellations", "/v1/cancellations", json({ ...body, dry_run: true }));
    const replay = (await ask("POST /v1/replays", "/v1/replays", json({ ...body, function_id: "bad" }))).data;
    await ask("GET /v1/replays", "/v1/replays");
    await ask("GET /v1/replays/:id", `/v1/replays/${replay.id}`);
  });

  test("of schedules", async () => {
    const schedule = { id: "nightly", cron: "0 3 * * *", event: { name: "report/due" } };
    await ask("POST /v1/schedules", "/v1/schedules", json(schedule));
    await ask("GET /v1/schedules", "/v1/schedules");
    await ask("GET /v1/schedules/:id", "/v1/schedules/nightly");
    await ask("PATCH /v1/schedules/:id", "/v1/schedules/nightly", json({ cron: "0 4 * * *" }));
    await ask("DELETE /v1/schedules/:id", "/v1/schedules/nightly");
  });

  test("of the platform", async () => {
    await ask("GET /health", "/health");
    await ask("GET /v2/health", "/v2/health");
    await ask("GET /openapi.json", "/openapi.json");
    await ask("GET /v1/envs", "/v1/envs");
    await ask("GET /v1/parked", "/v1/parked");
    await ask("GET /v1/session", "/v1/session");
    await ask("GET /v1/audit", "/v1/audit");
    await ask("GET /v2/keys/events", "/v2/keys/events");
    await ask("POST /v1/realtime/token", "/v1/realtime/token", json([{ channel: "c", name: "t" }]));
    await ask("POST /v1/realtime/publish", "/v1/realtime/publish?channel=c&topic=t", json({ n: 1 }));
  });
});
