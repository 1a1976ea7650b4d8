/** What adapters take from their frameworks. How they do in them: test/frameworks. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest } from "../../src/sdk/client.ts";
import type { Handler } from "../../src/sdk/context.ts";
import { serve as serveAstro } from "../../src/serve/astro.ts";
import { serve as serveBun } from "../../src/serve/bun.ts";
import { serve as serveCloudflare } from "../../src/serve/cloudflare.ts";
import { serve as serveDeno } from "../../src/serve/deno.ts";
import { serve as serveDigitalOcean } from "../../src/serve/digitalocean.ts";
import { serve as serveEdge } from "../../src/serve/edge.ts";
import { serve as serveExpress } from "../../src/serve/express.ts";
import { fastifyPlugin, serve as serveFastify } from "../../src/serve/fastify.ts";
import { serve as serveH3 } from "../../src/serve/h3.ts";
import type { ServeOptions } from "../../src/serve/handler.ts";
import { serve as serveHono } from "../../src/serve/hono.ts";
import { serve as serveKoa } from "../../src/serve/koa.ts";
import { serve as serveLambda, type LambdaEvent } from "../../src/serve/lambda.ts";
import { serve as serveNext } from "../../src/serve/next.ts";
import { createServer, serve as serveNode } from "../../src/serve/node.ts";
import type { NodeRequest, NodeResponse } from "../../src/serve/node-request.ts";
import { serve as serveRemix } from "../../src/serve/remix.ts";
import { serve as serveSvelteKit } from "../../src/serve/sveltekit.ts";
import { KEY, request } from "./helpers/app.ts";

const options = () => {
  const client = new Inngest({ id: "shop" });
  return { client, functions: [client.createFunction({ id: "ship" }, () => "shipped")] };
};

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("Hono", () => {
  const app = () => {
    const hono = new Hono();
    hono.all("/api/inngest", serveHono(options()));
    return hono;
  };

  test("answers at its route, under its name", async () => {
    const response = await app().request("/api/inngest", {}, { INNGEST_DEV: "1" });
    expect([response.status, response.headers.get("x-inngest-framework")]).toEqual([200, "hono"]);
    expect(await response.json()).toMatchObject({ mode: "dev", function_count: 1 });
  });

  test("reads variables from the Worker's bindings, past those that are not text", async () => {
    const env = { INNGEST_SIGNING_KEY: KEY, DB: { prepare() {} }, LIMIT: 5 };
    expect((await app().request(await request("GET", { key: KEY }), {}, env)).status).toBe(200);
  });

  test.each([
    ["none", undefined],
    ["Node's request and response", { incoming: {}, outgoing: {} }],
  ])("else from the process; bindings: %s", async (_, env) => {
    vi.stubEnv("INNGEST_DEV", "1");
    expect(await (await app().request("/api/inngest", {}, env)).json()).toMatchObject({ mode: "dev" });
  });
});

describe("Cloudflare", () => {
  test("answers a Worker's (request, env, ctx)", async () => {
    const worker = { fetch: serveCloudflare(options()) };
    const response = await worker.fetch(await request("GET"), { INNGEST_DEV: "1" }, { waitUntil() {} });
    expect([response.status, response.headers.get("x-inngest-framework")]).toEqual([200, "cloudflare"]);
  });

  test("answers a Pages function's context", async () => {
    const onRequest = serveCloudflare(options());
    const response = await onRequest({ request: await request("GET"), env: { INNGEST_DEV: "1" } });
    expect(response.status).toBe(200);
  });

  test("answers without variables", async () => {
    expect((await serveCloudflare(options())(await request("GET"))).status).toBe(500);
  });
});

const CALL = { ctx: { run_id: "01JX" }, event: { name: "order/created", data: {} } };
const CALL_QUERY = "?fnId=shop-ship&stepId=step";

/** Options of an app whose only function has this handler. */
const serving = (handler: Handler, more: object = {}) => {
  const client = new Inngest({ id: "shop", isDev: true });
  return { client, functions: [client.createFunction({ id: "ship" }, { event: "order/created" }, handler)], ...more };
};

