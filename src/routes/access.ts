/** People who come through Cloudflare Access, which has put a token of its own into their requests. */
import { HTTPException } from "hono/http-exception";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import * as z from "zod";
import type { Role } from "../protocol/sign-in-token.ts";

export interface AccessSettings {
  /** of its tokens, such as https://acme.cloudflareaccess.com; its keys are below of it */
  issuer: string;
  /** tags of the applications whose tokens count */
  audiences: string[];
  /** who may do everything: addresses, `*@acme.com`, names of service tokens, or `*`; the others read */
  writers: string[];
}

/** Variables that cannot be used, and why. */
interface Mistake {
  mistake: string;
}

export const ACCESS_HEADER = "cf-access-jwt-assertion";

/** What goes wrong with keys that are fetched; everything else is wrong with the token. */
const OF_THE_KEYS = new Set(
  [errors.JOSEError, errors.JWKSTimeout, errors.JWKSInvalid, errors.JWKInvalid].map(({ code }) => code),
);

/** A person by e-mail, a program by the name of its service token. */
const claimsSchema = z.object({ email: z.string().optional(), common_name: z.string().optional(), exp: z.number() });

export interface AccessUser {
  name: string;
  role: Role;
  isProgram: boolean;
  /** epoch ms */
  expiresAt: number;
}

/**
 * Who a token of Access names.
 *
 * @throws HTTPException 401 for a token that does not count, 503 when the keys to check it with cannot be had
 */
export async function accessUser(token: string, settings: AccessSettings | Mistake): Promise<AccessUser> {
  if ("mistake" in settings) throw new HTTPException(503, { message: settings.mistake });
  const { email, common_name: program, exp } = claimsSchema.parse(await verified(token, settings));
  const name = email || program;
  if (name === undefined || name === "") throw refused("it names nobody");
  const role = settings.writers.some((writer) => isMeant(writer, name)) ? "writer" : "reader";
  return { name, role, isProgram: !email, expiresAt: exp * 1000 };
}

async function verified(token: string, { issuer, audiences }: AccessSettings): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, keysOf(issuer), {
      issuer,
      audience: audiences,
      algorithms: ["RS256", "ES256"],
      requiredClaims: ["exp"],
      currentDate: new Date(Date.now()),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError && !OF_THE_KEYS.has(error.code)) throw refused(error.message);
    console.error(`the keys of ${issuer} could not be had`, error);
    throw new HTTPException(503, {
      message: `the keys of Cloudflare Access at ${issuer} could not be had; is INNGEST_ACCESS_TEAM right?`,
    });
  }
}

function refused(why: string): HTTPException {
  return new HTTPException(401, { message: `${ACCESS_HEADER}: the token of Cloudflare Access does not count: ${why}` });
}

const keySets = new Map<string, ReturnType<typeof createRemoteJWKSet>>();

/** Asked for once, and again when a token names one that is not known. */
function keysOf(issuer: string): ReturnType<typeof createRemoteJWKSet> {
  const known = keySets.get(issuer) ?? createRemoteJWKSet(new URL("/cdn-cgi/access/certs", issuer));
  keySets.set(issuer, known);
  return known;
}

function isMeant(writer: string, name: string): boolean {
  const wanted = writer.toLowerCase();
  const given = name.toLowerCase();
  return wanted === "*" || wanted === given || (wanted.startsWith("*@") && given.endsWith(wanted.slice(1)));
}

/**
 * What the variables of Access come to; null without them. With a mistake in them nobody comes in by Access, and the rest
 * goes on.
 *
 * @param team its name, its domain, or a URL; only a loopback one may be without TLS
 */
export function accessSettings(team: string, audiences: string[], writers: string[]): AccessSettings | Mistake | null {
  if (team === "" && audiences.length === 0) return null;
  const text = team.includes("://") ? team : `https://${team.includes(".") ? team : `${team}.cloudflareaccess.com`}`;
  const url = team !== "" && URL.canParse(text) ? new URL(text) : null;
  if (!url || !(url.protocol === "https:" || (url.protocol === "http:" && url.hostname === "127.0.0.1")))
    return {
      mistake: `INNGEST_ACCESS_TEAM: ${JSON.stringify(team)} is neither the name of a team nor its domain, such as acme.cloudflareaccess.com`,
    };
  if (audiences.length === 0)
    return {
      mistake:
        "INNGEST_ACCESS_AUD: it is not set, and without the tag of an application every token of the team would count",
    };
  return { issuer: url.origin, audiences, writers };
}
