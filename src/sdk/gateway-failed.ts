import type { GatewayOutcome } from "../protocol/gateway.ts";

/** Ends the attempt of a step whose request failed, in the form in which a platform elsewhere would have stored it. */
export class GatewayFailed extends Error {
  readonly outcome: Extract<GatewayOutcome, { kind: "error" }>;

  constructor(outcome: Extract<GatewayOutcome, { kind: "error" }>) {
    super(outcome.error.message);
    this.name = outcome.error.name;
    this.outcome = outcome;
  }
}
