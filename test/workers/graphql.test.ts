/** `POST /v0/gql`: the queries that official test suites send, in their words (inngest-protocol §10.5). */
import { describe, expect, it } from "vitest";
import { uuidOf } from "../../src/protocol/ids.ts";
import { ended, json, post, request, send, sendAll, started, until } from "./helpers/front-door.ts";
import { objectIds } from "./helpers/object-ids.ts";

async function ask(query: string, variables: Record<string, unknown> = {}): Promise<any> {
  const { status, body } = await post("/v0/gql", { query, variables });
  expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
  return body.data;
}

const refusal = async (query: string, variables: Record<string, unknown> = {}) => {
  const { status, body } = await post("/v0/gql", { query, variables });
  expect(body.errors?.length, JSON.stringify(body)).toBeGreaterThan(0);
  return { status, message: body.errors[0].message as string };
};

const RUN_STATUS = `query ($runId: String!) {
  run(runID: $runId) { status trace(preview: true) { status outputID } }
}`;
const SPAN_OUTPUT = `query ($traceID: String!) {
  runTraceSpanOutputByID(outputID: $traceID) { data error { message name } }
}`;
const TRACE = `query GetTraceRun($runID: String!) {
  run(runID: $runID) {
    status traceID isBatch batchCreatedAt cronSchedule endedAt
    trace { ...TraceDetails childrenSpans { ...TraceDetails childrenSpans { ...TraceDetails } } }
  }
}
fragment TraceDetails on RunTraceSpan {
  name runID status attempts isRoot parentSpanID spanID startedAt endedAt duration outputID stepOp stepType stepID
  stepInfo {
    __typename
    ... on InvokeStepInfo { triggeringEventID functionID timeout returnEventID runID timedOut }
    ... on SleepStepInfo { sleepUntil }
    ... on WaitForEventStepInfo { eventName expression timeout foundEventID timedOut }
  }
}`;

const event = (name: string, data: object = {}) => ({ name, data: { key: crypto.randomUUID(), ...data } });

describe("the harness of inngest-js", () => {
  it("a completed run has a trace whose output is the run's", async () => {
    const { run_id } = await ended(await send(event("local/no-steps", { n: 3 })));
    const { run } = await ask(RUN_STATUS, { runId: run_id });
    expect(run).toEqual({ status: "COMPLETED", trace: { status: "COMPLETED", outputID: expect.any(String) } });
    const output = await ask(SPAN_OUTPUT, { traceID: run.trace.outputID });
    expect(output.runTraceSpanOutputByID).toEqual({ data: JSON.stringify({ got: 3 }), error: null });
  });

  it("a failed run's output is its error", async () => {
    const { run_id } = await ended(await send(event("local/never-handler")));
    const { run } = await ask(RUN_STATUS, { runId: run_id });
    expect(run).toMatchObject({ status: "FAILED", trace: { status: "FAILED" } });
    const output = await ask(SPAN_OUTPUT, { traceID: run.trace.outputID });
    expect(output.runTraceSpanOutputByID).toEqual({
      data: null,
      error: { message: expect.any(String), name: expect.any(String) },
    });
  });

  it("an unknown run is null", async () => {
    const before = await objectIds();
    expect(await ask(RUN_STATUS, { runId: "01ARZ3NDEKTSV4RRFFQ69G5FAV" })).toEqual({ run: null });
    expect(await objectIds()).toEqual(before);
  });

  it("metadata of spans, three levels deep", async () => {
    const { run_id } = await ended(await send(event("local/sequence", { n: 1 })));
    const { run } = await ask(
      `fragment TraceMetadataFields on RunTraceSpan { name stepID spanID metadata { scope kind values updatedAt } }
       query ($runId: String!) { run(runID: $runId) { trace(preview: true) {
         ...TraceMetadataFields childrenSpans { ...TraceMetadataFields childrenSpans { ...TraceMetadataFields } } } } }`,
      { runId: run_id },
    );
    expect(run.trace).toMatchObject({ name: "Run", stepID: null, metadata: [] });
    expect(run.trace.childrenSpans.length).toBeGreaterThan(1);
    for (const span of run.trace.childrenSpans) expect(span.metadata).toEqual([]);
  });

  it("events and the stream name what was sent, and what it started", async () => {
    const id = await send(event("local/no-steps", { n: 1 }));
    await ended(id);
    const { events } = await ask("{ events(query: {}) { id name payload } }");
    const sent = events.find((one: any) => one.id === id);
    expect(sent).toMatchObject({ name: "local/no-steps" });
    expect(JSON.parse(sent.payload)).toMatchObject({ n: 1 });
    const { stream } = await ask(
      "{ stream(query: { limit: 50, includeInternalEvents: false }) { id trigger runs { id function { name } } } }",
    );
    expect(stream.find((one: any) => one.id === id)).toMatchObject({
      trigger: "local/no-steps",
      runs: [{ id: expect.any(String), function: { name: "no-steps" } }],
    });
    expect(stream.some((one: any) => one.trigger.startsWith("inngest/"))).toBe(false);
  });

  it("eventV2 has the event as it was sent, and its idempotency id", async () => {
    const key = crypto.randomUUID();
    const id = await send({ ...event("local/no-steps", { n: 1 }), id: key });
    await ended(id);
    const { eventV2 } = await ask(
      "query ($id: ULID!) { eventV2(id: $id) { id idempotencyKey name raw occurredAt receivedAt version runs { id status function { name } } } }",
      { id },
    );
    expect(eventV2).toMatchObject({ id, idempotencyKey: key, name: "local/no-steps", version: null });
    expect(JSON.parse(eventV2.raw)).toMatchObject({ id: key, name: "local/no-steps", data: { n: 1 } });
    expect(eventV2.runs).toMatchObject([{ status: "COMPLETED", function: { name: "no-steps" } }]);
  });
});

