import {
  decodeSignature,
  hashOf,
  isSigned,
  jsonObject,
  mismatch,
  missing,
  prefixed,
  requiredHeader,
  staleness,
  toleranceOf,
  utf8,
} from "./signature.ts";
import { secretsOf, type Secret, type Verifier } from "./verifier.ts";

export interface SlackOptions {
  /** `SLACK_SIGNING_SECRET`: of the Slack app, not its verification token */
  signingSecret?: Secret;
  /** how old a delivery may be: milliseconds or a duration. Default 5 minutes */
  tolerance?: number | string;
}

const HEADER = "x-slack-signature";
const TIMESTAMP = "x-slack-request-timestamp";

/**
 * Deliveries of Slack: events, interactions and commands (docs.slack.dev, "Verifying requests from Slack"). Answers
 * `url_verification` itself. A delivery is named by its `event_id`; one without by its time and body.
 *
 * @throws TypeError when the tolerance cannot be read
 * @example
 * verify: slack() // with SLACK_SIGNING_SECRET set
 */
export function slack(options: SlackOptions = {}): Verifier {
  const toleranceMs = toleranceOf(options.tolerance, "slack");
  return async (delivery) => {
    const keys = secretsOf(options.signingSecret, delivery, "slack", "SLACK_SIGNING_SECRET").map(utf8);
    const timestamp = requiredHeader(delivery, TIMESTAMP);
    const header = requiredHeader(delivery, HEADER);
    if (timestamp === undefined) return missing(TIMESTAMP);
    if (header === undefined) return missing(HEADER);
    const signature = decodeSignature(header, "hex", "v0=");
    const signed = prefixed(`v0:${timestamp}:`, delivery.bytes);
    if (signature === undefined || !(await isSigned(keys, [signature], signed))) return mismatch(HEADER);
    const why = staleness(timestamp, toleranceMs, delivery.now);
    if (why !== undefined) return { kind: "refused", why };
    const { type, challenge, event_id: eventId } = jsonObject(delivery.bytes);
    if (type === "url_verification" && typeof challenge === "string")
      return { kind: "answered", response: new Response(challenge, { headers: { "content-type": "text/plain" } }) };
    const isNamed = typeof eventId === "string" && eventId !== "";
    return { kind: "genuine", deliveryId: isNamed ? eventId : await hashOf(signed) };
  };
}
