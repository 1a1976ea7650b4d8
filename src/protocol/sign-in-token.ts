import { sign, verify } from "hono/jwt";
import * as z from "zod";

/** `writer` may do everything, `reader` may look. */
export type Role = "writer" | "reader";

/** What a person who has signed in with a key carries: who they say they are, what they may, and until when. */
export interface SignIn {
  role: Role;
  /** as they called themselves; empty when they did not */
  name: string;
  /** epoch ms */
  expiresAt: number;
}

const ISSUER = "inngest.do/sign-in";
const ALGORITHM = "HS256";
const KEYS_REMEMBERED_MAX = 16;

const claimsSchema = z.object({ role: z.enum(["writer", "reader"]), name: z.string(), exp: z.number() });

/** @param key with which the person has signed in: without it among the platform's keys the token is worth nothing */
export async function signInToken({ role, name, expiresAt }: SignIn, key: string): Promise<string> {
  const claims = { iss: ISSUER, role, name, exp: Math.floor(expiresAt / 1000) };
  return sign(claims, await secretOf(key, role), ALGORITHM);
}

/** Undefined for a token that is forged, over, or of a key that is none of these any more. */
export async function readSignInToken(
  token: string,
  keys: Record<Role, readonly string[]>,
): Promise<SignIn | undefined> {
  for (const role of ["writer", "reader"] as const)
    for (const key of keys[role])
      try {
        const claims = claimsSchema.parse(
          await verify(token, await secretOf(key, role), { alg: ALGORITHM, iss: ISSUER }),
        );
        if (claims.role === role) return { role, name: claims.name, expiresAt: claims.exp * 1000 };
      } catch {
        // of another key, perhaps
      }
  return undefined;
}

const secrets = new Map<string, Promise<CryptoKey>>();

/** A secret of its own for each key and role, so that no other token of the same key is one; imported once. */
function secretOf(key: string, role: Role): Promise<CryptoKey> {
  const text = `${ISSUER}\0${role}\0${key}`;
  const known = secrets.get(text);
  if (known) return known;
  const made = crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(text),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
  secrets.set(text, made);
  const [oldest] = secrets.keys();
  if (secrets.size > KEYS_REMEMBERED_MAX && oldest !== undefined) secrets.delete(oldest);
  return made;
}
