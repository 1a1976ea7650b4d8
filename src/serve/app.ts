import { InngestFunction, type Registration } from "../sdk/function.ts";
import type { Inngest } from "../sdk/client.ts";

/** Options of every adapter's `serve`. */
export interface ServeOptions {
  client: Inngest;
  /** made by `client.createFunction`; their ids must differ */
  functions: readonly InngestFunction[];
  /** `INNGEST_SERVE_PATH`: path of the handler as the platform sees it. Default: the path of the request */
  servePath?: string;
  /**
   * `INNGEST_SERVE_ORIGIN`: origin of the app as the platform sees it ("https://app.example.com"). Default: the origin
   * of the request, which behind a proxy may not be the public one.
   */
  serveOrigin?: string;
}

/** An app that is being served: its options, with its functions by the id that calls name. */
export interface ServedApp {
  client: Inngest;
  framework: string;
  functions: readonly InngestFunction[];
  registrations: ReadonlyMap<string, Registration>;
  servePath?: string;
  serveOrigin?: string;
}

/**
 * Checks the options of `serve`.
 *
 * @throws TypeError when a function is not one, or two share an id; names both
 */
export function servedApp(options: ServeOptions & { framework: string }): ServedApp {
  const { client, functions } = options;
  if (typeof client?.send !== "function") throw new TypeError("serve: client: not made by new Inngest()");
  if (!Array.isArray(functions)) throw new TypeError("serve: functions: not a list of functions");
  const registrations = new Map<string, Registration>();
  for (const [index, fn] of functions.entries()) {
    if (typeof fn?.registrations !== "function")
      throw new TypeError(
        `serve: functions[${index}] is ${fn === undefined ? "undefined; do two modules import each other?" : "not made by createFunction"}`,
      );
    for (const registration of fn.registrations(client.id)) {
      const other = registrations.get(registration.id);
      if (other !== undefined)
        throw new TypeError(
          `serve: functions "${other.name}" and "${registration.name}" both have the id ${JSON.stringify(registration.id)}`,
        );
      registrations.set(registration.id, registration);
    }
  }
  return { ...options, registrations };
}

/**
 * The address at which the platform reaches the app, without query.
 *
 * @param requestUrl address at which a request arrived, or which a signed sync asks for
 */
export function serveUrl(app: ServedApp, requestUrl: string): string {
  const origin = app.serveOrigin ?? app.client.envVar("INNGEST_SERVE_ORIGIN");
  const path = app.servePath ?? app.client.envVar("INNGEST_SERVE_PATH");
  const url = new URL(requestUrl);
  if (origin === undefined) return `${url.origin}${path === undefined ? url.pathname : absolute(path)}`;
  const served = new URL(/^https?:\/\//i.test(origin) ? origin : `https://${origin}`);
  return `${served.origin}${path === undefined ? url.pathname : absolute(path)}`;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