describe("the harness of inngest-py", () => {
  it("leads from an event to its runs, their status, trigger and steps' outputs", async () => {
    const id = await send(event("local/sequence", { n: 2 }));
    await ended(id);
    const found = await ask(
      "query GetRunFromEventID($event_id: ID!) { event(query: {eventId: $event_id}) { functionRuns { id } } }",
      { event_id: id },
    );
    const [run] = found.event.functionRuns;
    const status = await ask(
      "query GetRun($run_id: String!) { run(runID: $run_id) { output status } runTrigger(runID: $run_id) { payloads } }",
      { run_id: run.id },
    );
    expect(status.run.status).toBe("COMPLETED");
    expect(JSON.parse(status.run.output)).toBeDefined();
    expect(JSON.parse(status.runTrigger.payloads[0])).toMatchObject({ name: "local/sequence", data: { n: 2 } });
    const history = await ask(
      "query GetHistory($run_id: String!) { run(runID: $run_id) { trace { childrenSpans { name outputID } } } }",
      { run_id: run.id },
    );
    const [step] = history.run.trace.childrenSpans;
    const output = await ask(
      "query GetHistory($output_id: String!) { runTraceSpanOutputByID(outputID: $output_id) { data error { message name stack } } }",
      { output_id: step.outputID },
    );
    expect(output.runTraceSpanOutputByID.error).toBeNull();
    expect(() => JSON.parse(output.runTraceSpanOutputByID.data)).not.toThrow();
  });
});