describe("given what their framework does not pass, handlers name it and what they expect", () => {
  const fetchRequest = new Request("https://app.example.com/api/inngest");
  const nodeRequest = Object.assign(Readable.from([]), { headers: {}, method: "GET", url: "/" });

  const handlers: [string, (...passed: unknown[]) => unknown, string, unknown[][]][] = (
    [
      ["nodejs", serveNode, "Node's (request, response)", [[fetchRequest], [nodeRequest], []]],
      ["express", serveExpress, "Express's (req, res)", [[fetchRequest], [{ req: fetchRequest }], []]],
      ["fastify", serveFastify, "Fastify's (request, reply)", [[nodeRequest, {}], [{ raw: nodeRequest }], []]],
      ["koa", serveKoa, "Koa's context", [[nodeRequest, {}], [fetchRequest], []]],
      ["hono", serveHono, "Hono's context", [[nodeRequest, {}], [fetchRequest], []]],
      ["h3", serveH3, "an event of h3", [[nodeRequest, {}], [fetchRequest], []]],
      ["cloudflare", serveCloudflare, "a Worker's (request, env, ctx) or a Pages context", [[nodeRequest, {}], []]],
      ["edge", serveEdge, "a Request", [[nodeRequest, {}], [{ request: fetchRequest }], []]],
      ["bun", serveBun, "a Request", [[nodeRequest, {}], ["/api/inngest"], []]],
      ["deno", serveDeno, "a Request, or Fresh's context", [[nodeRequest, {}], [{ req: 1 }], []]],
      ["astro", serveAstro, "Astro's { request, locals }", [[nodeRequest, {}], [fetchRequest], []]],
      ["sveltekit", serveSvelteKit, "SvelteKit's event", [[nodeRequest, {}], [fetchRequest], []]],
      ["remix", serveRemix, "the arguments of a loader or action, { request }", [[nodeRequest, {}], [null], []]],
      ["nextjs", serveNext, "a Request, or the pages router's (req, res)", [[nodeRequest, {}], [{}], []]],
      [
        "aws-lambda",
        serveLambda,
        "an event of API Gateway, a function URL or a load balancer",
        [[nodeRequest, {}], [{ Records: [] }], []],
      ],
      ["digitalocean", serveDigitalOcean, "arguments of a web function, with `http` among them", [[nodeRequest], []]],
    ] as [string, (served: ServeOptions) => (...passed: unknown[]) => unknown, string, unknown[][]][]
  ).map(([name, serve, expected, wrong]) => [name, serve(options()), expected, wrong]);

  test.each(handlers)("%s", async (name, handler, expected, wrong) => {
    for (const passed of wrong) {
      const error = await (async () => handler(...passed))().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as TypeError).message).toContain(`serve (${name}): expected ${expected}, got `);
    }
  });

  test("and say what they got", async () => {
    const got = (value: unknown) => expect(serveEdge(options())(value as Request)).rejects;
    await got(undefined).toThrow("got undefined; is the handler mounted on another framework?");
    await got("/path").toThrow("got /path;");
    await got(() => {}).toThrow("got a function;");
    await got(nodeRequest).toThrow("got an instance of Readable;");
    await got({ request: fetchRequest, env: {} }).toThrow("got an object with the keys request, env;");
    await expect(serveHono(options())(fetchRequest as never)).rejects.toThrow("got a fetch Request;");
  });

  test.each([[undefined], [null], [{}], [{ client: new Inngest({ id: "shop" }) }]])(
    "options %s are refused",
    (wrong) => {
      for (const serve of [serveExpress, serveEdge, serveNext, serveLambda, createServer])
        expect(() => serve(wrong as never)).toThrow(/^serve: /);
      let reported: Error | undefined;
      fastifyPlugin({ route: () => {} }, (wrong ?? {}) as never, (error) => (reported = error));
      expect(reported?.message).toMatch(/^serve: /);
    },
  );
});

