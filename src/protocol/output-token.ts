import { sign, verify } from "hono/jwt";
import * as z from "zod";
import { sha256, toHex } from "./signing-key.ts";

/** Whose output a token shows: it is for the caller of one endpoint, who has no other key (G11). */
export interface OutputGrant {
  env: string;
  runId: string;
}

const ISSUER = "api.inngest.com"; // inngest-protocol §5
const ALGORITHM = "HS256";
const LIFETIME_S = 60 * 60;

const claimsSchema = z.object({ env: z.string(), runId: z.string(), exp: z.number() });

/** @param signingKey the current one */
export async function outputToken(grant: OutputGrant, signingKey: string, nowMs: number): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  const claims = { iss: ISSUER, iat: issuedAt, exp: issuedAt + LIFETIME_S, ...grant };
  return sign(claims, await secretOf(signingKey), ALGORITHM);
}

/** Undefined for a token that is forged, over, of another issuer or of other keys. */
export async function readOutputToken(token: string, signingKeys: readonly string[]): Promise<OutputGrant | undefined> {
  for (const key of signingKeys)
    try {
      const { env, runId } = claimsSchema.parse(
        await verify(token, await secretOf(key), { alg: ALGORITHM, iss: ISSUER }),
      );
      return { env, runId };
    } catch {
      // of another key, perhaps
    }
  return undefined;
}

/** A secret of its own, so that no other token of the same signing key is one. */
async function secretOf(signingKey: string): Promise<string> {
  return toHex(await sha256(new TextEncoder().encode(`${ISSUER} ${signingKey}`)));
}
