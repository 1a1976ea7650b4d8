/** Metadata, scores and spans in workerd, where runs are stored in SQLite and gzip is the runtime's own. */
import { describe, expect, it } from "vitest";
import { ExportTraceServiceRequest } from "../../src/protocol/otlp/otlp.ts";
import { ended, json, post, request, send } from "./helpers/front-door.ts";

async function run() {
  return ended(await send({ name: "local/loop", data: { key: crypto.randomUUID(), n: 2 } }));
}

async function gzip(bytes: Uint8Array): Promise<ArrayBuffer> {
  const body = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(body).arrayBuffer();
}

describe("what people are told of a run", () => {
  it("[§9.8] metadata and scores are stored with a run that has ended", async () => {
    const { run_id: id } = await run();
    const metadata = [{ kind: "userland.k", values: { text: "é".repeat(10_000) } }];
    expect((await post(`/v1/runs/${id}/metadata`, { metadata })).status).toBe(200);
    expect((await post(`/v2/runs/${id}/scores`, [{ name: "helpful", value: 1, stepId: "s" }])).status).toBe(200);
    const { body } = await json(`/v1/runs/${id}`);
    expect(body.data).toMatchObject({
      metadata: [{ kind: "userland.k", values: metadata[0]!.values }],
      steps: [{ id: "s", metadata: [{ kind: "inngest.score", values: { helpful: { value: 1 } } }] }, { metadata: [] }],
    });
  });

  it("[§9.9] packed spans in protobuf are stored with theirs", async () => {
    const { run_id: id } = await run();
    const span = (n: number, runId: string) => ({
      traceId: new Uint8Array(16).fill(7),
      spanId: new Uint8Array(8).fill(n),
      parentSpanId: new Uint8Array(0),
      name: `span ${n}`,
      kind: 1,
      startTimeUnixNano: `170000000000000000${n}`,
      endTimeUnixNano: "1700000000000000900",
      attributes: [{ key: "sdk.run.id", value: { stringValue: runId } }],
      events: [],
      status: undefined,
    });
    const spans = [span(2, id), span(1, id), span(3, "01JZZZZZZZZZZZZZZZZZZZZZZZ")];
    const message = { resourceSpans: [{ scopeSpans: [{ scope: undefined, spans }] }] };
    const response = await request("/v1/traces/userland", {
      method: "POST",
      headers: { "content-type": "application/x-protobuf", "content-encoding": "gzip" },
      body: await gzip(ExportTraceServiceRequest.encode(message).finish()),
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-protobuf"]);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0); // one was rejected
    const { body } = await json(`/v1/runs/${id}/trace`);
    expect(body.data).toMatchObject({
      spans: [
        { name: "span 1", parent_span_id: null },
        { name: "span 2", start_time_unix_nano: "1700000000000000002" },
      ],
      refused_spans: 0,
    });
  });
});
