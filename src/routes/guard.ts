import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { checkMay } from "./may.ts";
import { hostOf, isLoopback, whoAsks, type Credentials, type Who } from "./who.ts";

/** Credentials and mode of the platform; dev mode is only for loopback hosts (design §10). */
export interface Settings extends Credentials {
  eventKeys: string[];
  signingKeys: string[];
  /** apps that are synced every minute */
  sdkUrls: string[];
  /** whether `/mcp` has tools that change something; left out: in dev mode */
  mayAgentsAct?: boolean;
}

/** What routes need of the Worker, read at each use: keys may be rotated. */
export type SettingsSource = () => Settings;

const OR_DEV = "; for development set INNGEST_DEV=1 instead, with wrangler in .dev.vars";

/**
 * Dev mode is open, so it answers only this machine: the Host must be loopback, and so must the Origin of a browser's
 * request, or any web page could drive the local server (design §10).
 */
export function devGuard(settings: SettingsSource): MiddlewareHandler {
  return (c, next) => {
    checkDevRequest(c.req.raw, settings());
    return next();
  };
}

/** As {@link devGuard}. @throws HTTPException 403 */
export function checkDevRequest(request: Request, { isDev }: Pick<Settings, "isDev">): void {
  if (!isDev) return;
  const host = hostOf(request);
  if (!isLoopback(host))
    throw new HTTPException(403, {
      message: `INNGEST_DEV is set, which opens the platform without keys; it is refused for host "${host}", which is not loopback. Unset INNGEST_DEV and set INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY`,
    });
  const origin = request.headers.get("origin");
  if (origin !== null && !(URL.canParse(origin) && isLoopback(new URL(origin).host)))
    throw new HTTPException(403, { message: `origin "${origin}" may not use the dev platform: it is not loopback` });
}

/**
 * Everything but sending events asks for the signing key as bearer (inngest-protocol §5), or for a person who has signed in
 * (see who.ts); those who may only look get no further than that (see may.ts).
 */
export function signingKeyGuard(settings: SettingsSource): MiddlewareHandler {
  return async (c, next) => {
    await checkSigningKey(c.req.raw, settings());
    return next();
  };
}

/** As {@link signingKeyGuard}. @throws HTTPException 401, 403, or 503 without a key to compare with */
export async function checkSigningKey(request: Request, credentials: Credentials): Promise<Who> {
  const who = await whoAsks(request, credentials);
  checkMay(request, who);
  return who;
}

/** The key in the path of `/e/:key` (inngest-protocol §1.2). @throws HTTPException */
export function checkEventKey(c: Context, settings: SettingsSource): void {
  const { isDev, eventKeys } = settings();
  const key = c.req.param("key") ?? "";
  if (isDev && eventKeys.length === 0) return;
  if (eventKeys.length === 0)
    throw new HTTPException(503, {
      message: `Event keys are required to process events securely: set the secret INNGEST_EVENT_KEY${OR_DEV}`,
    });
  if (key === "") throw new HTTPException(401, { message: "Event key is required" });
  if (!eventKeys.some((known) => isSame(known, key))) throw new HTTPException(401, { message: "Event key not found" });
}

/** Compares in a time that does not tell how much of the key was right. */
function isSame(known: string, given: string): boolean {
  let difference = known.length ^ given.length;
  for (let i = 0; i < given.length; i++) difference |= given.charCodeAt(i) ^ (known.charCodeAt(i % known.length) || 0);
  return difference === 0;
}
