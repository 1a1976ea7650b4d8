/** What an app must do on any framework, asked over HTTP as a server asks. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sign, verify } from "../../src/protocol/signature.ts";
import { readReply } from "../../src/transports/http-reply.ts";
import { SIGNING_KEY } from "./settings.ts";

/** An app on its framework, listening on the loopback. */
export interface Served {
  /** of the server, without a path */
  url: string;
  close(): unknown;
}

export interface Framework {
  /** what the adapter calls itself on the wire */
  framework: string;
  /** Starts it. Its variables have the signing key, and `apiUrl` as INNGEST_BASE_URL. */
  start(apiUrl: string): Promise<Served>;
  /** where the three handlers of `apps/shop.js` are; default below /api */
  paths?: { plain: string; signed: string; streaming: string };
  /** default true */
  streams?: boolean;
  /** the framework takes requests without a content type for forgeries of a browser's */
  refusesUntyped?: boolean;
  /** what answers DELETE; a file router that knows no such export answers itself. Default 405, the adapter's */
  deleteStatus?: number;
  /** size of the largest call that is tried; default 2 MiB */
  largestBytes?: number;
}

/** What a request to the API was. */
interface Registration {
  path: string | undefined;
  body: { url: string; framework: string; functions: { steps: { step: { runtime: { url: string } } } }[] };
}

const PATHS = { plain: "/api/inngest", signed: "/api/signed", streaming: "/api/streaming" };
const NAME = "Zoë 🎉";

const callBody = (data: object, more: object = {}) =>
  JSON.stringify({
    ctx: { run_id: "01JX", attempt: 0, max_attempts: 4, stack: { stack: [], current: 0 } },
    event: { name: "shop/any", data, ts: 1 },
    events: [{ name: "shop/any", data, ts: 1 }],
    steps: {},
    version: 2,
    ...more,
  });

