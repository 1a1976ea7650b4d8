import { decodeSignature, hashOf, isSigned, mismatch, missing, requiredHeader, utf8 } from "./signature.ts";
import { secretsOf, type Secret, type Verifier } from "./verifier.ts";

export interface GitHubOptions {
  /** `GITHUB_WEBHOOK_SECRET` */
  secret?: Secret;
}

const HEADER = "x-hub-signature-256";

/**
 * Deliveries of GitHub (docs.github.com, "Validating webhook deliveries"). GitHub signs the body alone: neither a time
 * nor `X-GitHub-Delivery`, which whoever has a signed body could make up. So a delivery is named by the hash of its body,
 * which a redelivery keeps, and the same body starts nothing twice within 24 hours.
 *
 * @example
 * verify: github() // with GITHUB_WEBHOOK_SECRET set
 */
export function github(options: GitHubOptions = {}): Verifier {
  return async (delivery) => {
    const keys = secretsOf(options.secret, delivery, "github", "GITHUB_WEBHOOK_SECRET").map(utf8);
    const header = requiredHeader(delivery, HEADER);
    if (header === undefined) return missing(HEADER);
    const signature = decodeSignature(header, "hex", "sha256=");
    if (signature === undefined || !(await isSigned(keys, [signature], delivery.bytes))) return mismatch(HEADER);
    return { kind: "genuine", deliveryId: await hashOf(delivery.bytes) };
  };
}