describe("variables and waitUntil reach the function, where the platform hands them over", () => {
  const waited: unknown[] = [];
  /** As runtimes have it: it must be called on its object. */
  class Context {
    readonly #waited = waited;
    waitUntil(promise: Promise<unknown>) {
      this.#waited.push(promise);
    }
  }
  const ctx = new Context();
  const env = { GREETING: "hello" };
  const call = () => new Request(`https://a.test/${CALL_QUERY}`, { method: "POST", body: JSON.stringify(CALL) });
  const serving1 = () =>
    serving(({ env: vars, waitUntil }) => {
      waitUntil(Promise.resolve("later"));
      return (vars as typeof env).GREETING ?? "no variables";
    });

  test.each<[string, boolean, () => Promise<Response>]>([
    ["a Worker", true, () => serveCloudflare(serving1())(call(), env, ctx)],
    [
      "Pages",
      true,
      () => serveCloudflare(serving1())(Object.assign(new Context(), { request: call(), env, data: {} })),
    ],
    ["Astro before 6", true, () => serveAstro(serving1())({ request: call(), locals: { runtime: { env, ctx } } })],
    [
      "Astro since 6, where the old name throws",
      false,
      () => {
        const runtime = {
          get env() {
            throw new Error("Astro.locals.runtime.env has been removed");
          },
          get ctx() {
            throw new Error("Astro.locals.runtime.ctx has been removed");
          },
        };
        return serveAstro(serving1())({ request: call(), locals: { runtime, cfContext: ctx } });
      },
    ],
    ["SvelteKit", true, () => serveSvelteKit(serving1())({ request: call(), platform: { env, ctx } })],
    [
      "SvelteKit before 2025",
      true,
      () => serveSvelteKit(serving1())({ request: call(), platform: { env, context: ctx } }),
    ],
    ["React Router", true, () => serveRemix(serving1())({ request: call(), context: { cloudflare: { env, ctx } } })],
    ["Vercel's edge", false, () => serveEdge(serving1())(call(), ctx)],
    [
      "h3 2 on a Worker",
      true,
      () => {
        const req = Object.assign(call(), { runtime: { cloudflare: { env } }, waitUntil: ctx.waitUntil.bind(ctx) });
        return serveH3(serving1())({ req });
      },
    ],
    [
      "h3 1 in Nitro on a Worker",
      true,
      () => {
        const req = nodeCall(CALL);
        return serveH3(serving1())({ node: { req }, context: { cloudflare: { env, context: ctx } } } as never);
      },
    ],
  ])("%s", async (_, hasEnv, answer) => {
    waited.length = 0;
    expect(await (await answer()).json()).toBe(hasEnv ? "hello" : "no variables");
    expect(await Promise.all(waited)).toEqual(["later"]);
  });
});

/** A call as Node's `http` gives it, with what a framework adds. */
function nodeCall(body: unknown, more: object = {}): NodeRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = {
    host: "app.test",
    "content-length": String(Buffer.byteLength(text)),
    ...("headers" in more ? more.headers! : {}),
  };
  return Object.assign(Readable.from(text === "" ? [] : [Buffer.from(text)]), {
    method: "POST",
    url: `/api/inngest${CALL_QUERY}`,
    ...more,
    headers,
  });
}

/** Answers a request of Node's and waits for the end. */
async function answered(
  handler: (request: NodeRequest, response: NodeResponse) => unknown,
  incoming: NodeRequest,
): Promise<{ status: number; headers: Record<string, string>; body: any }> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    const headers: Record<string, string> = {};
    const response: NodeResponse = {
      statusCode: 0,
      setHeader: (name, value) => void (headers[name] = value),
      write: (chunk) => void chunks.push(chunk),
      end: () => resolve({ status: response.statusCode, headers, body: JSON.parse(Buffer.concat(chunks).toString()) }),
      destroy: reject,
      on: () => {},
    };
    handler(incoming, response);
  });
}

