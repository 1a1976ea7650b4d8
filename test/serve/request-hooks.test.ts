import { expect, test } from "vitest";
import { headers } from "../../src/protocol/headers.ts";
import { verify } from "../../src/protocol/signature.ts";
import { Inngest, InngestMiddleware, Middleware, NonRetriableError } from "../../src/sdk/index.ts";
import { createHandler } from "../../src/serve/handler.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";
import { sign } from "../../src/protocol/signature.ts";
import { silent } from "../sdk/middleware/helpers.ts";

const KEY = "signkey-test-0123456789abcdef";
const BODY = JSON.stringify({ ctx: { run_id: RUN_ID }, event: EVENT, events: [EVENT], steps: {} });

/** A call of a function that returns 1, with one `wrapRequest`. */
async function call(wrapRequest: (args: Middleware.WrapRequestArgs) => Promise<Middleware.Response>, env = {}) {
  class Wrapping extends Middleware.BaseMiddleware {
    readonly id = "wrapping";
    override wrapRequest = wrapRequest;
  }
  const client = new Inngest({ id: "shop", isDev: false, signingKey: KEY, logger: silent, middleware: [Wrapping] });
  const functions = [client.createFunction({ id: "f" }, { event: EVENT.name }, () => 1)];
  const signature = await sign(KEY, BODY, Date.now(), "request");
  const request = new Request("http://app.test/api?fnId=shop-f&stepId=step", {
    method: "POST",
    body: BODY,
    headers: { [headers.signature]: signature },
  });
  const response = await createHandler({ client, functions, framework: "test" })(request, { env });
  const text = await response.text();
  expect(await verify(response.headers.get(headers.signature), [KEY], text, Date.now(), "response")).toBe(true);
  return { status: response.status, text, headers: response.headers, request };
}

test("[§1.7] wrapRequest sees the call and its answer", async () => {
  let seen: Middleware.WrapRequestArgs | undefined;
  const env = { KV: 1 };
  const { request } = await call(async (args) => {
    seen = args;
    const response = await args.next();
    expect(response).toEqual({ status: 200, body: "1", headers: {} });
    return response;
  }, env);
  expect(seen).toMatchObject({ runId: RUN_ID, requestArgs: [request, env, {}] });
  expect(seen?.fn?.id()).toBe("shop-f");
  expect(seen?.requestInfo).toMatchObject({ method: "POST", url: new URL(request.url) });
  expect(seen?.requestInfo.headers[headers.signature]).toBeDefined();
  expect(await seen?.requestInfo.body()).toEqual(JSON.parse(BODY));
});

test("it may change the answer, which is signed as it leaves", async () => {
  const changed = await call(async ({ next }) => ({ ...(await next()), body: "2", headers: { "x-own": "yes" } }));
  expect([changed.status, changed.text, changed.headers.get("x-own")]).toEqual([200, "2", "yes"]);
});

test.each([
  [new Error("not today"), "false"],
  [new NonRetriableError("never"), "true"],
])("when it throws %s the call fails, signed, with no-retry %s", async (error, noRetry) => {
  const failed = await call(() => Promise.reject(error));
  expect([failed.status, failed.headers.get(headers.noRetry)]).toEqual([500, noRetry]);
  expect(JSON.parse(failed.text)).toMatchObject({ message: error.message });
});

test("[v3] beforeResponse comes once per request, reqArgs are the runtime's", async () => {
  const log: unknown[] = [];
  const old = new InngestMiddleware({
    name: "old",
    init: () => ({
      onFunctionRun: ({ reqArgs }) => {
        log.push(reqArgs.length);
        return { beforeResponse: () => void log.push("beforeResponse") };
      },
    }),
  });
  const client = new Inngest({ id: "shop", isDev: true, logger: silent, middleware: [old] });
  const functions = [client.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) => step.run("a", () => 1))];
  const request = new Request("http://app.test/api?fnId=shop-f&stepId=step", { method: "POST", body: BODY });
  await createHandler({ client, functions, framework: "test" })(request);
  expect(log).toEqual([3, "beforeResponse"]);
});
