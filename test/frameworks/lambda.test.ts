/** There is no Lambda to run here: a gateway on the loopback makes the events that AWS documents out of real requests. */
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { Inngest } from "@dotdo/inngest";
import { serve, type LambdaEvent, type LambdaResult } from "@dotdo/inngest/lambda";
import { serve as serveRedwood } from "@dotdo/inngest/redwood";
import { expect, test } from "vitest";
import { makeHandlers } from "./apps/shop.js";
import { conformance, type Served } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

type Lambda = (event: LambdaEvent) => Promise<LambdaResult>;
type MakeEvent = (request: IncomingMessage, body: Buffer) => LambdaEvent;

function gateway(makeEvent: MakeEvent, { plain, signed }: { plain: Lambda; signed: Lambda }): Promise<Served> {
  return listen(async (request, response) => {
    const handler = request.url!.includes("/api/signed") ? signed : plain;
    const { statusCode, headers, body } = await handler(makeEvent(request, await buffer(request)));
    response.writeHead(statusCode, headers).end(body);
  });
}

const parts = (request: IncomingMessage) => {
  const [path = "", query = ""] = request.url!.split("?");
  const headers: Record<string, string | undefined> = {
    ...(request.headers as Record<string, string>),
    "x-forwarded-proto": "http",
  };
  return { path, query, headers, method: request.method! };
};

/** HTTP APIs and function URLs. */
const version2: MakeEvent = (request, body) => {
  const { path, query, headers, method } = parts(request);
  return {
    version: "2.0",
    rawPath: path,
    rawQueryString: query,
    headers,
    requestContext: { domainName: "abc.execute-api.test", http: { method, path } },
    ...(body.length > 0 ? { body: body.toString("base64") } : {}),
    isBase64Encoded: body.length > 0,
  } as LambdaEvent;
};

/** REST APIs; behind a stage, which `path` does not have. */
const version1: MakeEvent = (request, body) => {
  const { path, query, headers, method } = parts(request);
  const { host, ...others } = headers;
  return {
    httpMethod: method,
    path: path.replace(/^\/prod/, ""),
    headers: null,
    multiValueHeaders: Object.fromEntries(
      Object.entries({ Host: host, ...others }).map(([name, value]) => [name, [value!]]),
    ),
    queryStringParameters: query === "" ? null : Object.fromEntries(new URLSearchParams(query)),
    requestContext: { path, stage: "prod" },
    body: body.length > 0 ? body.toString() : null,
    isBase64Encoded: false,
  };
};

for (const [name, makeEvent, prefix] of [
  ["payload 2.0", version2, "/api"],
  ["payload 1.0", version1, "/prod/api"],
] as const)
  for (const [of, adapter, framework] of [
    ["Lambda", serve, "aws-lambda"],
    ["RedwoodJS", serveRedwood, "redwoodjs"],
  ] as const)
    conformance(`${of}, ${name}`, {
      framework,
      streams: false,
      paths: { plain: `${prefix}/inngest`, signed: `${prefix}/signed`, streaming: "" },
      start(apiUrl) {
        setVariables(apiUrl);
        return gateway(makeEvent, makeHandlers(adapter, { canStream: false }));
      },
    });

test("streaming cannot be had, which is said at once", () => {
  const options = { client: new Inngest({ id: "shop" }), functions: [], streaming: true };
  expect(() => serve(options)).toThrow("serve (aws-lambda): streaming: this adapter cannot stream its answers");
});
