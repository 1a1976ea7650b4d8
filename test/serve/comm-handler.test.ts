import { describe, expect, test } from "vitest";
import { sign } from "../../src/protocol/signature.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { InngestCommHandler } from "../../src/serve/index.ts";

const KEY = "signkey-test-0123456789abcdef0123456789abcdef";
const client = new Inngest({ id: "shop", isDev: false, signingKey: KEY });
const fn = client.createFunction({ id: "ship" }, { event: "a" }, ({ event, step }) => step.run("s", () => event.name));

/** A framework of its own: requests with a parsed body, responses as a tuple. */
interface Req {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: unknown;
}
const serve = new InngestCommHandler({
  client,
  functions: [fn],
  frameworkName: "own",
  handler: (req: Req, answer: (status: number, body: string) => void) => ({
    method: () => req.method,
    url: () => req.path,
    headers: (name) => req.headers[name],
    body: async () => req.body,
    transformResponse: ({ status, headers, body }) => {
      answer(status, body);
      return headers["x-inngest-framework"];
    },
  }),
}).createHandler();

const call = { ctx: { run_id: "01JX", attempt: 0 }, event: { name: "a", data: {} }, events: [], steps: {} };
const host = { host: "app.example.com" };

async function answerTo(req: Req): Promise<{ status: number; body: any; framework: string | undefined }> {
  let got: { status: number; body: any } = { status: 0, body: null };
  const framework = await serve(req, (status, body) => void (got = { status, body: JSON.parse(body) }));
  return { ...got, framework };
}

describe("an adapter of one's own", () => {
  test("runs a signed call whose body the framework has parsed", async () => {
    const signature = await sign(KEY, JSON.stringify(call), Date.now(), "request");
    const headers = { ...host, "x-inngest-signature": signature };
    const path = "/api/inngest?fnId=shop-ship&stepId=step";
    const { status, body, framework } = await answerTo({ method: "POST", path, headers, body: call });
    expect({ status, framework }).toEqual({ status: 206, framework: "own" });
    expect(body).toMatchObject([{ op: "StepRun", data: "a" }]);
  });

  test.each([
    ["POST", 401],
    ["GET", 401],
    ["PATCH", 405],
  ])("refuses an unsigned %s by %d", async (method, expected) => {
    expect((await answerTo({ method, path: "/api/inngest", headers: host, body: call })).status).toBe(expected);
  });
});
