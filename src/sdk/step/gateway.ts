import { exchange } from "../../protocol/gateway-exchange.ts";
import { gatewayOutcome, readGateway, shownGateway, type GatewayOp } from "../../protocol/gateway.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { CALL_TIMEOUT_MS } from "../../protocol/limits.ts";
import { GatewayFailed } from "../gateway-failed.ts";

/** What requests are made with. */
export type StepFetcher = (url: string, init: RequestInit) => Promise<Response>;

/** The request of a step: left to a platform elsewhere, or made by the step's own code in a platform's Worker. */
export interface StepGateway {
  /** what the wire carries of it, keys included */
  opts: Record<string, JsonValue>;
  /** Makes it here. */
  make: () => Promise<JsonValue>;
  /** what people may see of it */
  shown: JsonValue;
}

/**
 * @param what names the step in messages
 * @throws TypeError naming the option that cannot be used
 */
export function stepGateway(
  op: GatewayOp,
  opts: Record<string, JsonValue>,
  fetch: StepFetcher,
  what: string,
): StepGateway {
  const request = readGateway(op, opts, what);
  const make = async (): Promise<JsonValue> => {
    const result = await exchange(request, { fetch, isAllowed: () => true, timeoutMs: CALL_TIMEOUT_MS });
    const outcome = gatewayOutcome(request, result);
    if (outcome.kind === "error") throw new GatewayFailed(outcome);
    return outcome.data;
  };
  return { opts, make, shown: shownGateway(request) };
}
