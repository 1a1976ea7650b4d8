import {
  decodeSignature,
  isSigned,
  mismatch,
  missing,
  prefixed,
  requiredHeader,
  staleness,
  toleranceOf,
} from "./signature.ts";
import { secretsOf, type Secret, type Verifier } from "./verifier.ts";

export interface StandardWebhooksOptions {
  /** base64, with or without `whsec_` before it */
  secret: Secret;
  /** how old a delivery may be: milliseconds or a duration. Default 5 minutes */
  tolerance?: number | string;
}

const HEADER = "webhook-signature";

/**
 * Deliveries as the Standard Webhooks specification has them (standardwebhooks.com: Svix, OpenAI, Clerk, Resend,
 * Supabase and others): `webhook-id`, `webhook-timestamp` and `webhook-signature`, or the same headers with `svix-`.
 *
 * @throws TypeError when the tolerance cannot be read
 * @example
 * verify: standardWebhooks({ secret: (variable) => variable("CLERK_WEBHOOK_SECRET") })
 */
export function standardWebhooks(options: StandardWebhooksOptions): Verifier {
  const toleranceMs = toleranceOf(options.tolerance, "standardWebhooks");
  return async (delivery) => {
    const keys = secretsOf(options.secret, delivery, "standardWebhooks").map(keyOf);
    const read = (name: string) =>
      requiredHeader(delivery, `webhook-${name}`) ?? requiredHeader(delivery, `svix-${name}`);
    const id = read("id");
    const timestamp = read("timestamp");
    const header = read("signature");
    if (id === undefined) return missing("webhook-id");
    if (timestamp === undefined) return missing("webhook-timestamp");
    if (header === undefined) return missing(HEADER);
    const signatures = header.split(" ").flatMap((part) => {
      const [version, text = ""] = part.split(",");
      return (version === "v1" && decodeSignature(text, "base64")) || []; // v1a is asymmetric
    });
    if (!(await isSigned(keys, signatures, prefixed(`${id}.${timestamp}.`, delivery.bytes)))) return mismatch(HEADER);
    const why = staleness(timestamp, toleranceMs, delivery.now);
    return why === undefined ? { kind: "genuine", deliveryId: id } : { kind: "refused", why };
  };
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = decodeSignature(secret.replace(/^whsec_/, ""), "base64");
  if (key === undefined || key.length === 0)
    throw new TypeError("standardWebhooks: secret: is not base64, with or without whsec_ before it"); // not repeated
  return key;
}
