import { describe, expect, test } from "vitest";
import { dashboardBase, dashboardRoutes } from "../../src/routes/dashboard.ts";
import { Hono } from "hono";

const FILES: Record<string, string> = {
  "/page.txt": '<html><base href="/" /></html>',
  "/assets/index-1.js.gz": "run(), compressed",
  "/assets/index-1.css.gz": "a{}, compressed",
  "/favicon.svg": "<svg/>",
};

/** Files as an assets binding answers, behind somebody who answers all the rest. */
function door(base: string, { files = FILES, isAlone = true } = {}) {
  const assets = {
    fetch: async (request: Request) => {
      const content = files[new URL(request.url).pathname];
      return content === undefined ? new Response("", { status: 404 }) : new Response(content);
    },
  };
  const app = new Hono();
  app.get("/v1/runs", (c) => c.json("the API"));
  app.route("/", dashboardRoutes({ base, isAlone, assets }));
  app.notFound((c) => c.text("somebody else", 404));
  return (path: string, accept = "text/html,*/*", method = "GET") => app.request(path, { method, headers: { accept } });
}

describe("at the root", () => {
  const get = door("");

  test.each(["/", "/runs", "/runs/01HZ", "/events/x/y", "/functions/a%2Fb", "/lines", "/apps?x=1"])(
    "%s is the page",
    async (path) => {
      const answer = await get(path, "*/*");
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('<base href="/" />');
    },
  );

  test("the page runs its own scripts only, in no frame, and is never taken from a cache unasked", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toContain("unsafe");
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
  });

  test("files whose name is their content are kept for ever, and no type is guessed", async () => {
    const script = await get("/assets/index-1.js");
    expect(await script.text()).toBe("run(), compressed");
    expect(script.headers.get("content-encoding")).toBe("gzip");
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect((await get("/assets/index-1.css")).headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(script.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await get("/favicon.svg")).headers.get("content-type")).toBe("image/svg+xml");
    expect((await get("/assets/index-0.js")).status).toBe(404);
  });

  test("the API stays what it is, and an address of it that is wrong is no page", async () => {
    expect(await (await get("/v1/runs")).json()).toBe("the API");
    for (const path of ["/v1/nonsense", "/v2/x", "/api/inngest", "/e/key", "/fn/x", "/invoke/x", "/dev"])
      expect(await (await get(path)).text(), path).toBe("somebody else");
  });

  test("any other address is a page for browsers, which says that it is none, and left to others for programs", async () => {
    const page = await get("/nonsense");
    expect(page.status).toBe(404);
    expect(await page.text()).toContain("<html>");
    expect(await (await get("/nonsense", "*/*")).text()).toBe("somebody else");
    expect(await (await get("/runs", "text/html", "POST")).text()).toBe("somebody else");
  });

  test("without the files it says how they are made", async () => {
    const answer = await door("", { files: {} })("/");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe("the dashboard is not built: npm run build");
  });
});

describe("beside an app", () => {
  const get = door("/inngest", { isAlone: false });

  test("at the root, if that is wished, it has its pages and files, and everything else is the app's", async () => {
    const root = door("", { isAlone: false });
    expect(await (await root("/runs")).text()).toContain("<html>");
    expect(await (await root("/assets/index-1.js")).text()).toBe("run(), compressed");
    for (const path of ["/nonsense", "/assets/of-the-app.js"])
      expect(await (await root(path)).text(), path).toBe("somebody else");
  });

  test("it has its own path, which the page knows, and everything else is the app's", async () => {
    expect(await (await get("/inngest/runs/01HZ")).text()).toContain('<base href="/inngest/" />');
    expect(await (await get("/inngest")).text()).toContain('<base href="/inngest/" />');
    expect(await (await get("/inngest/assets/index-1.js")).text()).toBe("run(), compressed");
    for (const path of ["/", "/runs", "/assets/index-1.js", "/inngestion"])
      expect(await (await get(path)).text(), path).toBe("somebody else");
  });
});

test.each([
  [undefined, false, ""],
  [undefined, true, "/inngest"],
  ["/", true, ""],
  ["/ops/inngest/", false, "/ops/inngest"],
  [false, false, null],
] as const)("dashboard: %j, beside an app: %j, stands at %j", (option, isBesideApp, base) => {
  expect(dashboardBase(option, isBesideApp)).toBe(base);
});

test.each(["inngest", "", "/a b", "/a//b", "https://x", "/<script>"])("%j is refused as a path", (option) => {
  expect(() => dashboardBase(option, false)).toThrow(/^createWorker: dashboard: ".*" is neither false nor a path/);
});
