import {
  decodeSignature,
  hashOf,
  isSigned,
  mismatch,
  missing,
  requiredHeader,
  utf8,
  type Algorithm,
  type Encoding,
} from "./signature.ts";
import { secretsOf, type Secret, type Verifier } from "./verifier.ts";

export interface HmacOptions {
  /** header that carries the signature of the body: "x-shopify-hmac-sha256" */
  header: string;
  secret: Secret;
  /** Default "sha256" */
  algorithm?: Algorithm;
  /** how the signature is written. Default "hex" */
  encoding?: Encoding;
  /** what stands before the signature in its header, such as "sha256=" */
  prefix?: string;
  /**
   * Header that names a delivery. It is not signed: whoever has a signed body can send it again under another id. Default:
   * a delivery is named by the hash of its body, so the same body starts nothing twice within 24 hours.
   */
  idHeader?: string;
}

const ALGORITHMS: readonly Algorithm[] = ["sha1", "sha256", "sha384", "sha512"];
const ENCODINGS: readonly Encoding[] = ["hex", "base64", "base64url"];

/**
 * Deliveries of a provider that sends the HMAC of the body in a header, and no time beside it: Shopify, Linear, Dropbox,
 * and many more.
 *
 * @throws TypeError naming the option, when one cannot be used
 * @example
 * verify: hmac({ header: "x-shopify-hmac-sha256", encoding: "base64", secret: (variable) => variable("SHOPIFY_SECRET") })
 */
export function hmac(options: HmacOptions): Verifier {
  const { header, algorithm = "sha256", encoding = "hex", prefix = "", idHeader } = options;
  if (typeof header !== "string" || header === "") throw new TypeError("hmac: header: must be the name of a header");
  if (!ALGORITHMS.includes(algorithm))
    throw new TypeError(`hmac: algorithm: ${JSON.stringify(algorithm)} is none of ${ALGORITHMS.join(", ")}`);
  if (!ENCODINGS.includes(encoding))
    throw new TypeError(`hmac: encoding: ${JSON.stringify(encoding)} is none of ${ENCODINGS.join(", ")}`);
  return async (delivery) => {
    const keys = secretsOf(options.secret, delivery, "hmac").map(utf8);
    const given = requiredHeader(delivery, header);
    if (given === undefined) return missing(header);
    const signature = decodeSignature(given, encoding, prefix);
    if (signature === undefined || !(await isSigned(keys, [signature], delivery.bytes, algorithm)))
      return mismatch(header);
    if (idHeader === undefined) return { kind: "genuine", deliveryId: await hashOf(delivery.bytes) };
    const deliveryId = requiredHeader(delivery, idHeader);
    return deliveryId === undefined ? missing(idHeader) : { kind: "genuine", deliveryId };
  };
}
