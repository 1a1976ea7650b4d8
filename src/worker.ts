/** The platform as a Worker: `createWorker` and the classes that the Worker must export. Wiring only. */
import { env, exports, waitUntil } from "cloudflare:workers";
import { platformApp } from "./app.ts";
import { BoundApps, boundEntrypoint } from "./bound-apps.ts";
import { acceptRecords, readMessage } from "./durable-objects/accept.ts";
import { routeBatch, sayFailed } from "./durable-objects/consumer.ts";
import { install } from "./durable-objects/installed.ts";
import { publishData } from "./durable-objects/publish-data.ts";
import { orderedNamesOf } from "./durable-objects/ordered-names.ts";
import { readRetention, type RetentionByStatus } from "./durable-objects/retention.ts";
import { RUN_TIMING, type RunTiming } from "./durable-objects/run-object.ts";
import type { LocalTransport } from "./durable-objects/transport.ts";
import { answerScheduleRequest } from "./durable-objects/schedule-requests.ts";
import { sweepAll } from "./durable-objects/sweep.ts";
import { objects } from "./durable-objects/workerd-host.ts";
import { checkCrons } from "./engine/cron.ts";
import { checkExpressions } from "./engine/expression.ts";
import type { Run } from "./engine/run.ts";
import { environmentOf, MAIN_ENV, requestedEnvironment } from "./environment.ts";
import type { HttpCall } from "./http-call.ts";
import { readEvents, readSeed } from "./protocol/event-request.ts";
import { textHash } from "./protocol/ids.ts";
import { bearerMatches } from "./protocol/signature.ts";
import { CALL_TIMEOUT_DEV_MS, CALL_TIMEOUT_MS } from "./protocol/limits.ts";
import { realtimeToken } from "./protocol/realtime-token.ts";
import type { Signal } from "./protocol/signal.ts";
import { durationMs } from "./protocol/time-string.ts";
import { readSync } from "./routes/apps.ts";
import { readSession } from "./routes/connect.ts";
import { syncConfigured } from "./routes/app-sync.ts";
import { dashboardBase, type Dashboard } from "./routes/dashboard.ts";
import { checkpointDoor } from "./routes/checkpoint.ts";
import { connectSubscriber, realtimeKeys } from "./routes/realtime.ts";
import { environmentOfRun, runAskedFor } from "./routes/run-environment.ts";
import { checkWebhooks } from "./routes/webhooks.ts";
import type { Inngest } from "./sdk/client.ts";
import type { InngestFunction } from "./sdk/function.ts";
import { bindRealtime, type RealtimeService } from "./sdk/realtime/service.ts";
import { bindSchedules } from "./sdk/schedules.ts";
import { bindSender } from "./sdk/sender.ts";
import { suggestion } from "./sdk/suggestion.ts";
import { bindSignals } from "./sdk/signals.ts";
import { sdkName } from "./sdk/version.ts";
import type { InngestWebhook } from "./sdk/webhook/webhook.ts";
import { openFiles, retentionText, settings } from "./settings.ts";
import { BindingFunctions } from "./transports/binding.ts";
import { ConnectFunctions } from "./transports/connect.ts";
import { HttpFunctions } from "./transports/http.ts";
import type { Exchange } from "./transports/gateway.ts";
import type { Post } from "./transports/post.ts";
import { LocalFunctions } from "./transports/local.ts";

export { ChannelDO } from "./durable-objects/channel-do.ts";
export { ConnectDO } from "./durable-objects/connect-do.ts";
export { EventDO } from "./durable-objects/event-do.ts";
export { HistoryDO } from "./durable-objects/history-do.ts";
export { ConcurrencyDO } from "./durable-objects/concurrency-do.ts";
export { RegistryDO } from "./durable-objects/registry-do.ts";
export { StepDO } from "./durable-objects/step-do.ts";
export { HttpCall } from "./http-call.ts";

/** An app that answers what the platform does not: a Hono app, or anything with `fetch`. */
interface App {
  fetch(request: Request, env: Cloudflare.Env, ctx: ExecutionContext): Response | Promise<Response>;
}

