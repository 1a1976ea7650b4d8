import { headers } from "../protocol/headers.ts";
import { verify } from "../protocol/signature.ts";
import { signingKeys } from "../sdk/api.ts";
import type { Inngest } from "../sdk/client.ts";
import { failure, type Answer } from "./respond.ts";

/** Who sent a request: a holder of the signing key, anybody (which development allows), or someone to turn away. */
export type Caller = { kind: "signed"; key: string } | { kind: "anyone" } | { kind: "refused"; answer: Answer };

/** Checks a request's signature; needed in cloud mode only (inngest-protocol §5). */
export async function authenticate(client: Inngest, request: Request, body: string): Promise<Caller> {
  if (client.mode === "dev") return { kind: "anyone" };
  const keys = signingKeys(client);
  if (keys.length === 0) return { kind: "refused", answer: missingSigningKey() };
  const header = request.headers.get(headers.signature);
  for (const key of keys) if (await verify(header, [key], body, Date.now())) return { kind: "signed", key };
  const why =
    header === null
      ? "the request is not signed"
      : "its signature is not of this body and key, or is older than 5 minutes";
  return {
    kind: "refused",
    answer: { status: 401, body: { code: "sig_verification_failed", message: `Unauthorized: ${why}` } },
  };
}

export function missingSigningKey(): Answer {
  return failure(
    500,
    "missing_signing_key",
    "No signing key: set INNGEST_SIGNING_KEY or the client's signingKey; for development set INNGEST_DEV=1 instead",
  );
}
