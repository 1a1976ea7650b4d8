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

export interface StripeOptions {
  /** `STRIPE_WEBHOOK_SECRET`: the signing secret of the endpoint, `whsec_…` */
  secret?: Secret;
  /** how old a delivery may be: milliseconds or a duration. Default 5 minutes */
  tolerance?: number | string;
}

const HEADER = "stripe-signature";

/**
 * Deliveries of Stripe (docs.stripe.com/webhooks/signature). A delivery is named by its event's id, which Stripe keeps
 * when it repeats one.
 *
 * @throws TypeError when the tolerance cannot be read
 * @example
 * verify: stripe() // with STRIPE_WEBHOOK_SECRET set
 */
export function stripe(options: StripeOptions = {}): Verifier {
  const toleranceMs = toleranceOf(options.tolerance, "stripe");
  return async (delivery) => {
    const keys = secretsOf(options.secret, delivery, "stripe", "STRIPE_WEBHOOK_SECRET").map(utf8); // with its whsec_
    const header = requiredHeader(delivery, HEADER);
    if (header === undefined) return missing(HEADER);
    const fields = header.split(",").map((field) => field.trim().split("=", 2));
    const timestamp = fields.find(([name]) => name === "t")?.[1] ?? "";
    const signatures = fields.flatMap(
      ([name, text = ""]) => (name === "v1" && decodeSignature(text, "hex")) || [], // v0 is of test mode, and fake
    );
    if (!(await isSigned(keys, signatures, prefixed(`${timestamp}.`, delivery.bytes)))) return mismatch(HEADER);
    const why = staleness(timestamp, toleranceMs, delivery.now);
    if (why !== undefined) return { kind: "refused", why };
    const { id } = jsonObject(delivery.bytes);
    return { kind: "genuine", deliveryId: typeof id === "string" && id !== "" ? id : await hashOf(delivery.bytes) };
  };
}