export interface WorkerOptions {
  /** client whose functions live in this Worker; its `send` delivers in process */
  client?: Inngest;
  /** functions that run inside this Worker */
  functions?: readonly InngestFunction[];
  /** made by `client.createWebhook`; each is served at `/webhooks/<id>` and delivers its events in process */
  webhooks?: readonly InngestWebhook[];
  /**
   * names of service bindings of this Worker, each to an entrypoint that another Worker made by `functionsEntrypoint`: the
   * functions of that app run there, and report each step by RPC
   */
  bindings?: readonly string[];
  /** answers every request that is not the platform's */
  app?: App;
  /**
   * Path at which the dashboard stands, or false for nowhere. It needs the assets binding `INNGEST_DASHBOARD`. Default
   * `/`, and `/inngest` when there is an `app`
   */
  dashboard?: string | false;
  /**
   * how long ended runs and their events are kept: milliseconds or a duration, at least 7 days; or by how runs have ended, as
   * in `{ default: "30d", completed: "7d", failed: "90d" }`. Default `INNGEST_RETENTION`, or 30 days
   */
  retention?: number | string | RetentionByStatus;
  /**
   * How long one call to an app over HTTP may take: milliseconds or a duration. Default 15 minutes, which is what the
   * platform allows once deployed; in dev mode 2 hours.
   */
  callTimeout?: number | string;
  /** for tests: shorter watchdog and alarms */
  timing?: Partial<RunTiming>;
}

/**
 * The handlers of a Worker that is the platform: alone, beside apps that it calls over HTTP, or with an app and its
 * functions in it.
 *
 * @throws TypeError naming the option, or the function and its trigger, when one cannot be used
 * @example
 * export { StepDO, EventDO, ConcurrencyDO, RegistryDO, HistoryDO, ChannelDO, ConnectDO, HttpCall } from "@dotdo/inngest/worker";
 * export default createWorker({ client: inngest, functions: [syncUser], app });
 */
export function createWorker(options: WorkerOptions = {}): ExportedHandler<Cloudflare.Env, string> {
  checkNames(options);
  const { client, functions = [], webhooks = [], bindings = [], app: userApp } = options;
  if (functions.length > 0 && !client) throw new TypeError("createWorker: functions need the `client` that made them");
  checkWebhooks(webhooks);
  const local = new LocalFunctions(client, functions, { env, waitUntil });
  for (const { id, crons, triggers, flow } of local.registered()) {
    checkCrons(id, crons);
    checkExpressions(id, triggers, flow);
  }
  const http = new HttpFunctions({
    post: callApp(options.callTimeout),
    exchange: makeRequest(options.callTimeout),
    signingKey: () => (settings().isDev ? null : (settings().signingKeys[0] ?? null)),
    isDev: () => settings().isDev,
    now: () => Date.now(),
  });
  install({
    transports: { local: withBindings(local), http, connect: new ConnectFunctions() },
    connect: { session: (token) => readSession(settings, token), readSync: (body) => readSync(body, "connect") },
    realtimeKeys: () => realtimeKeys(settings()),
    openFiles,
    retention: readRetention(options.retention, retentionText()),
    timing: { ...RUN_TIMING, ...options.timing },
  });
  if (client) {
    bindSender(client, sendInProcess);
    bindRealtime(client, realtimeInProcess);
    bindSignals(client, signalInProcess);
    bindSchedules(client, (request) => answerScheduleRequest(objects, MAIN_ENV, request, Date.now()));
  }
  for (const webhook of webhooks) bindSender(webhook.client, sendInProcess);
  const dashboard = dashboardOf(options.dashboard, userApp === undefined);
  const own = dashboardBase(options.dashboard || undefined, userApp !== undefined) ?? "";
  const appOf = appsByEnvironment((name) => {
    const app = platformApp(objects, name, settings, webhooks, dashboard, own);
    if (userApp)
      app.notFound((c) => userApp.fetch(c.req.raw, c.env as Cloudflare.Env, c.executionCtx as ExecutionContext));
    return app;
  });
  const checkpoint = checkpointDoor(objects, settings);
  const boundApps = new BoundApps({ bindings, env, objects, now: () => Date.now() });
  const registerLocal = registerOnce(local, client);
  const ensureRegistered = async () => {
    await registerLocal();
    await boundApps.ensureRegistered();
  };

  return {
    async fetch(request, workerEnv, ctx) {
      await ensureRegistered();
      return checkpoint(request) ?? (await appOf(request)).fetch(request, workerEnv, ctx);
    },
    async queue(batch) {
      await ensureRegistered();
      await consume(batch);
    },
    async scheduled() {
      await registerLocal();
      await boundApps.register();
      await Promise.all([
        sweepAll(objects, Date.now()),
        syncConfigured({ objects, env: MAIN_ENV, settings, fetch: (...request) => fetch(...request) }),
      ]);
    },
  };
}