describe("the client of inngest's Go tests", () => {
  it("the trace of a run: steps by their names, what they are, and the end", async () => {
    const { run_id } = await ended(await send(event("local/sleep", { ms: 1 })));
    const { run } = await ask(TRACE, { runID: run_id });
    expect(run).toMatchObject({ status: "COMPLETED", isBatch: false, batchCreatedAt: null, cronSchedule: null });
    expect(run.traceID).toMatch(/^[0-9a-f]{32}$/);
    const { trace } = run;
    expect(trace).toMatchObject({ name: "Run", isRoot: true, parentSpanID: null, status: "COMPLETED", runID: run_id });
    expect(trace.duration).toBeGreaterThanOrEqual(0);
    expect(trace.childrenSpans.map((span: any) => [span.name, span.stepOp, span.stepType, span.attempts])).toEqual([
      ["before", "RUN", "step.run", 1],
      ["nap", "SLEEP", "step.sleep", 1],
      ["after", "RUN", "step.run", 1],
      ["Finalization", null, "FINALIZATION", 1],
    ]);
    for (const span of trace.childrenSpans)
      expect(span).toMatchObject({ isRoot: false, parentSpanID: trace.spanID, status: "COMPLETED", childrenSpans: [] });
    expect(trace.childrenSpans[1].stepInfo).toEqual({
      __typename: "SleepStepInfo",
      sleepUntil: expect.stringMatching(/Z$/),
    });
  });

  it("a step that was tried again has its attempts below it", async () => {
    const { run_id } = await ended(await send(event("local/flaky", { fails: 1 })));
    const { trace } = (await ask(TRACE, { runID: run_id })).run;
    const retried = trace.childrenSpans.find((span: any) => span.childrenSpans.length > 0);
    expect(retried).toBeDefined();
    const attempts = retried.childrenSpans;
    expect(attempts.map(({ name }: any) => name)).toEqual(attempts.map((_: any, i: number) => `Attempt ${i}`));
    expect(attempts[0].status).toBe("FAILED");
    const { runTraceSpanOutputByID: first } = await ask(SPAN_OUTPUT, { traceID: attempts[0].outputID });
    expect(first).toMatchObject({ data: null, error: { message: expect.any(String) } });
    expect(new Set(attempts.map(({ spanID }: any) => spanID)).size).toBe(attempts.length);
  });

  it("runs by time and status, page by page, and how many there are", async () => {
    const startTime = new Date(Date.now() - 1).toISOString();
    const ids = await sendAll([1, 2, 3].map((n) => event("local/no-steps", { n })));
    const runs = new Set((await Promise.all(ids.map((id) => ended(id)))).map(({ run_id }) => run_id));
    const query = (cursor: string) => `
      query GetFunctionRunsV2($startTime: Time!, $endTime: Time!, $timeField: RunsV2OrderByField = QUEUED_AT,
        $status: [FunctionRunStatus!], $first: Int = 40) {
        runs(first: $first, after: ${cursor},
          filter: { from: $startTime, until: $endTime, status: $status, timeField: $timeField },
          orderBy: [ { field: QUEUED_AT, direction: DESC } ]) {
          edges { cursor node { id status traceID startedAt queuedAt endedAt } }
          pageInfo { startCursor endCursor hasNextPage }
          totalCount
        }
      }`;
    const variables = {
      startTime,
      endTime: new Date(Date.now() + 60_000).toISOString(),
      status: ["COMPLETED"],
      first: 2,
    };
    const first = await until(async () => {
      const { runs: page } = await ask(query("null"), variables);
      return page.totalCount >= 3 && page;
    }, "three indexed runs");
    expect(first.edges).toHaveLength(2);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const seen: string[] = first.edges.map((edge: any) => edge.node.id);
    for (let cursor = first.pageInfo.endCursor; cursor;) {
      const { runs: page } = await ask(query(JSON.stringify(cursor)), variables);
      seen.push(...page.edges.map((edge: any) => edge.node.id));
      cursor = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    }
    expect(new Set(seen).size).toBe(seen.length);
    for (const run of runs) expect(seen).toContain(run);
    expect((await ask(query("null"), { ...variables, status: ["FAILED"] })).runs).toMatchObject({
      edges: [],
      totalCount: 0,
    });
  });

  it("events by name, time and expression, with their runs", async () => {
    const from = new Date(Date.now() - 1).toISOString();
    const name = `gql/${crypto.randomUUID()}`;
    const ids = await sendAll([1, 2, 3].map((n) => ({ name, data: { n } })));
    const query = `query GetEventsV2($pageSize: Int!, $cursor: String, $startTime: Time!, $endTime: Time, $celQuery: String = null, $eventNames: [String!] = null, $includeInternalEvents: Boolean = true){
      eventsV2(first: $pageSize after: $cursor filter: {from: $startTime, until: $endTime, query: $celQuery, eventNames: $eventNames, includeInternalEvents: $includeInternalEvents}) {
        edges { node { name id occurredAt receivedAt raw runs { status id startedAt endedAt function { name slug } } } }
        totalCount pageInfo { hasNextPage endCursor hasPreviousPage startCursor }
      }
    }`;
    const variables = { pageSize: 2, startTime: from, eventNames: [name] };
    const { eventsV2: page } = await ask(query, variables);
    expect(page).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true, hasPreviousPage: false } });
    expect(page.edges.map(({ node }: any) => node.id)).toEqual([ids[2], ids[1]]);
    const { eventsV2: rest } = await ask(query, { ...variables, cursor: page.pageInfo.endCursor });
    expect(rest.edges.map(({ node }: any) => node.id)).toEqual([ids[0]]);
    const { eventsV2: some } = await ask(query, { ...variables, celQuery: "event.data.n == 2" });
    expect(some.edges.map(({ node }: any) => node.id)).toEqual([ids[1]]);
    expect((await refusal(query, { ...variables, celQuery: "event.data ==" })).message).toContain("filter.query");
  });

  it("functions and apps", async () => {
    const { functions } = await ask(
      "{ functions { id name slug triggers { type value } app { id externalID name } } }",
    );
    expect(functions).toContainEqual({
      id: uuidOf("local-no-steps"),
      name: "no-steps",
      slug: "local-no-steps",
      triggers: [{ type: "EVENT", value: "local/no-steps" }],
      app: { id: uuidOf("local"), externalID: "local", name: "local" },
    });
    const { apps } = await ask("{ apps { externalID functionCount method connected } }");
    expect(apps).toContainEqual({
      externalID: "local",
      functionCount: functions.filter(({ app }: any) => app.externalID === "local").length,
      method: "SERVE",
      connected: true,
    });
  });

  it("functionRun has status and output", async () => {
    const { run_id } = await ended(await send(event("local/no-steps", { n: 9 })));
    const query = "query GetRun($runID: ID!) { functionRun(query: { functionRunId: $runID }) { output status } }";
    expect(await ask(query, { runID: run_id })).toEqual({ functionRun: { output: '{"got":9}', status: "COMPLETED" } });
  });

  it("the trigger of a batch is all of its events", async () => {
    const key = crypto.randomUUID();
    const ids = await sendAll([1, 2, 3].map((n) => ({ name: "collect/batch", data: { n, key } })));
    const { run_id } = await ended(ids[0]!);
    const { runTrigger } = await ask(
      "query GetTraceRunTrigger($runID: String!) { runTrigger(runID: $runID) { eventName IDs timestamp payloads isBatch batchID cron } }",
      { runID: run_id },
    );
    expect(runTrigger).toMatchObject({ eventName: "collect/batch", isBatch: true, cron: null });
    expect(runTrigger.IDs.toSorted()).toEqual(ids.toSorted());
    expect(runTrigger.payloads).toHaveLength(3);
  });

  it("no worker has dialled in, and asking makes no gateway", async () => {
    const before = await objectIds();
    const { workerConnections } = await ask(
      `{ workerConnections(first: 10, filter: { timeField: CONNECTED_AT }, orderBy: [{ field: CONNECTED_AT, direction: DESC }]) {
          edges { node { id status appName } } pageInfo { hasNextPage } totalCount } }`,
    );
    expect(workerConnections).toEqual({ edges: [], pageInfo: { hasNextPage: false }, totalCount: 0 });
    expect(await objectIds()).toEqual(before);
  });
});

