import { sign, verify } from "hono/jwt";
import * as z from "zod";
import { REALTIME_TOKEN_MS } from "./limits.ts";
import type { ChannelTopics } from "./realtime.ts";
import { sha256, toHex } from "./signing-key.ts";

/** Who may get what: a token of one environment never names another's channels (G11). */
export interface RealtimeGrant {
  env: string;
  topics: ChannelTopics[];
}

const ISSUER = "rt.inngest.com"; // inngest-protocol §5
const ALGORITHM = "HS256";

const claimsSchema = z.object({
  env: z.string(),
  topics: z.array(z.object({ channel: z.string(), topics: z.array(z.string()) })).min(1),
  exp: z.number(),
});

/** Signing keys of dev mode, which has none of its own. */
export const DEV_REALTIME_KEYS: readonly string[] = ["dev"];

/** @param signingKey the current one */
export async function realtimeToken(grant: RealtimeGrant, signingKey: string, nowMs: number): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  const claims = {
    iss: ISSUER,
    iat: issuedAt,
    exp: issuedAt + REALTIME_TOKEN_MS / 1000,
    jti: crypto.randomUUID(),
    ...grant,
  };
  return sign(claims, await secretOf(signingKey), ALGORITHM);
}

/** Undefined for a token that is forged, over, of another issuer or of other keys. */
export async function readRealtimeToken(
  token: string,
  signingKeys: readonly string[],
): Promise<RealtimeGrant | undefined> {
  for (const key of signingKeys)
    try {
      // whoever made it may have a clock that is ahead, so `iat` may be later than now
      const options = { alg: ALGORITHM, iss: ISSUER, iat: false } as const;
      const claims = claimsSchema.parse(await verify(token, await secretOf(key), options));
      return { env: claims.env, topics: claims.topics };
    } catch {
      // of another key, perhaps
    }
  return undefined;
}

/** A secret of its own, so that no other token of the same signing key is one. */
async function secretOf(signingKey: string): Promise<string> {
  return toHex(await sha256(new TextEncoder().encode(`${ISSUER} ${signingKey}`)));
}