/** Apps that one isolate keeps: making one again costs a millisecond. */
const APPS_MAX = 32;

/** The platform's app for the environment that a request names; of those asked for lately each is made once. */
function appsByEnvironment(make: (name: string) => ReturnType<typeof platformApp>) {
  const apps = new Map<string, ReturnType<typeof platformApp>>();
  return async (request: Request) => {
    const { isDev, signingKeys } = settings();
    const asked = requestedEnvironment(request, signingKeys);
    const runId = await runNamedBy(request, isDev, signingKeys);
    const named = asked.kind === "named" ? asked.name : MAIN_ENV; // which refuses it, if the request is the platform's
    const name = runId === null ? named : await environmentOfRun(objects, runId, Date.now());
    const app = apps.get(name) ?? make(name);
    apps.delete(name);
    apps.set(name, app);
    const [oldest] = apps.keys();
    if (apps.size > APPS_MAX && oldest !== undefined) apps.delete(oldest);
    return app;
  };
}

/** Null also for who has no key: such requests are refused, and cost no look into every environment. */
async function runNamedBy(request: Request, isDev: boolean, signingKeys: string[]): Promise<string | null> {
  const runId = runAskedFor(request);
  const isAllowed =
    runId !== null && (isDev || (await bearerMatches(request.headers.get("authorization"), signingKeys)));
  return isAllowed ? runId : null;
}

const OPTIONS = [
  "client",
  "functions",
  "webhooks",
  "bindings",
  "app",
  "dashboard",
  "retention",
  "callTimeout",
  "timing",
];

