import { gatewayReply } from "../engine/run-gateways.ts";
import type { Reply } from "../engine/run-machine.ts";
import { retryAfterAt } from "../engine/retry.ts";
import type { Entry } from "../engine/run.ts";
import { type GatewayRequest, gatewayErrorNames, gatewayOutcome, type GatewayResult } from "../protocol/gateway.ts";
import type { Host } from "./host.ts";
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
  const retryAfter = outcome.kind === "error" ? outcome.retryAfter : undefined;
  return gatewayReply(entry, outcome, version, retryAfterAt(retryAfter, host.now()));
}
