import { createHandler, type ServeOptions } from "./handler.ts";
import { member, wrongArguments } from "./passed.ts";
import { failure, toResponse } from "./respond.ts";

export const frameworkName = "aws-lambda";

/** Events of API Gateway (payload 1.0 and 2.0), function URLs (2.0) and load balancers (1.0), as far as they are read. */
export interface LambdaEvent {
  headers?: Record<string, string | undefined> | null;
  multiValueHeaders?: Record<string, string[] | undefined> | null;
  body?: string | null;
  isBase64Encoded?: boolean;
  requestContext?: unknown;
  /** 2.0 */
  rawPath?: string;
  rawQueryString?: string;
  /** 1.0 */
  httpMethod?: string;
  path?: string;
  queryStringParameters?: Record<string, string | undefined> | null;
}

/** Of both payload versions. */
export interface LambdaResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * Serves an app's functions from AWS Lambda behind an API Gateway, a function URL or a load balancer. Cannot stream.
 *
 * @throws TypeError when a function is not one, two share an id, or `streaming` is true
 * @example
 * export const handler = serve({ client: inngest, functions: [syncUser] });
 */
export function serve(options: ServeOptions): (event: LambdaEvent, context?: unknown) => Promise<LambdaResult> {
  return serveGateway(options, frameworkName);
}

/** Also the handler of frameworks upon Lambda. */
export function serveGateway(options: ServeOptions, framework: string): ReturnType<typeof serve> {
  const handle = createHandler({ ...options, framework, canStream: false });
  return async (event) => {
    const method = member(event, "requestContext", "http", "method") ?? member(event, "httpMethod");
    if (typeof method !== "string")
      throw wrongArguments(framework, "an event of API Gateway, a function URL or a load balancer", [event]);
    const request = requestOf(event, method);
    const response = request ? await handle(request) : await badRequest(framework);
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  };
}

function badRequest(framework: string): Promise<Response> {
  const answer = failure(
    400,
    "invalid_event",
    "The event's host is not a host name, or its body is not the base64 it claims",
  );
  return toResponse(answer, new Request("http://localhost"), framework);
}

function requestOf(event: LambdaEvent, method: string): Request | undefined {
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers ?? {})) if (value !== undefined) headers.set(name, value);
  for (const [name, values] of Object.entries(event.multiValueHeaders ?? {}))
    if (!headers.has(name)) for (const value of values ?? []) headers.append(name, value);
  const scheme = headers.get("x-forwarded-proto") === "http" ? "http" : "https";
  const host = headers.get("host") ?? member(event, "requestContext", "domainName") ?? "localhost";
  try {
    const hasBody = method !== "GET" && method !== "HEAD";
    return new Request(`${scheme}://${host}${pathOf(event)}${queryOf(event)}`, {
      method,
      headers,
      ...(hasBody ? { body: bodyOf(event) } : {}),
    });
  } catch {
    return undefined;
  }
}

/** With the stage in front, as the outside has to write it; `path` of payload 1.0 is without. */
function pathOf(event: LambdaEvent): string {
  const path = event.rawPath ?? member(event, "requestContext", "path") ?? event.path;
  return typeof path === "string" && path.startsWith("/") ? path : "/";
}

function queryOf(event: LambdaEvent): string {
  if (event.rawQueryString !== undefined) return `?${event.rawQueryString}`;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(event.queryStringParameters ?? {}))
    if (value !== undefined) query.append(name, value);
  return `?${query}`;
}

function bodyOf({ body, isBase64Encoded }: LambdaEvent): string | Uint8Array<ArrayBuffer> {
  if (!body) return "";
  return isBase64Encoded ? Uint8Array.from(atob(body), (char) => char.charCodeAt(0)) : body;
}