function checkNames(options: WorkerOptions): void {
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !OPTIONS.includes(name))
      throw new TypeError(
        `createWorker: ${JSON.stringify(name)} is not an option${suggestion(name, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
      );
  if (options.app !== undefined && typeof options.app?.fetch !== "function")
    throw new TypeError("createWorker: app: it has no `fetch`, as a Hono app has");
  if (options.bindings !== undefined && !isNames(options.bindings))
    throw new TypeError('createWorker: bindings: not a list of names of service bindings, such as ["SHOP"]');
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string" && name !== "");
}

/** Functions of this Worker, and of those that it has bindings to. */
function withBindings(local: LocalFunctions): LocalTransport {
  const bound = new BindingFunctions({ entrypoint: (binding) => boundEntrypoint(env, binding), send: sendInProcess });
  const of = (run: Pick<Run, "functionId" | "binding">) => (bound.has(run) ? bound : local);
  return {
    has: (run) => of(run).has(run),
    activate: (run, ...more) => of(run).activate(run, ...more),
  };
}

/** Tells the registry of this version's functions; once per isolate, and nothing is written when it knows them. */
function registerOnce(local: LocalFunctions, client: Inngest | undefined): () => Promise<void> {
  let registered: Promise<void> | null = null;
  return async () => {
    if (!client) return;
    registered ??= register(local, client).catch((error) => {
      registered = null; // the next request tries again
      throw error;
    });
    await registered;
  };
}

async function register(local: LocalFunctions, client: Inngest): Promise<void> {
  const functions = local.registered();
  const checksum = textHash(JSON.stringify(functions));
  const app = { appId: client.id, url: null, sdk: sdkName, framework: "worker" };
  const outcome = await objects.registry(MAIN_ENV).sync({ ...app, functions, checksum });
  if (outcome.kind === "taken")
    throw new Error(`function "${outcome.functionId}" belongs to app "${outcome.appId}" already; choose another id`);
}

/** Routes each environment's messages; what could not be routed is delivered again. */
async function consume(batch: MessageBatch<string>): Promise<void> {
  const read = batch.messages.map((message) => ({ message, body: readMessage(message.body) }));
  for (const [name, ofEnv] of Map.groupBy(read, ({ body }) => body.env)) {
    const bodies = ofEnv.map(({ body }) => body);
    try {
      await routeBatch(objects, name, bodies, Date.now());
    } catch (error) {
      console.error(`routing ${bodies.length} message(s) failed; they are delivered again`, error);
      await sayFailed(objects, name, bodies, error);
      for (const { message } of ofEnv) message.retry();
    }
  }
}

/** `client.send` inside the Worker: the same checks and the same log as over HTTP. */
async function sendInProcess(events: unknown[], seed: string): Promise<{ ids: string[] }> {
  const now = Date.now();
  const random = crypto.getRandomValues(new Uint8Array(10));
  const read = readEvents(JSON.stringify(events), readSeed(seed, now, random), now);
  const records = await orderedNamesOf(objects, MAIN_ENV).place(read, now);
  await acceptRecords(objects, MAIN_ENV, records, now);
  return { ids: records.map((record) => record.internalId) };
}

/** `client.realtime` inside the Worker. */
const realtimeInProcess: RealtimeService = {
  publish: ({ topic, ...message }) => publishData(objects, MAIN_ENV, { ...message, topics: [topic] }, Date.now()),
  async token(channel, topics) {
    const [key] = realtimeKeys(settings());
    if (key === undefined)
      throw new Error("no signing key is configured, with which to sign tokens: set the secret INNGEST_SIGNING_KEY");
    return realtimeToken({ env: MAIN_ENV, topics: [{ channel, topics: [...topics] }] }, key, Date.now());
  },
  async connect(token) {
    const { socket } = await connectSubscriber(objects, settings(), token, null);
    socket.accept();
    return socket;
  },
};

/** `client.sendSignal` inside the Worker: as over HTTP. */
async function signalInProcess(signal: Signal, env = ""): Promise<{ runId: string | null }> {
  const asked = environmentOf(env, settings().signingKeys);
  if (asked.kind === "invalid") throw new TypeError(`inngest.sendSignal: ${asked.message}`);
  return objects.signal(asked.name, signal.name).send(signal);
}

/** Null without the binding: then no path is the dashboard's. */
function dashboardOf(option: string | false | undefined, isAlone: boolean): Dashboard | null {
  const base = dashboardBase(option, !isAlone);
  const assets = Reflect.get(env, "INNGEST_DASHBOARD") as Dashboard["assets"] | undefined;
  return base === null || assets === undefined ? null : { base, isAlone, assets };
}

function callApp(callTimeout: number | string | undefined): Post {
  const timeoutMs = timeoutOf(callTimeout);
  return async (request) => httpCall().post(request, timeoutMs());
}

function makeRequest(callTimeout: number | string | undefined): Exchange {
  const timeoutMs = timeoutOf(callTimeout);
  return async (request) => httpCall().exchange(request, timeoutMs(), settings().isDev);
}

function timeoutOf(callTimeout: number | string | undefined): () => number {
  const timeoutMs = callTimeout === undefined ? undefined : durationMs(callTimeout, "createWorker: callTimeout");
  return () => timeoutMs ?? (settings().isDev ? CALL_TIMEOUT_DEV_MS : CALL_TIMEOUT_MS);
}

function httpCall(): Service<HttpCall> {
  const entrypoint = (exports as unknown as { HttpCall?: Service<HttpCall> }).HttpCall; // of the user's Worker
  if (!entrypoint)
    throw new Error('the Worker does not export HttpCall: add `export { HttpCall } from "@dotdo/inngest/worker"`');
  return entrypoint;
}
