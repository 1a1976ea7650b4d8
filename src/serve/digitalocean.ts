import { createHandler, type ServeOptions } from "./handler.ts";
import { isRecord, wrongArguments } from "./passed.ts";

export const frameworkName = "digitalocean";

/** Arguments of a web function: the request under `http`; unless it is raw, also the fields of its query and JSON body. */
export interface WebFunctionArguments {
  http: {
    method: string;
    path?: string;
    headers?: Record<string, string | undefined>;
    /** raw functions only, as the next two */
    queryString?: string;
    body?: string;
    isBase64Encoded?: boolean;
  };
  [field: string]: unknown;
}

/** Query fields of the protocol; all others came in the body. */
const QUERY_FIELDS = ["fnId", "stepId", "probe", "deployId"];

/**
 * Serves an app's functions from a web function of DigitalOcean. Cannot stream. The function does not learn its address,
 * so `serveOrigin` and `servePath` are needed for the app to register.
 *
 * @throws TypeError when a function is not one, two share an id, or `streaming` is true
 * @example
 * exports.main = serve({ client: inngest, functions: [syncUser], serveOrigin: "https://faas-….doserverless.co", servePath: "/api/v1/web/fn-…/inngest" });
 */
export function serve(
  options: ServeOptions,
): (main?: WebFunctionArguments) => Promise<{ statusCode: number; headers: Record<string, string>; body: string }> {
  const handle = createHandler({ ...options, framework: frameworkName, canStream: false });
  return async (main) => {
    if (!isRecord(main) || !isRecord(main.http) || typeof main.http.method !== "string")
      throw wrongArguments(frameworkName, "arguments of a web function, with `http` among them", [main]);
    const response = await handle(requestOf(main as WebFunctionArguments));
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    };
  };
}

function requestOf({ http, ...fields }: WebFunctionArguments): Request {
  const query = new URLSearchParams(http.queryString);
  for (const name of QUERY_FIELDS) {
    if (typeof fields[name] === "string") query.set(name, fields[name]);
    delete fields[name];
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(http.headers ?? {})) if (value !== undefined) headers.set(name, value);
  const method = http.method.toUpperCase();
  const hasBody = method !== "GET" && method !== "HEAD";
  const path = http.path?.startsWith("/") ? http.path : "/";
  // the origin is made up; `serveOrigin` is the real one
  return new Request(`https://${frameworkName}.invalid${path}?${query}`, {
    method,
    headers,
    ...(hasBody ? { body: bodyOf(http, fields) } : {}),
  });
}

function bodyOf(http: WebFunctionArguments["http"], fields: object): string | Uint8Array<ArrayBuffer> {
  if (http.body === undefined) return Object.keys(fields).length === 0 ? "" : JSON.stringify(fields);
  return http.isBase64Encoded ? Uint8Array.from(atob(http.body), (char) => char.charCodeAt(0)) : http.body;
}
