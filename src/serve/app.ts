import type { Inngest } from "../sdk/client.ts";
import type { InngestFunction, Registration } from "../sdk/function.ts";
import { registrationsOf } from "../sdk/registrations.ts";
import type { RunHost } from "../sdk/run-host.ts";
import { suggestion } from "../sdk/suggestion.ts";
import { checkStreaming, type StreamingOption } from "./streaming.ts";

/** Options of every adapter's `serve`. */
export interface ServeOptions {
  /** the app that is served: its id, its keys, its mode */
  client: Inngest;
  /** made by `client.createFunction`; their ids must differ */
  functions: readonly InngestFunction<unknown, object>[];
  /** `INNGEST_SERVE_PATH`: path of the handler as the platform sees it. Default: the path of the request */
  servePath?: string;
  /**
   * `INNGEST_SERVE_ORIGIN`: origin of the app as the platform sees it ("https://app.example.com"). Default: the origin
   * of the request, which behind a proxy may not be the public one.
   */
  serveOrigin?: string;
  /** @deprecated use `serveOrigin` */
  serveHost?: string;
  /**
   * `INNGEST_STREAMING`: answer calls by a stream that starts at once, for hosts that cut requests which stay silent.
   * `true` is a TypeError with an adapter that cannot; `"allow"` streams where it can. Default false
   */
  streaming?: StreamingOption;
  /**
   * `INNGEST_ENABLE_UNAUTHED_SYNC`: whether PUT without a signature makes the app register itself. Default true; in
   * development it always does.
   */
  enableUnauthedSync?: boolean;
}

const OPTIONS = [
  "client",
  "functions",
  "servePath",
  "serveOrigin",
  "serveHost",
  "streaming",
  "enableUnauthedSync",
  "framework",
  "canStream",
];
/** Options of `serve` in version 3 of Inngest's SDK that are the client's since. */
const CLIENT_OPTIONS = ["signingKey", "signingKeyFallback", "baseUrl", "fetch", "logger", "id"];

/** An app that is being served: its options, with its functions by the id that calls name. */
export interface ServedApp {
  client: Inngest;
  framework: string;
  functions: readonly InngestFunction<unknown, object>[];
  registrations: ReadonlyMap<string, Registration>;
  servePath?: string;
  serveOrigin?: string;
  streaming?: StreamingOption;
  canStream?: boolean;
  enableUnauthedSync?: boolean;
  /** what decides about its runs, when it is not a platform */
  host?: RunHost;
}

/**
 * Checks the options of `serve`.
 *
 * @throws TypeError when a function is not one, or two share an id; names both. Also when it shall stream and cannot
 */
export function servedApp(options: ServeOptions & { framework: string; canStream?: boolean }): ServedApp {
  if (typeof options !== "object" || options === null)
    throw new TypeError("serve: expected options, { client, functions }");
  const { client, functions } = options;
  if (typeof client?.send !== "function") throw new TypeError("serve: client: not made by new Inngest()");
  checkNames(options);
  checkStreaming(options);
  return {
    ...options,
    serveOrigin: options.serveOrigin ?? options.serveHost,
    registrations: registrationsOf(client, functions, "serve"),
  };
}

function checkNames(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || OPTIONS.includes(name)) continue;
    if (CLIENT_OPTIONS.includes(name))
      throw new TypeError(`serve: ${name}: is an option of the client; write new Inngest({ ${name}: … })`);
    throw new TypeError(
      `serve: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.slice(0, -2).join(", ")}`,
    );
  }
}

/**
 * The address at which the platform reaches the app, without query.
 *
 * @param requestUrl address at which a request arrived, or which a signed sync asks for
 */
export function serveUrl(app: ServedApp, requestUrl: string): string {
  const { client } = app;
  const origin = app.serveOrigin ?? client.envVar("INNGEST_SERVE_ORIGIN") ?? client.envVar("INNGEST_SERVE_HOST");
  const path = app.servePath ?? client.envVar("INNGEST_SERVE_PATH");
  const url = new URL(requestUrl);
  const pathname = path === undefined ? url.pathname.replace(/\/{2,}/g, "/") : absolute(path); // one app, one address
  if (origin === undefined) return `${url.origin}${pathname}`;
  const served = new URL(/^https?:\/\//i.test(origin) ? origin : `https://${origin}`);
  return `${served.origin}${pathname}`;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
