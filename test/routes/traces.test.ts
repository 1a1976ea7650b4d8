/** Spans that apps record themselves, through the front door: of OpenTelemetry exporters, and by hand. */
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { Inngest as InngestV4 } from "inngest-v4";
import { serve as serveV4 } from "inngest-v4/edge";
import { extendedTracesMiddleware } from "inngest-v4/experimental";
import { afterEach, describe, expect, test, vi } from "vitest";
import { platformApp } from "../../src/app.ts";
import { ExportTraceServiceRequest, ExportTraceServiceResponse, RpcStatus } from "../../src/protocol/otlp/otlp.ts";
import { SPANS_PER_RUN_MAX } from "../../src/protocol/limits.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { answered, AppsWorld, official } from "../helpers/apps-world.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const FOREIGN = "01JZZZZZZZZZZZZZZZZZZZZZZZ";
let apps: AppsWorld;
afterEach(() => {
  apps.close();
  vi.unstubAllEnvs();
});

/** A run that has ended. */
async function run(): Promise<string> {
  apps = new AppsWorld({ answer: () => answered(200, "end") });
  await apps.register("hello");
  const { run_id } = await apps.door.ended(await apps.door.send({ name: "hello", data: {} }));
  return run_id;
}

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");
const attribute = (key: string, value: object) => ({ key, value });

/** As exporters write one in JSON. */
const span = (n: number, runId: string, more: object = {}) => ({
  traceId: hex(7, 32),
  spanId: hex(n, 16),
  parentSpanId: n === 1 ? undefined : hex(1, 16),
  name: `span ${n}`,
  kind: 1,
  startTimeUnixNano: `17000000000000000${hex(n, 2)}`.slice(0, 19).replace(/[a-f]/g, "9"),
  endTimeUnixNano: "1700000000000000900",
  attributes: [attribute("sdk.run.id", { stringValue: runId }), attribute("inngest.step.hash", { stringValue: "abc" })],
  ...more,
});
const request = (...spans: object[]) => ({
  resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: "test" }, spans }] }],
});

/** The same as a message of protobuf. */
function message(...spans: ReturnType<typeof span>[]) {
  const bytes = (id = "") => new Uint8Array(Buffer.from(id, "hex"));
  const whole = spans.map((one) => ({
    ...one,
    traceId: bytes(one.traceId),
    spanId: bytes(one.spanId),
    parentSpanId: bytes(one.parentSpanId),
    events: [],
    status: undefined,
  }));
  return { resourceSpans: [{ scopeSpans: [{ scope: { name: "test", version: "" }, spans: whole }] }] };
}

function post(body: string | Uint8Array, headers: Record<string, string> = {}) {
  return meanwhile(
    apps.request("/v1/traces/userland", {
      method: "POST",
      body: body as BodyInit,
      headers: { "content-type": "application/json", ...headers },
    }),
  );
}

