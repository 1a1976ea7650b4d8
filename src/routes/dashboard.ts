import { Hono, type Context } from "hono";

/** The built dashboard, `dist/dashboard`, and where it stands. */
export interface Dashboard {
  /** "" for the root, else a path such as "/inngest" */
  base: string;
  /** of the Worker's assets binding */
  assets: { fetch(request: Request): Promise<Response> };
}

/** First parts of the paths that are pages; the rest of a path is theirs. */
const PAGES = new Set(["", "runs", "events", "functions", "lines", "apps"]);

/** Paths of the API, at which nobody gets a page: an address that is wrong is an error there. */
const API = /^\/(v\d|api|e|fn|invoke|webhooks|x|dev|health)(\/|$)/;

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  // The page shows what strangers have sent: no script, style or frame that is not its own, and no string becomes markup.
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

/**
 * Serves the dashboard's page at each of its addresses, and its files. What is not the dashboard's is left to whoever
 * comes after: the API's own 404, or the user's app.
 */
export function dashboardRoutes({ base, assets }: Dashboard): Hono {
  const app = new Hono();
  app.get(`${base}/*`, async (c, next) => {
    const path = c.req.path.slice(base.length) || "/";
    if (path.startsWith("/assets/") || path === "/favicon.svg") return file(c, path);
    const [, first = ""] = path.split("/");
    if (PAGES.has(first)) return page(c, 200);
    const isOwn = base !== "" || !API.test(path);
    if (isOwn && c.req.header("accept")?.includes("text/html")) return page(c, 404); // which says so
    return next();
  });
  return app;

  async function page(c: Context, status: 200 | 404): Promise<Response> {
    // not named .html: an asset server must not serve it by itself, past the guard and without these headers
    const built = await assets.fetch(new Request(new URL("/page.txt", c.req.url)));
    if (!built.ok) return c.text("the dashboard is not built: npm run build", 503);
    const html = (await built.text()).replace('<base href="/"', `<base href="${base}/"`);
    return c.body(html, status, PAGE_HEADERS);
  }

  async function file(c: Context, path: string): Promise<Response> {
    const found = await assets.fetch(new Request(new URL(path, c.req.url), { headers: conditions(c) }));
    if (!found.ok && found.status !== 304) return c.text(`there is no file ${c.req.path}`, 404);
    const headers = new Headers(found.headers);
    headers.set("x-content-type-options", "nosniff");
    // the name of a file in assets/ changes with its content
    headers.set("cache-control", path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    return new Response(found.body, { status: found.status, headers });
  }
}

function conditions(c: Context): Record<string, string> {
  const etag = c.req.header("if-none-match");
  return etag === undefined ? {} : { "if-none-match": etag };
}

/**
 * Where the dashboard stands. Beside an app it takes one path and no more, since the rest is the app's.
 *
 * @throws TypeError for what is no path
 */
export function dashboardBase(option: string | false | undefined, isBesideApp: boolean): string | null {
  if (option === false) return null;
  if (option === undefined) return isBesideApp ? "/inngest" : "";
  if (!/^\/([\w-]+(\/[\w-]+)*\/?)?$/.test(option))
    throw new TypeError(
      `createWorker: dashboard: ${JSON.stringify(option)} is neither false nor a path such as "/inngest"`,
    );
  return option.replace(/\/$/, "");
}
