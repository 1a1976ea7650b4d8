import { readText } from "../protocol/body.ts";
import { callBodySchema, type CallBody } from "../protocol/call.ts";
import { CALL_BODY_LARGEST_BYTES, SYNC_TIMEOUT_MS } from "../protocol/limits.ts";
import type { Inngest } from "../sdk/client.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { callApi } from "../sdk/api.ts";

const { events: eventsSchema, steps: stepsSchema } = callBodySchema.shape;

/** A call with its events and memoized steps, fetched when the server found them too large to send (inngest-protocol §3.1). */
export async function withRunState(client: Inngest, call: CallBody, host?: RunHost): Promise<CallBody> {
  if (!call.ctx.use_api) return call;
  if (host?.state) return { ...call, ...(await host.state(call.ctx.run_id)) };
  const run = `v0/runs/${encodeURIComponent(call.ctx.run_id)}`;
  const [events, steps] = await Promise.all([getJson(client, `${run}/batch`), getJson(client, `${run}/actions`)]);
  return { ...call, events: eventsSchema.parse(events), steps: stepsSchema.parse(steps) };
}

async function getJson(client: Inngest, path: string): Promise<unknown> {
  const response = await callApi(client, path, { timeoutMs: SYNC_TIMEOUT_MS });
  if (!response.ok) throw new Error(`the run's state cannot be fetched: ${path} answered ${response.status}`);
  const text = await readText(response, CALL_BODY_LARGEST_BYTES);
  if (text === undefined) throw new Error(`the run's state is larger than ${CALL_BODY_LARGEST_BYTES} bytes`);
  return JSON.parse(text);
}