/** Unpacking is work of the runtime's own, which the world does not see. */
async function meanwhile<T>(work: Promise<T>): Promise<T> {
  for (let looks = 0; looks < 1_000; looks++) {
    const found = await apps.during(work).then(
      (answer) => ({ answer }),
      () => null,
    );
    if (found) return found.answer;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return work;
}
const send = async (...spans: object[]) => {
  const response = await post(JSON.stringify(request(...spans)));
  return [response.status, await response.json()];
};
const traceOf = async (runId: string) => (await apps.door.json(`/v1/runs/${runId}/trace`)).body.data;

describe("[§9.9] POST /v1/traces/userland", () => {
  test("spans in JSON are with their run, in the order in which they began", async () => {
    const id = await run();
    const rich = span(2, id, {
      attributes: [
        attribute("sdk.run.id", { stringValue: id }),
        attribute("n", { intValue: "9007199254740993" }),
        attribute("small", { intValue: 7 }),
        attribute("half", { doubleValue: 0.5 }),
        attribute("is", { boolValue: true }),
        attribute("list", { arrayValue: { values: [{ stringValue: "a" }, { intValue: "1" }] } }),
        attribute("map", { kvlistValue: { values: [attribute("k", { stringValue: "v" })] } }),
      ],
      events: [{ name: "retry", timeUnixNano: "1700000000000000005", attributes: [attribute("n", { intValue: 1 })] }],
      status: { code: 2, message: "it broke" },
    });
    expect(await send(rich, span(1, id))).toEqual([200, {}]);
    const { spans, trace_id, refused_spans } = await traceOf(id);
    expect([trace_id, refused_spans]).toEqual([expect.stringMatching(/^[\da-f]{32}$/), 0]);
    expect(spans).toMatchObject([
      { span_id: hex(1, 16), parent_span_id: null, name: "span 1", step_hash: "abc", scope: "test" },
      {
        span_id: hex(2, 16),
        trace_id: hex(7, 32),
        parent_span_id: hex(1, 16),
        attributes: { n: "9007199254740993", small: 7, half: 0.5, is: true, list: ["a", 1], map: { k: "v" } },
        events: [{ name: "retry", time_unix_nano: "1700000000000000005", attributes: { n: 1 } }],
        status: { code: 2, message: "it broke" },
      },
    ]);
  });

  test.each([true, false])("protobuf, gzip %s, is answered in protobuf", async (isPacked) => {
    const id = await run();
    const encoded = ExportTraceServiceRequest.encode(message(span(1, id), span(2, FOREIGN))).finish();
    const response = await post(isPacked ? gzipSync(encoded) : encoded, {
      "content-type": "application/x-protobuf",
      ...(isPacked ? { "content-encoding": "gzip" } : {}),
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-protobuf"]);
    const { partialSuccess } = ExportTraceServiceResponse.decode(new Uint8Array(await response.arrayBuffer()));
    expect(partialSuccess?.rejectedSpans).toBe("1");
    expect((await traceOf(id)).spans).toMatchObject([
      { span_id: hex(1, 16), trace_id: hex(7, 32), parent_span_id: null, start_time_unix_nano: "1700000000000000001" },
    ]);
  });

  test("a span sent again is kept once", async () => {
    const id = await run();
    for (let n = 0; n < 2; n++) expect(await send(span(1, id), span(1, id))).toEqual([200, {}]);
    expect((await traceOf(id)).spans).toHaveLength(1);
  });

  test("spans of no run, of no run id, and what is none are rejected and counted, and leave no object", async () => {
    await run();
    const none = span(3, "x", { attributes: [] });
    const broken = span(4, FOREIGN, { spanId: "xyz" });
    expect(await send(span(1, FOREIGN), span(2, "not-an-id"), none, broken)).toEqual([
      200,
      { partialSuccess: { rejectedSpans: "4", errorMessage: expect.stringContaining("4 spans") } },
    ]);
    expect(apps.world.isAwake("run", FOREIGN)).toBe(false);
  });

  test("those that come first are kept, the rest is counted", async () => {
    const id = await run();
    const many = Array.from({ length: SPANS_PER_RUN_MAX + 5 }, (_, n) => span(n + 1, id));
    expect(await send(...many)).toEqual([200, { partialSuccess: expect.objectContaining({ rejectedSpans: "5" }) }]);
    expect(await send(span(1, id), span(5000, id))).toEqual([
      200,
      { partialSuccess: expect.objectContaining({ rejectedSpans: "1" }) },
    ]);
    const { spans, refused_spans } = await traceOf(id);
    expect([spans.length, refused_spans]).toEqual([SPANS_PER_RUN_MAX, 6]);
  });

  test("a span over its bound, and all that come to more than a run may have, are counted", async () => {
    const id = await run();
    const large = (n: number, size: number) => span(n, id, { name: "x".repeat(size) });
    expect(await send(large(1, 65_536))).toMatchObject([200, { partialSuccess: { rejectedSpans: "1" } }]);
    const some = Array.from({ length: 70 }, (_, n) => large(n + 1, 65_000));
    expect(await send(...some)).toMatchObject([200, { partialSuccess: { rejectedSpans: "6" } }]);
  });

  test.each([
    ["text/plain", {}, "{}", 415, 3],
    ["application/json", {}, "{", 400, 3],
    ["application/x-protobuf", {}, new Uint8Array([255, 255, 255]), 400, 3],
    ["application/json", { "content-encoding": "br" }, "{}", 415, 3],
    ["application/json", { "content-encoding": "gzip" }, "{}", 400, 3],
    ["application/json", {}, " ".repeat(8 * 1024 * 1024 + 1), 413, 8],
    ["application/x-protobuf", { "content-encoding": "gzip" }, gzipSync(Buffer.alloc(8 * 1024 * 1024 + 1)), 413, 8],
  ])("%s, %j is refused with a google.rpc.Status", async (type, headers, body, status, code) => {
    await run();
    const response = await post(body, { "content-type": type, ...headers });
    expect(response.status).toBe(status);
    const told =
      type === "application/x-protobuf"
        ? RpcStatus.decode(new Uint8Array(await response.arrayBuffer()))
        : await response.json();
    expect(told).toEqual({ code, message: expect.any(String) });
  });

  test("[G10] without the signing key it is 401", async () => {
    await run();
    const settings = { isDev: false, eventKeys: [], signingKeys: ["signkey-test-0123"], sdkUrls: [] };
    const app = platformApp(apps.world.objects(), ENV, () => settings);
    const response = await app.request("/v1/traces/userland", {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect([response.status, await response.json()]).toMatchObject([401, { code: 16 }]);
  });

  test("attributes nested without end are cut, and never throw", async () => {
    const id = await run();
    let value: object = { stringValue: "deep" };
    for (let n = 0; n < 200; n++) value = { arrayValue: { values: [value] } };
    const attributes = [
      attribute("sdk.run.id", { stringValue: id }),
      attribute("deep", value),
      attribute("__proto__", value),
    ];
    expect(await send(span(1, id, { attributes }))).toEqual([200, {}]);
    expect(JSON.stringify((await traceOf(id)).spans[0].attributes)).toContain("null");
  });
});

test("a message nested deeper than it can be read is refused, whatever it holds", async () => {
  await run();
  const field = (number: number, content: Buffer) => {
    const length: number[] = [];
    for (let rest = content.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content]);
  };
  let value = Buffer.alloc(0);
  for (let n = 0; n < 8_000; n++) value = field(5, field(1, value));
  const nested = field(1, field(2, field(2, field(9, field(2, value)))));
  const response = await post(nested, { "content-type": "application/x-protobuf" });
  expect(response.status).toBe(400);
});

describe("inngest 4.24, unmodified, with extended traces", () => {
  let close: () => void = () => undefined;
  afterEach(() => close());

  test("its spans are with the run", async () => {
    vi.stubEnv("INNGEST_DEV", "1");
    // its exporter is no fetch: it asks over the network
    const server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", async () => {
        const headers = new Headers(incoming.headers as Record<string, string>);
        const response = await apps.request(incoming.url ?? "/", {
          method: "POST",
          body: Buffer.concat(chunks),
          headers,
        });
        outgoing.writeHead(response.status, Object.fromEntries(response.headers));
        outgoing.end(Buffer.from(await response.arrayBuffer()));
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()));
    close = () => void server.close();
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const middleware = [extendedTracesMiddleware({ behaviour: "createProvider", instrumentations: [] })];
    const client = new InngestV4({
      id: "app",
      isDev: true,
      baseUrl: `http://127.0.0.1:${port}`,
      logger: silent,
      middleware,
    });
    const fn = client.createFunction({ id: "hello", triggers: [{ event: "hello" }] }, async ({ step, tracer }: any) =>
      step.run("a", () => tracer.startActiveSpan("work", (own: any) => (own.end(), 1))),
    );
    const serve = serveV4({ client, functions: [fn] }) as (request: Request) => Promise<Response>;
    apps = new AppsWorld({ answer: official(serve) });
    await apps.register("hello");
    const ended = await apps.door.ended(await apps.door.send({ name: "hello", data: {} }));
    expect(ended.status).toBe("Completed");
    const names = async () => (await traceOf(ended.run_id)).spans.map((one: any) => one.name);
    for (let looks = 0; looks < 200 && !(await names()).includes("work"); looks++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await names()).toEqual(expect.arrayContaining(["work"]));
  }, 30_000);
});
