/** Who asks, and by what they prove it. What they may do then is in may.ts. */
import { HTTPException } from "hono/http-exception";
import { parse } from "hono/utils/cookie";
import { bearerMatches } from "../protocol/signature.ts";
import { readSignInToken, type Role } from "../protocol/sign-in-token.ts";
import { ACCESS_HEADER, accessUser, type accessSettings } from "./access.ts";

/** What a request's proof is compared with. */
export interface Credentials {
  /** open to everyone on this machine */
  isDev: boolean;
  /** the signing key, then the fallback that is still accepted */
  signingKeys: readonly string[];
  /** keys that may only look */
  readKeys?: readonly string[];
  /** null, or left out: no token of Cloudflare Access counts */
  access?: ReturnType<typeof accessSettings>;
}

export interface Who {
  by: "dev" | "key" | "session" | "access";
  role: Role;
  /** for people to read: which key, or who they are */
  name: string;
  /** epoch ms; null: as long as the key is one */
  expiresAt: number | null;
  /** the proof is sent by the browser without the page's doing, so a write needs to come from our own page */
  isAmbient: boolean;
}

const DEV: Who = { by: "dev", role: "writer", name: "dev mode", expiresAt: null, isAmbient: false };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|.*\.localhost)(:\d+)?$/i;

/** Whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

export function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/**
 * Browsers take the prefix from nobody but the host itself, over TLS; on a loopback host without TLS they take none.
 */
export function signInCookie(request: Request): { name: string; isSecure: boolean } {
  const isSecure = !(request.url.startsWith("http:") && isLoopback(hostOf(request)));
  return { name: isSecure ? "__Host-inngest" : "inngest-on-loopback", isSecure };
}

/** Of requests that have been asked about: guards stand one behind the other. */
const known = new WeakMap<Request, Promise<Who>>();

/**
 * Who sends a request. Its bearer counts alone when it has one, else its cookie, else what Access has added.
 *
 * @throws HTTPException 401, or 503 without a key to compare with
 */
export function whoAsks(request: Request, credentials: Credentials): Promise<Who> {
  const asked = known.get(request) ?? find(request, credentials);
  known.set(request, asked);
  return asked;
}

/** From now on a request is of somebody: it has brought a key in its body. */
export function cameIn(request: Request, who: Who): void {
  known.set(request, Promise.resolve(who));
}

/** Null when nobody has asked, or it was nobody. */
export async function whoAsked(request: Request): Promise<Who | null> {
  return (await known.get(request)?.catch(() => null)) ?? null;
}

async function find(request: Request, credentials: Credentials): Promise<Who> {
  const { isDev, signingKeys, readKeys = [], access } = credentials;
  if (isDev) return DEV;
  if (signingKeys.length === 0)
    throw new HTTPException(503, {
      message:
        "no signing key is configured: set the secret INNGEST_SIGNING_KEY; for development set INNGEST_DEV=1 instead, with wrangler in .dev.vars",
    });
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const role = await roleOf(authorization, { writer: signingKeys, reader: readKeys });
    if (role) return ofKey(role);
  } else {
    const { name } = signInCookie(request);
    const token = parse(request.headers.get("cookie") ?? "", name)[name];
    const signIn = token && (await readSignInToken(token, { writer: signingKeys, reader: readKeys }));
    if (signIn) {
      const { role, expiresAt } = signIn;
      return { by: "session", role, name: signIn.name || ofKey(role).name, expiresAt, isAmbient: true };
    }
    const assertion = request.headers.get(ACCESS_HEADER);
    if (access && assertion !== null) {
      const { isProgram, ...user } = await accessUser(assertion, access);
      return { by: "access", ...user, isAmbient: !isProgram };
    }
  }
  throw new HTTPException(401, {
    message:
      "Authorization must be `Bearer <signing key>`, hashed or plain, and this one does not match; people sign in with it at POST /v1/session",
  });
}

function ofKey(role: Role): Who {
  const name = role === "writer" ? "signing key" : "read key";
  return { by: "key", role, name, expiresAt: null, isAmbient: false };
}

/** What a bearer may do; null for none of these keys. A key that is in both lists may do everything. */
export async function roleOf(authorization: string, keys: Record<Role, readonly string[]>): Promise<Role | null> {
  for (const role of ["writer", "reader"] as const) if (await bearerMatches(authorization, keys[role])) return role;
  return null;
}