describe("Node's requests", () => {
  const signedGet = async (more: object) => {
    const { headers } = await request("GET", { key: KEY });
    const signature = { "x-inngest-signature": headers.get("x-inngest-signature") };
    return nodeCall("", {
      method: "GET",
      url: "/api/inngest",
      ...more,
      headers: { host: "app.test", ...signature, ...("headers" in more ? more.headers! : {}) },
    });
  };
  const servedUrl = async (serve: typeof serveExpress, more: object) => {
    const client = new Inngest({ id: "shop", signingKey: KEY });
    const handler = serve({ client, functions: [] }) as typeof serve extends (o: never) => infer H ? H : never;
    const { body } = await answered(handler, await signedGet(more));
    return body.serve_origin + body.serve_path;
  };

  test.each<[string, object, string]>([
    ["host", {}, "http://app.test/api/inngest"],
    ["TLS", { socket: { encrypted: true } }, "https://app.test/api/inngest"],
    ["TLS of a proxy", { headers: { "x-forwarded-proto": "https" } }, "https://app.test/api/inngest"],
    ["several proxies", { headers: { "x-forwarded-proto": "https,http" } }, "https://app.test/api/inngest"],
    ["no scheme at all", { headers: { "x-forwarded-proto": "javascript" } }, "http://app.test/api/inngest"],
    ["HTTP/2", { headers: { host: undefined, ":authority": "h2.test", ":path": "/" } }, "http://h2.test/api/inngest"],
    ["HTTP/1.0", { headers: { host: undefined } }, "http://localhost/api/inngest"],
    ["a mount point", { url: "/", originalUrl: "/v1/api/inngest" }, "http://app.test/v1/api/inngest"],
    ["a query", { url: "/api/inngest?a=/b" }, "http://app.test/api/inngest"],
    ["double slashes", { url: "//api///inngest" }, "http://app.test/api/inngest"],
    ["a path that looks like a host", { url: "//evil.test/api" }, "http://app.test/evil.test/api"],
    ["a whole URL as target", { url: "http://evil.test/api/inngest" }, "http://app.test/api/inngest"],
    ["a host that anybody may claim", { headers: { "x-forwarded-host": "evil.test" } }, "http://app.test/api/inngest"],
  ])("the app's address: %s", async (_, more, url) => {
    expect(await servedUrl(serveExpress, more)).toBe(url);
    expect(await servedUrl(serveNode as never, more)).toBe(url);
  });

  test.each<[string, object, string]>([
    [
      "believed when Express does (trust proxy)",
      { hostname: "shop.test", protocol: "https", headers: { "x-forwarded-host": "shop.test:8443, inner.test" } },
      "https://shop.test:8443/api/inngest",
    ],
    [
      "not when Express does not",
      { hostname: "app.test", protocol: "http", headers: { "x-forwarded-host": "evil.test" } },
      "http://app.test/api/inngest",
    ],
  ])("a forwarded host is %s", async (_, more, url) => {
    expect(await servedUrl(serveExpress, more)).toBe(url);
  });

  const ship = () => serving(({ event }) => ({ shipped: event.data }));

  test.each<[string, boolean, unknown]>([
    ["unread", false, undefined],
    ["read, as an object", true, CALL],
    ["read, as text", true, JSON.stringify(CALL)],
    ["read, as bytes", true, Buffer.from(JSON.stringify(CALL))],
    ["left unread by a parser that makes {} of other types", false, {}],
  ])("a body that is %s", async (_, isRead, body) => {
    const incoming = nodeCall(CALL, { body });
    if (isRead) await text(incoming as unknown as Readable);
    expect(await answered(serveExpress(ship()), incoming)).toMatchObject({
      status: 200,
      body: { shipped: {} },
    });
  });

  test("a body that was read and thrown away is an error that says so", async () => {
    const incoming = nodeCall(CALL);
    await text(incoming as unknown as Readable);
    expect(await answered(serveExpress(ship()), incoming)).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining("something read the request's body before this handler") },
    });
  });

  test("a body that breaks off is an error", async () => {
    const broken = nodeCall(CALL);
    (broken as unknown as Readable).destroy(new Error("aborted"));
    expect(await answered(serveExpress(ship()), broken)).toMatchObject({
      status: 500,
      body: { message: "Error: aborted" },
    });
  });

  test("no body is none, although a parser made {} of it: the signature is over nothing", async () => {
    const client = new Inngest({ id: "shop", signingKey: KEY, fetch: async () => Response.json({ status: 200 }) });
    const incoming = await signedGet({ method: "PUT", body: {} });
    incoming.headers["content-length"] = "0";
    expect((await answered(serveExpress({ client, functions: [] }), incoming)).status).toBe(200);
  });

  test.each(["TRACE", "CONNECT", "OPTIONS", "PATCH"])("%s is refused", async (method) => {
    expect((await answered(serveExpress(ship()), nodeCall("", { method }))).status).toBe(405);
  });

  test("a host that is none is refused", async () => {
    const incoming = nodeCall(CALL, { headers: { host: "a b" } });
    expect(await answered(serveExpress(ship()), incoming)).toMatchObject({
      status: 400,
      body: { code: "invalid_host" },
    });
  });
});

