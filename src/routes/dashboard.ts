import { Hono, type Context } from "hono";

/** The built dashboard, `dist/dashboard`, and where it stands. */
export interface Dashboard {
  /** "" for the root, else a path such as "/inngest" */
  base: string;
  /** no app answers what is not the platform's */
  isAlone: boolean;
  /** of the Worker's assets binding */
  assets: { fetch(request: Request): Promise<Response> };
}

/** First parts of the paths that are pages; the rest of a path is theirs. */
const PAGES = new Set(["", "runs", "events", "functions", "lines", "apps", "audit"]);

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
export function dashboardRoutes({ base, isAlone, assets }: Dashboard): Hono {
  const app = new Hono();
  app.get(`${base}/*`, async (c, next) => {
    const path = c.req.path.slice(base.length) || "/";
    if (path.startsWith("/assets/")) return (await file(c, path)) ?? next();
    if (path === "/favicon.svg") return icon(c);
    const [, first = ""] = path.split("/");
    if (PAGES.has(first)) return page(c, 200);
    const isOwn = base !== "" || (isAlone && !API.test(path));
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

  /** Scripts and styles are compressed by the build: every browser takes them so, and nobody compresses them again. */
  async function file(c: Context, path: string): Promise<Response | null> {
    const found = await assets.fetch(new Request(new URL(`${path}.gz`, c.req.url)));
    if (!found.ok) return null;
    const init = {
      headers: {
        "content-type": path.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
        "content-encoding": "gzip",
        "cache-control": "public, max-age=31536000, immutable", // its name changes with its content
        "x-content-type-options": "nosniff",
      },
      encodeBody: "manual", // workerd's word for a body that is encoded already
    };
    return new Response(found.body, init as ResponseInit);
  }

  async function icon(c: Context): Promise<Response> {
    const found = await assets.fetch(new Request(new URL("/favicon.svg", c.req.url)));
    if (!found.ok) return c.text("there is no icon", 404);
    return new Response(found.body, {
      headers: { "content-type": "image/svg+xml", "x-content-type-options": "nosniff" },
    });
  }
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