describe("mutations", () => {
  it("invokeFunction starts a function", async () => {
    const n = Math.floor(Math.random() * 1e9);
    expect(
      await ask('mutation ($data: Map) { invokeFunction(functionSlug: "local-no-steps", data: $data) }', {
        data: { n },
      }),
    ).toEqual({ invokeFunction: true });
    const isThere = async () =>
      (await json("/v1/events?name=inngest/function.invoked&limit=50")).body.data.some((one: any) => one.data.n === n);
    expect(await until(isThere, "the event")).toBe(true);
    expect((await refusal('mutation { invokeFunction(functionSlug: "local-nothing") }')).message).toContain(
      "not registered",
    );
  });

  it("cancelRun cancels, and says so of one that has ended", async () => {
    const { run_id } = await started(await send(event("local/sleep", { ms: 3_600_000 })));
    const mutation = "mutation ($id: ULID!) { cancelRun(runID: $id) { id status } }";
    expect(await ask(mutation, { id: run_id })).toEqual({ cancelRun: { id: run_id, status: "CANCELLED" } });
    expect((await refusal(mutation, { id: run_id })).message).toContain("already ended");
  });

  it("rerun starts the function again with the same events; from a step that the run has not it does not", async () => {
    const id = await send(event("local/no-steps", { n: 4 }));
    const { run_id } = await ended(id);
    const mutation = "mutation ($id: ULID!) { rerun(runID: $id) }";
    const { rerun } = await ask(mutation, { id: run_id });
    expect(rerun).not.toBe(run_id);
    const again = await until(async () => {
      const run = (await json(`/v1/runs/${rerun}`)).body.data;
      return run?.ended_at && run;
    }, "the end of the new run");
    expect(again).toMatchObject({ run_id: rerun, status: "Completed", output: { got: 4 }, event_id: id });
    const runs = async () => (await json(`/v1/events/${id}/runs`)).body.data.map((run: any) => run.run_id);
    expect(await until(async () => (await runs()).includes(rerun), "the new run beside the old")).toBe(true);
    const fromStep = 'mutation ($id: ULID!) { rerun(runID: $id, fromStep: { stepID: "x" }) }';
    expect((await refusal(fromStep, { id: run_id })).message).toContain('has no step "x"');
  });
});

