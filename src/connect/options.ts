import type { Inngest } from "../sdk/client.ts";
import type { InngestFunction } from "../sdk/function.ts";
import { suggestion } from "../sdk/suggestion.ts";

/** Signals at which a worker finishes what it has and goes, unless `handleShutdownSignals` says otherwise. */
export const DEFAULT_SHUTDOWN_SIGNALS = ["SIGINT", "SIGTERM"];

/** An app that a worker serves. */
export interface ConnectApp {
  /** the app: its id, its keys, its mode */
  client: Inngest;
  /** made by `client.createFunction`. Default: all that the client has made */
  functions?: readonly InngestFunction<unknown, object>[];
}

/** Options of `connect`. */
export interface ConnectHandlerOptions {
  /** at most ten, of one environment; the first one's client says where the platform is and what the keys are */
  apps: readonly ConnectApp[];
  /** names this worker; stays the same when it starts again. Default: the machine's host name */
  instanceId?: string;
  /** `INNGEST_CONNECT_MAX_WORKER_CONCURRENCY`: calls that it executes at the same time. Default: as many as come */
  maxWorkerConcurrency?: number;
  /** signals of the process at which it finishes what it has and goes; `[]` for none. Default SIGINT and SIGTERM */
  handleShutdownSignals?: readonly string[];
  /** `INNGEST_CONNECT_GATEWAY_URL`: where to connect, in place of what the platform says, when a proxy is between */
  gatewayUrl?: string;
  /** the same as a function of what the platform says, as in version 3 of Inngest's SDK; `gatewayUrl` wins */
  rewriteGatewayEndpoint?: (endpoint: string) => string;
  /**
   * Inngest's client keeps the connection in a thread of its own. This one does not: code that blocks the event loop for
   * half a minute loses its connection.
   */
  isolateExecution?: boolean;
}

const OPTIONS = [
  "apps",
  "instanceId",
  "maxWorkerConcurrency",
  "handleShutdownSignals",
  "gatewayUrl",
  "rewriteGatewayEndpoint",
  "isolateExecution",
];

/** What `connect` was asked for, with what variables say. */
export interface ConnectSettings {
  apps: readonly ConnectApp[];
  client: Inngest;
  instanceId?: string;
  maxWorkerConcurrency?: number;
  shutdownSignals: readonly string[];
  gatewayUrl?: string;
  rewriteGatewayEndpoint?: (endpoint: string) => string;
}

/** @throws TypeError naming the option */
export function readOptions(options: ConnectHandlerOptions): ConnectSettings {
  if (typeof options !== "object" || options === null) throw new TypeError("connect: expected options, { apps }");
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name))
      throw new TypeError(
        `connect: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
      );
  const { apps, instanceId, handleShutdownSignals } = options;
  const [first] = Array.isArray(apps) ? apps : [];
  if (!first) throw new TypeError("connect: apps: no app is given");
  checkApps(apps);
  const { client } = first;
  if (options.isolateExecution === true)
    client.internalLogger.warn("connect: isolateExecution: the connection is kept in the thread of your code");
  return {
    apps,
    client,
    instanceId,
    maxWorkerConcurrency: maxConcurrencyOf(options, client),
    shutdownSignals: handleShutdownSignals ?? DEFAULT_SHUTDOWN_SIGNALS,
    gatewayUrl: gatewayUrlOf(options, client),
    rewriteGatewayEndpoint: options.rewriteGatewayEndpoint,
  };
}

function checkApps(apps: readonly ConnectApp[]): void {
  const ids = new Set<string>();
  const [first] = apps;
  for (const [index, app] of apps.entries()) {
    if (typeof app?.client?.send !== "function")
      throw new TypeError(`connect: apps[${index}]: client: not made by new Inngest()`);
    const { id, env, mode, signingKey } = app.client;
    if (ids.has(id)) throw new TypeError(`connect: apps: two apps have the id ${JSON.stringify(id)}`);
    ids.add(id);
    if (env !== first?.client.env)
      throw new TypeError(
        `connect: apps: they must be of one environment; ${JSON.stringify(id)} is of ${shown(env)} and ${JSON.stringify(first?.client.id)} of ${shown(first?.client.env)}`,
      );
    if (mode === "cloud" && signingKey === undefined)
      throw new TypeError(
        `connect: app ${JSON.stringify(id)} has no signing key: set INNGEST_SIGNING_KEY, or INNGEST_DEV=1 for development`,
      );
  }
}

function shown(env: string | undefined): string {
  return env === undefined ? "none" : JSON.stringify(env);
}

function maxConcurrencyOf({ maxWorkerConcurrency: given }: ConnectHandlerOptions, client: Inngest): number | undefined {
  const variable = client.envVar("INNGEST_CONNECT_MAX_WORKER_CONCURRENCY");
  const [value, where] =
    given === undefined && variable !== undefined
      ? [Number(variable), "INNGEST_CONNECT_MAX_WORKER_CONCURRENCY"]
      : [given, "connect: maxWorkerConcurrency"];
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
  throw new TypeError(`${where}: ${JSON.stringify(given ?? variable)} is not a whole number above 0`);
}

function gatewayUrlOf({ gatewayUrl }: ConnectHandlerOptions, client: Inngest): string | undefined {
  const variable = client.envVar("INNGEST_CONNECT_GATEWAY_URL");
  const url = gatewayUrl ?? variable;
  if (url === undefined || (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol))) return url;
  const where = gatewayUrl === undefined ? "INNGEST_CONNECT_GATEWAY_URL" : "connect: gatewayUrl";
  throw new TypeError(`${where}: ${JSON.stringify(url)} is not a URL of ws or wss`);
}