/** The suite. */
export function conformance(name: string, framework: Framework): void {
  describe(name, () => {
    const api = new LoopbackApi();
    const paths = framework.paths ?? PATHS;
    let served: Served | undefined;
    let url = "";

    beforeAll(async () => {
      await api.start();
      served = await framework.start(api.url);
      url = served.url;
    });
    afterAll(async () => {
      await served?.close();
      await api.close();
    });

    const post = (path: string, body: string, headers: Record<string, string> = {}, id = "shop-greet") =>
      fetch(`${url}${path}?fnId=${id}&stepId=step`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...headers },
      });

    test("GET says what is served, and by which framework", async () => {
      const response = await fetch(url + paths.plain);
      expect([response.status, response.headers.get("x-inngest-framework")]).toEqual([200, framework.framework]);
      expect(await response.json()).toMatchObject({ mode: "dev", function_count: 2, has_signing_key: true });
    });

    test("a signed GET says more, the address among it", async () => {
      const signature = await sign(SIGNING_KEY, "", Date.now());
      const response = await fetch(url + paths.signed, { headers: { "x-inngest-signature": signature } });
      expect([response.status, await response.json()]).toMatchObject([
        200,
        {
          mode: "cloud",
          app_id: "signed",
          framework: framework.framework,
          serve_origin: url,
          serve_path: paths.signed,
          extra: { is_streaming: false },
        },
      ]);
    });

    test("in production nobody learns anything without a signature", async () => {
      expect((await fetch(url + paths.signed)).status).toBe(401);
      expect((await post(paths.signed, callBody({ name: "x" }), {}, "signed-greet")).status).toBe(401);
    });

    test("PUT registers the app at the API, with the address of the request", async () => {
      const typed = { body: "{}", headers: { "content-type": "application/json" } };
      const response = await fetch(url + paths.plain, { method: "PUT", ...(framework.refusesUntyped ? typed : {}) });
      expect([response.status, await response.json()]).toEqual([
        200,
        { message: "Successfully registered", modified: true },
      ]);
      const { path, body } = api.registrations.at(-1)!;
      expect([path, body.url, body.framework]).toEqual(["/fn/register", url + paths.plain, framework.framework]);
      const call = new URL(body.functions[0]!.steps.step.runtime.url);
      expect([call.origin, call.pathname, call.searchParams.get("fnId")]).toEqual([url, paths.plain, "shop-greet"]);
    });

    test("a signed PUT with a body is answered with the functions", async () => {
      const body = JSON.stringify({ url: `${url}${paths.signed}` });
      const headers = { "x-inngest-signature": await sign(SIGNING_KEY, body, Date.now()) };
      const response = await fetch(url + paths.signed, {
        method: "PUT",
        body,
        headers: { ...headers, "x-inngest-sync-kind": "in_band", "content-type": "application/json" },
      });
      expect([response.status, await response.json()]).toMatchObject([
        200,
        { app_id: "signed", url: url + paths.signed, functions: [{ id: "signed-greet" }, { id: "signed-slow" }] },
      ]);
    });

    test("a call runs a step, and the next one returns", async () => {
      const first = await post(paths.plain, callBody({ name: NAME }));
      expect([first.status, first.headers.get("content-type")]).toEqual([
        206,
        expect.stringContaining("application/json"),
      ]);
      const [op] = (await first.json()) as [{ id: string; data: unknown }];
      expect(op).toMatchObject({ op: "StepRun", data: `hello ${NAME}` });

      const steps = { [op.id]: { type: "data", data: op.data } };
      const second = await post(paths.plain, callBody({ name: NAME }, { steps }));
      expect([second.status, await second.json()]).toEqual([200, { greeting: `hello ${NAME}` }]);
    });

    test("a signed call is answered with a signature; a forged one is refused", async () => {
      const body = callBody({ name: NAME, list: [1, 2.5, null], nested: { b: 1, a: 2 } });
      const headers = { "x-inngest-signature": await sign(SIGNING_KEY, body, Date.now()) };
      const response = await post(paths.signed, body, headers, "signed-greet");
      const answer = await response.text();
      expect([response.status, answer]).toEqual([206, expect.stringContaining(NAME)]);
      const signature = response.headers.get("x-inngest-signature");
      expect(await verify(signature, [SIGNING_KEY], answer, Date.now(), "response")).toBe(true);

      const forged = await post(paths.signed, body.replace(NAME, "Mallory"), headers, "signed-greet");
      expect([forged.status, (await forged.json()) as object]).toMatchObject([
        401,
        { code: "sig_verification_failed" },
      ]);
    });

    test("a large call arrives whole", async () => {
      const name = "é".repeat((framework.largestBytes ?? 2 * 1024 * 1024) / 2);
      const body = JSON.stringify({ ctx: { run_id: "01JX" }, event: { name: "shop/any", data: { name } } });
      const [op] = (await (await post(paths.plain, body)).json()) as [{ data: string }];
      expect(op.data.length).toBe("hello ".length + name.length);
    });

    test("what is wrong with a call is said in the answer", async () => {
      const unknown = await post(paths.plain, callBody({}), {}, "shop-none");
      expect([unknown.status, await unknown.json()]).toMatchObject([500, { code: "function_not_found" }]);
    });

    test("other methods are refused", async () => {
      const response = await fetch(url + paths.plain, { method: "DELETE" });
      await response.text();
      expect(response.status).toBe(framework.deleteStatus ?? 405);
    });

    if (framework.streams === false) return;

    test("a streamed answer begins before the step has ended", async () => {
      const release = api.holdRelease();
      const body = callBody({ releaseUrl: `${api.url}/release` });
      const response = await post(paths.streaming, body, {}, "streaming-slow");
      expect(response.status).toBe(201);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let received = (await reader.read()).value ?? "";
      expect(received.trim()).toBe("");
      release("released");
      for (let next = await reader.read(); !next.done; next = await reader.read()) received += next.value;

      const headers = Object.fromEntries(response.headers);
      const reply = readReply({ kind: "answered", status: 201, headers, body: received }, Date.now(), 1);
      expect(reply).toMatchObject({ kind: "ops", version: 2, ops: [{ kind: "done", data: "released" }] });
      expect(headers["x-inngest-framework"]).toBe(framework.framework);
    });
  });
}

/** The API that apps register at, with a page that answers when the test says so. */
class LoopbackApi {
  readonly registrations: Registration[] = [];
  #release: Promise<string> = Promise.resolve("");
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  url = "";

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  holdRelease(): (answer: string) => void {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#release = promise;
    return resolve;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (request.url === "/release") return void response.end(await this.#release);
    if (request.url === "/dev") return void response.writeHead(404).end(); // apps ask whose API it is
    this.registrations.push({ path: request.url, body: JSON.parse(body) });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ ok: true, status: 200, modified: true }));
  }
}