describe("bounds and bad input", () => {
  const nested = (depth: number) => `{ functions { ${"app { functions { ".repeat(depth)} id ${"} }".repeat(depth)} } }`;

  it.each([
    ["what is no GraphQL", "{ functions {", 422],
    ["an unknown field", "{ functions { nothing } }", 422],
    ["a missing argument", "{ run { id } }", 422],
    ["what is too deep", nested(10), 422],
    [
      "fragments that multiply",
      `{ ...a } ${Array.from({ length: 20 }, (_, i) => `fragment ${String.fromCharCode(97 + i)} on Query { ...${String.fromCharCode(98 + i)} ...${String.fromCharCode(98 + i)} }`).join(" ")} fragment u on Query { functions { id } }`,
      422,
    ],
    ["too many fields", `{ ${Array.from({ length: 1001 }, (_, i) => `a${i}: functions { id }`).join(" ")} }`, 422],
    ["too long a page", '{ eventsV2(first: 100000, filter: { from: "2026-01-01T00:00:00Z" }) { totalCount } }', 200],
    ["an id that is none", '{ run(runID: "x") { id } }', 200],
    ["an output that is none", '{ runTraceSpanOutputByID(outputID: "x") { data } }', 200],
    ["a time that is none", '{ eventsV2(filter: { from: "soon" }) { totalCount } }', 200],
  ])("%s is an error", async (_what, query, status) => {
    expect((await refusal(query)).status).toBe(status);
  });

  it("what would ask too many objects is stopped", async () => {
    const runs = Array.from(
      { length: 120 },
      (_, i) =>
        `r${i}: run(runID: "01ARZ3NDEKTSV4RRFFQ69G5F${(10 + i)
          .toString(32)
          .toUpperCase()
          .replace(/[ILOU]/g, "Z")
          .padStart(2, "A")}") { id }`,
    );
    expect((await refusal(`{ ${runs.join(" ")} }`)).message).toContain("lookups");
  });

  it.each([
    ["", 400],
    ["[]", 400],
    ['{"query":""}', 400],
    ['{"query":1}', 400],
  ])("the body %j is 400", async (body, status) => {
    const answer = await request("/v0/gql", { method: "POST", body });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: expect.stringContaining("query") });
  });
});

describe("spans that an app has recorded", () => {
  const span = (spanId: string, name: string, parentSpanId: string, attributes: Record<string, string>) => ({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId,
    parentSpanId,
    name,
    kind: 3,
    startTimeUnixNano: "1767225600000000000",
    endTimeUnixNano: "1767225600250000000",
    attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
    status: { code: 2, message: "boom" },
  });

  it("stand below their step, their own parent or the run; the SDK's wrapper is left out, and a circle too", async () => {
    const { run_id, steps } = await ended(await send(event("local/sleep", { ms: 1 })));
    const step = steps.find(({ id }) => id === "before")!.hash;
    const run = { "sdk.run.id": run_id };
    const spans = [
      span("00000000000000a1", "inngest.execution", "00000000000000ff", { ...run, "inngest.step.hash": step }),
      span("00000000000000a2", "GET /users", "00000000000000a1", run),
      span("00000000000000a3", "dns", "00000000000000a2", run),
      span("00000000000000a4", "beside", "", run),
      span("00000000000000a5", "circle", "00000000000000a6", run),
      span("00000000000000a6", "circle", "00000000000000a5", run),
    ];
    const sent = await post("/v1/traces/userland", {
      resourceSpans: [{ scopeSpans: [{ scope: { name: "http" }, spans }] }],
    });
    expect(sent.status).toBe(200);
    const query = `query ($id: String!) { run(runID: $id) { trace { childrenSpans { name isUserland
      childrenSpans { name isUserland status duration userlandSpan { spanKind scopeName spanAttrs } childrenSpans { name } } } } } }`;
    const { trace } = (await ask(query, { id: run_id })).run;
    expect(trace.childrenSpans.map(({ name, isUserland }: any) => [name, isUserland])).toEqual([
      ["before", false],
      ["nap", false],
      ["after", false],
      ["Finalization", false],
      ["beside", true],
    ]);
    const [below] = trace.childrenSpans[0].childrenSpans;
    expect(below).toMatchObject({
      name: "GET /users",
      isUserland: true,
      status: "FAILED",
      duration: 250,
      userlandSpan: { spanKind: "CLIENT", scopeName: "http", spanAttrs: JSON.stringify(run) },
      childrenSpans: [{ name: "dns" }],
    });
    const v2 = (await json(`/v2/runs/${run_id}/trace`)).body.data.rootSpan;
    expect(v2.children.at(-1)).toMatchObject({ name: "beside" });
  });
});