describe("Next.js", () => {
  const { GET, POST } = serveNext(serving(() => "shipped"));

  test("the host is that of the header: the URL's may be one of Next's own", async () => {
    const client = new Inngest({ id: "shop", signingKey: KEY });
    const { headers } = await request("GET", { key: KEY, headers: { host: "shop.test:8080" } });
    const asked = new Request("http://localhost:3000/api/inngest?a=1", { headers });
    const introspection = await (await serveNext({ client, functions: [] }).GET(asked)).json();
    expect(introspection).toMatchObject({ serve_origin: "http://shop.test:8080", serve_path: "/api/inngest" });
  });

  test.each(["shop.test", "localhost:3000", "a b"])("a call gets through with host %s", async (host) => {
    const body = new Blob([JSON.stringify(CALL)]).stream();
    const init = { method: "POST", headers: { host }, body, duplex: "half" };
    const response = await POST(new Request(`http://localhost:3000/api/inngest${CALL_QUERY}`, init), { params: {} });
    expect([response.status, await response.json()]).toEqual([200, "shipped"]);
  });

  test("takes one argument, as Next's checks of exports want it", () => {
    expect(GET.length).toBe(1);
  });
});

describe("Lambda", () => {
  const event: LambdaEvent = {
    rawPath: "/api/inngest",
    rawQueryString: CALL_QUERY.slice(1),
    headers: { host: "app.test" },
    requestContext: { http: { method: "POST" } },
    body: JSON.stringify(CALL),
  };

  test.each<[string, Partial<LambdaEvent>]>([
    ["a host that is none", { headers: { host: "a b" } }],
    ["base64 that is none", { body: "{}", isBase64Encoded: true }],
  ])("refuses %s", async (_, wrong) => {
    const { statusCode, body } = await serveLambda(serving(() => 1))({ ...event, ...wrong });
    expect([statusCode, JSON.parse(body)]).toMatchObject([400, { code: "invalid_event" }]);
  });
});

describe("DigitalOcean", () => {
  test("answers a web function's arguments, where query and body are mixed", async () => {
    const handler = serveDigitalOcean(serving(({ event }) => event.name, { serveOrigin: "https://do.test" }));
    const http = { method: "POST", path: "/inngest", headers: {} };
    expect(await handler({ http, fnId: "shop-ship", stepId: "step", ...CALL })).toMatchObject({
      statusCode: 200,
      body: '"order/created"',
    });
  });

  test("and those of a raw one", async () => {
    const handler = serveDigitalOcean(serving(({ event }) => event.name, { serveOrigin: "https://do.test" }));
    const http = {
      method: "POST",
      path: "",
      headers: {},
      queryString: CALL_QUERY.slice(1),
      body: btoa(JSON.stringify(CALL)),
      isBase64Encoded: true,
    };
    expect(await handler({ http })).toMatchObject({ statusCode: 200, body: '"order/created"' });
  });
});
