/** What the one who asks may do: readers look, and a browser acts only for the dashboard's own page. */
import { ApiError } from "./api-error.ts";
import { hostOf, type Who } from "./who.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * One path for looking and acting, by POST: what stands there tells them apart itself, by {@link checkMayAct}. Beside an app
 * `/mcp` is `/inngest/mcp`, but never below the API's own first parts: a function may be called so.
 */
const BOTH = /^(\/v0\/gql|(?!\/(v\d|api|e|fn|invoke|webhooks)\/)(\/[\w-]+)*\/mcp)$/;

/** Whether a request by its method and path may be sent by those who only look; every path that is not named acts. */
export function isLooking(method: string, path: string): boolean {
  return READING.has(method) || BOTH.test(path);
}

/** @throws ApiError 403 */
export function checkMay(request: Request, who: Who): void {
  if (who.role === "writer" && !who.isAmbient) return; // what programs do, at no cost
  const { pathname } = new URL(request.url);
  if (!isLooking(request.method, pathname)) checkMayAct(who, `${request.method} ${pathname}`);
  if (who.isAmbient && !READING.has(request.method)) checkOrigin(request, "must");
}

/** @throws ApiError 403 for a reader */
export function checkMayAct(who: Who, what: string): void {
  if (who.role === "reader")
    throw new ApiError(
      403,
      "read_only",
      `${who.by === "key" ? `the ${who.name}` : who.name} may only look, and ${what.slice(0, 200)} changes something`,
    );
}

/**
 * That a browser sends this for a page of this very host. Browsers say so with everything that is not a plain look; what
 * is no browser says nothing, which is taken from those whose proof no browser adds by itself.
 *
 * @throws ApiError 403
 */
export function checkOrigin(request: Request, saying: "must" | "may"): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  if (site === null && origin === null && saying === "may") return;
  const isOwnSite = site === null || site === "same-origin";
  const isOwnOrigin = origin === null || (URL.canParse(origin) && new URL(origin).host === hostOf(request));
  if (isOwnSite && isOwnOrigin && (site ?? origin) !== null) return;
  throw new ApiError(
    403,
    "cross_origin",
    `a browser's sign-in acts only from a page of this host, and this request says it comes from ${JSON.stringify(origin?.slice(0, 100) ?? site ?? "nowhere")}; programs send Authorization: Bearer <signing key>`,
  );
}
