import { gatewayReply } from "../engine/run-gateways.ts";
import type { Reply } from "../engine/run-machine.ts";
import { retryAfterAt } from "../engine/retry.ts";
import type { Entry } from "../engine/run.ts";
import { type GatewayRequest, gatewayErrorNames, gatewayOutcome, type GatewayResult } from "../protocol/gateway.ts";
import { byteLength, type JsonValue } from "../protocol/json.ts";
import { REALTIME_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { Host } from "./host.ts";
import { publishData } from "./publish-data.ts";
import type { RunRecord } from "./run-record.ts";
import type { HttpTransport } from "./transport.ts";

/** What requests of steps are made with. */
export interface GatewayParts {
  host: Host;
  record: RunRecord;
  transport(): HttpTransport;
}

/** Makes the request of a step, and answers as if its app had. Whatever goes wrong counts as an attempt of the step. */
export async function performGateway(entry: Entry, request: GatewayRequest, parts: GatewayParts): Promise<Reply> {
  const { host, record, transport } = parts;
  const version = record.current().http?.version ?? -1;
  let result: GatewayResult;
  try {
    result = await transport().gateway(request, record.current().id);
  } catch (error) {
    host.report(`run ${host.name}: the request of step "${entry.userId}" failed inside the platform`, error);
    const message = error instanceof Error ? error.message : String(error);
    const failure = { name: gatewayErrorNames[request.op], code: "platform", message };
    return gatewayReply(entry, { kind: "error", error: failure, final: false }, version);
  }
  const outcome = gatewayOutcome(request, result);
  if (outcome.kind === "data" && result.kind === "answered" && request.publish)
    await tell(request.publish, request.op === "Gateway" ? result.body : outcome.data, entry, parts);
  const retryAfter = outcome.kind === "error" ? outcome.retryAfter : undefined;
  return gatewayReply(entry, outcome, version, retryAfterAt(retryAfter, host.now()));
}

/** Tells subscribers what was answered. That nobody could be told is no failure of the step. */
async function tell(
  { channel, topic }: NonNullable<GatewayRequest["publish"]>,
  data: JsonValue,
  { userId }: Entry,
  { host, record }: GatewayParts,
): Promise<void> {
  const { id, env } = record.current();
  const json = JSON.stringify(data);
  try {
    if (byteLength(json) > REALTIME_MESSAGE_MAX_BYTES)
      throw new RangeError(`the answer is over the bound of ${REALTIME_MESSAGE_MAX_BYTES} bytes of a message`);
    await publishData(host.objects, env, { channel, topics: [topic], json, runId: id }, host.now());
  } catch (error) {
    host.report(`run ${id}: the answer to step "${userId}" was not published on "${channel}"`, error);
  }
}
