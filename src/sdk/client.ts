import { headers } from "../protocol/headers.ts";
import { ambient } from "./ambient.ts";
import {
  baseUrl,
  branchEnv,
  processEnv,
  publicEnv,
  readDevSetting,
  type DevSetting,
  type EnvVars,
} from "./environment.ts";
import { inheriting, payloadsJson, preparePayload, readPayloads } from "./event-payload.ts";
import type { EventSchemas } from "./event-schemas.ts";
import { InngestFunction, type FunctionOwner } from "./function.ts";
import type { ClientContext, EventsOf } from "./helper-types.ts";
import type { Class } from "./middleware/base.ts";
import type { MiddlewareContext } from "./middleware/context-type.ts";
import { readMiddleware, registerMiddleware, type MiddlewareOption } from "./middleware/chain.ts";
import { sendThrough } from "./middleware/send.ts";
import { clientRealtime, type ClientRealtime } from "./realtime/client.ts";
import { Schedules } from "./schedules.ts";
import { makeSeed, postEvents } from "./send.ts";
import { boundSender, type EventSender } from "./sender.ts";
import type { Serializer } from "./serializer.ts";
import { sendSignal, type SendSignalOptions, type SendSignalResponse } from "./signals.ts";
import { suggestion } from "./suggestion.ts";
import type { FailureHandler, Handler, Logger } from "./context.ts";
import type {
  AnyEventType,
  EventMap,
  EventName,
  EventOf,
  InvokeDataOf,
  KnownPayload,
  SendPayload,
} from "./event-map.ts";
import type { EventPayload, PropagatedEventSessions } from "./event.ts";
import type { FunctionOptions, Trigger } from "./function-options.ts";
import { sdkName } from "./version.ts";
import { InngestWebhook, type WebhookOptions } from "./webhook/webhook.ts";

/** Options of {@link Inngest}. Each that names a variable is read from it when left out, at use and not before. */
export interface ClientOptions {
  /** the app's id; functions in progress belong to it, so keep it */
  id: string;
  /** `INNGEST_EVENT_KEY`: permits sending events */
  eventKey?: string;
  /** `INNGEST_SIGNING_KEY`: proves that calls come from the platform, and syncs the app */
  signingKey?: string;
  /** `INNGEST_SIGNING_KEY_FALLBACK`: also accepted, while keys are being changed */
  signingKeyFallback?: string;
  /**
   * `INNGEST_API_BASE_URL` and `INNGEST_EVENT_API_BASE_URL`, else `INNGEST_BASE_URL`, else `INNGEST_DEV` when that is a
   * URL: where the platform is. Default: `http://localhost:8288` in development, Inngest's own cloud otherwise.
   */
  baseUrl?: string;
  /** used instead of the global `fetch` */
  fetch?: typeof fetch;
  /**
   * `INNGEST_ENV`, else the branch that Vercel, Cloudflare Pages, Netlify, Render or Railway name: a branch environment
   */
  env?: string;
  /** `INNGEST_DEV`: development, where nothing is signed and no key is needed. Default false */
  isDev?: boolean;
  /** what handlers log with. Default `console` */
  logger?: Logger;
  /** receives what the client itself has to say. Default: `logger` */
  internalLogger?: Logger;
  /**
   * What is kept with a run of the lines that its code writes, on @dotdo/inngest's own server: with `logger` and the console, or
   * `"logger"` alone, or nothing. Default true
   */
  captureLogs?: boolean | "logger";
  /** around requests, runs, steps and sends; the first is outermost */
  middleware?: readonly MiddlewareOption[];
  /** reported when the app is synced */
  appVersion?: string;
  /** the app's events: types for all that names one, and checks of those described by a schema */
  schemas?: EventSchemas<EventMap>;
  /** carries Date, Map, BigInt and others through events and step results. Default: JSON alone */
  serializer?: Serializer;
  /**
   * `INNGEST_SESSION_PROPAGATION`: events sent inside a run inherit its sessions, and so do functions it invokes. Without
   * it handlers are not given `sessions` either. Default true
   */
  sessionPropagation?: boolean;
  /**
   * `false`: over HTTP each step is a call of its own. What else Inngest's SDK takes here changes nothing: each step is committed
   * as it ends.
   */
  checkpointing?: unknown;
  /** @deprecated as `checkpointing` */
  experimentalCheckpointing?: unknown;
  /** Of Inngest's SDK, without effect: steps beside each other go on as soon as one has ended. */
  optimizeParallelism?: boolean;
  /** Of Inngest's SDK, without effect: nothing is read from traces. */
  aiMetadata?: boolean;
}

const OPTIONS: readonly (keyof ClientOptions)[] = [
  "id",
  "eventKey",
  "signingKey",
  "signingKeyFallback",
  "baseUrl",
  "fetch",
  "env",
  "isDev",
  "logger",
  "internalLogger",
  "captureLogs",
  "middleware",
  "appVersion",
  "schemas",
  "serializer",
  "sessionPropagation",
  // taken so that code written for Inngest's SDK needs no edit
  "checkpointing",
  "experimentalCheckpointing",
  "optimizeParallelism",
  "aiMetadata",
];

const DEV_URL = "http://localhost:8288/";
const CLOUD_API_URL = "https://api.inngest.com/";
const CLOUD_EVENT_URL = "https://inn.gs/";
const DEV_EVENT_KEY = "NO_EVENT_KEY_SET"; // any key will do for a development server (inngest-protocol §1.2)

/**
 * An app: sends events and defines functions. Reads nothing and connects to nothing until it is used.
 *
 * @throws TypeError when `id` is missing or an option is not known
 * @example
 * const inngest = new Inngest({ id: "my-app" });
 */
export class Inngest<const TOptions extends ClientOptions = ClientOptions> implements FunctionOwner {
  /** types only */
  declare readonly "~options": TOptions;
  readonly id: string;
  readonly middleware: readonly Class[];
  readonly #options: ClientOptions;
  readonly #functions: InngestFunction[] = [];
  #env: EnvVars = {};

  constructor(options: TOptions) {
    const id: unknown = options?.id;
    if (typeof id !== "string" || id.trim() === "")
      throw new TypeError(`new Inngest: id: ${JSON.stringify(id)} is not an app id; it must be a non-empty string`);
    for (const [option, value] of Object.entries(options))
      if (value !== undefined && !OPTIONS.some((known) => known === option))
        throw new TypeError(
          `new Inngest: ${JSON.stringify(option)} is not an option of this version${suggestion(option, OPTIONS)}; there are ${OPTIONS.join(", ")}`,
        );
    this.id = id;
    this.#options = options;
    this.middleware = readMiddleware(options.middleware, "new Inngest");
    registerMiddleware(this.middleware, this, null);
  }

  /**
   * Sends events. Each starts the functions that it triggers, and wakes the runs that wait for it.
   *
   * Tried up to five times on network errors, 429 and 5xx; repeating is safe, the events keep their ids.
   *
   * @param options.env branch environment to send to, instead of the client's
   * @param options.seed `<ms>,<base64 of 10 bytes>`: sending again with the same seed names the same events
   * @returns the events' ids, in their order; they are the platform's own, whatever `id` an event carries
   * @throws TypeError for an event that is not one, or when there is no event key
   * @throws EventValidationError for data that the event's schema does not take
   * @throws SendError when the server refuses the events or cannot be reached
   * @example
   * const { ids } = await inngest.send({ name: "user/created", data: { userId: "123" } });
   */
  send(
    payload: SendPayload<EventsOf<TOptions>> | readonly SendPayload<EventsOf<TOptions>>[],
    options?: { env?: string; seed?: string; /** @internal */ step?: SendingStep },
  ): Promise<{ ids: string[] }>;
  /** As above for one event: compilers explain what is wrong by the last form, and this one says it plainly. */
  send(
    payload: KnownPayload<EventsOf<TOptions>>,
    options?: { env?: string; seed?: string; /** @internal */ step?: SendingStep },
  ): Promise<{ ids: string[] }>;
  async send(
    payload: unknown,
    options?: { env?: string; seed?: string; step?: SendingStep },
  ): Promise<{ ids: string[] }> {
    const sessions = (options?.step ?? runOf(this))?.sessions();
    const events = await Promise.all(
      readPayloads(payload).map((event) => preparePayload(inheriting(event, sessions), this)),
    );
    if (events.length === 0) {
      this.internalLogger.warn("inngest.send: the list of events is empty, so nothing was sent");
      return { ids: [] };
    }
    return sendThrough(this, options?.step?.fn ?? null, events, (changed) => this.#deliver(changed, options));
  }

  async #deliver(
    events: EventPayload[],
    options?: { env?: string; seed?: string; step?: SendingStep },
  ): Promise<{ ids: string[] }> {
    const body = payloadsJson(events);
    const seed = options?.seed ?? makeSeed();
    const sender = (options?.step ?? runOf(this))?.send ?? boundSender(this);
    if (sender !== undefined) return sender(JSON.parse(body), seed); // what HTTP would deliver, no more
    const eventKey = this.eventKey ?? (this.mode === "dev" ? DEV_EVENT_KEY : undefined);
    if (eventKey === undefined)
      throw new TypeError(
        "inngest.send: no event key. Set INNGEST_EVENT_KEY or the client's eventKey; for development set INNGEST_DEV=1 instead",
      );
    return postEvents({
      eventBaseUrl: this.eventBaseUrl,
      eventKey,
      body,
      seed,
      headers: options?.env === undefined ? this.headers : { ...this.headers, [headers.env]: options.env },
      fetch: this.fetch,
    });
  }

  /**
   * Sends a signal to the step that waits for it (`step.waitForSignal`). Not tried again by itself: it may have arrived.
   *
   * @param options.env branch environment to send to, instead of the client's
   * @returns the run that got it; `runId` is undefined when nobody waited
   * @throws TypeError for a name that cannot be
   * @throws SendSignalError when the platform refuses it or cannot be reached
   * @example
   * const { runId } = await inngest.sendSignal({ signal: `approval/${orderId}`, data: { by: "ada" } });
   */
  sendSignal(options: SendSignalOptions & { env?: string }): Promise<SendSignalResponse> {
    return sendSignal(this, options, "inngest.sendSignal");
  }

  /**
   * Defines a durable function. Nothing is registered until the function is given to `serve` or `createWorker`.
   *
   * @throws TypeError naming the option, its value and what is allowed; also for options that exclude each other
   * @example
   * export const greet = inngest.createFunction(
   *   { id: "greet" },
   *   { event: "user/created" },
   *   async ({ event, step }) => {
   *     const user = await step.run("fetch-user", () => fetchUser(event.data.userId));
   *     return { greeting: `Hello ${user.name}` };
   *   },
   * );
   */
  createFunction<
    const TTrigger extends Triggers<TOptions>,
    TOutput,
    const TMiddleware extends readonly MiddlewareOption[] = readonly [],
  >(
    options: FunctionOptions<OnFailure<TOptions, TTrigger>, EventNames<TOptions>> & {
      triggers?: undefined;
      middleware?: TMiddleware;
    },
    trigger: TTrigger,
    handler: Handler<never, TOutput, HandlerContext<TOptions, TTrigger, TMiddleware>>,
  ): InngestFunction<TOutput, InvokeDataOf<EventsOf<TOptions>, TTrigger>>;
  /** As above with the triggers among the options; without any the function is only started by `step.invoke`. */
  createFunction<
    const TTrigger extends Triggers<TOptions> = readonly [],
    TOutput = unknown,
    const TMiddleware extends readonly MiddlewareOption[] = readonly [],
  >(
    options: { triggers?: TTrigger; middleware?: TMiddleware } & FunctionOptions<
      OnFailure<TOptions, TTrigger>,
      EventNames<TOptions>
    >,
    handler: Handler<never, TOutput, HandlerContext<TOptions, TTrigger, TMiddleware>>,
  ): InngestFunction<TOutput, InvokeDataOf<EventsOf<TOptions>, TTrigger>>;
  createFunction(
    options: FunctionOptions<(context: never) => unknown> & { triggers?: unknown },
    ...rest: unknown[]
  ): InngestFunction {
    const { triggers, handler } = arrange(options, rest);
    const fn = new InngestFunction(this, options, triggers, handler);
    this.#functions.push(fn);
    registerMiddleware(fn.middleware, this, fn);
    return fn;
  }

  /**
   * Defines a URL that turns the deliveries of another service into events. Mount its `fetch` at any route, or give it to
   * `createWorker({ webhooks })`, which serves it at `/webhooks/<id>`.
   *
   * @throws TypeError naming the option, when one cannot be used
   * @example
   * export const payments = inngest.createWebhook({
   *   id: "stripe",
   *   verify: stripe(), // from "@dotdo/inngest/webhooks"; reads STRIPE_WEBHOOK_SECRET
   *   transform: ({ body }) => ({ name: `stripe/${body.type}`, data: body.data.object }),
   * });
   */
  createWebhook(options: WebhookOptions<SendPayload<EventsOf<TOptions>>>): InngestWebhook {
    return new InngestWebhook(this, options);
  }

  /**
   * Schedules that are made, changed and deleted at run time. Ours: Inngest has none. Asks the platform with the signing
   * key, and inside its own Worker without HTTP.
   *
   * @example
   * await inngest.schedules.create({ id: "poll-42", every: "5m", event: { name: "feed/poll", data: { feed: 42 } } });
   */
  get schedules(): Schedules {
    return new Schedules(this);
  }

  /**
   * Messages to whoever listens now: browsers above all. `publish` sends one, `token` lets a browser subscribe,
   * `subscribe` does so on a server.
   *
   * @example
   * await inngest.realtime.publish(chat("42").messages, { text: "hello" });
   */
  get realtime(): ClientRealtime {
    return clientRealtime(this);
  }

  /** Adds environment variables, for platforms that hand them to each request; they win over the process's. */
  setEnvVars(env: EnvVars = {}): this {
    this.#env = { ...this.#env, ...env };
    return this;
  }

  /** Replaces the event key: for code written for version 3 of Inngest's SDK. */
  setEventKey(eventKey: string): this {
    return this.setEnvVars({ INNGEST_EVENT_KEY: eventKey });
  }

  /** A variable as this client sees it; empty counts as unset. */
  envVar(name: string): string | undefined {
    return (this.#env[name] ?? processEnv(name) ?? publicEnv(name))?.trim() || undefined;
  }

  /** `dev` accepts unsigned calls and needs no keys; `cloud` is everything else. */
  get mode(): "dev" | "cloud" {
    return (this.#options.isDev ?? this.#devSetting.isDev) ? "dev" : "cloud";
  }

  /** Name of the branch environment, if any. */
  get env(): string | undefined {
    return this.#options.env?.trim() || branchEnv((name) => this.envVar(name));
  }

  /** The functions that the client has made, in their order. */
  get funcs(): readonly InngestFunction[] {
    return this.#functions;
  }

  /** Resolved: kept for code written for other versions of Inngest's SDK. */
  get ready(): Promise<void> {
    return Promise.resolve();
  }

  get schemas(): EventSchemas<EventMap> | undefined {
    return this.#options.schemas;
  }

  get serializer(): Serializer | undefined {
    return this.#options.serializer;
  }

  get appVersion(): string | undefined {
    return this.#options.appVersion;
  }

  get logger(): Logger {
    return this.#options.logger ?? console;
  }

  get internalLogger(): Logger {
    return this.#options.internalLogger ?? this.logger;
  }

  get eventKey(): string | undefined {
    return this.#options.eventKey?.trim() || this.envVar("INNGEST_EVENT_KEY");
  }

  get signingKey(): string | undefined {
    return this.#options.signingKey?.trim() || this.envVar("INNGEST_SIGNING_KEY");
  }

  get signingKeyFallback(): string | undefined {
    return this.#options.signingKeyFallback?.trim() || this.envVar("INNGEST_SIGNING_KEY_FALLBACK");
  }

  /** Where the app registers; ends in a slash. */
  get apiBaseUrl(): string {
    return this.#baseUrl("INNGEST_API_BASE_URL", CLOUD_API_URL);
  }

  /** As {@link apiBaseUrl}, if option or variable says so. */
  get givenApiBaseUrl(): string | undefined {
    return this.#givenBaseUrl("INNGEST_API_BASE_URL");
  }

  /** Where events go; ends in a slash. */
  get eventBaseUrl(): string {
    return this.#baseUrl("INNGEST_EVENT_API_BASE_URL", CLOUD_EVENT_URL);
  }

  /** An option that is read where functions are executed, as it was given. @internal */
  option<Name extends "captureLogs" | "checkpointing" | "sessionPropagation">(name: Name): ClientOptions[Name] {
    return this.#options[name];
  }

  /** What every request to the platform carries. */
  get headers(): Record<string, string> {
    const env = this.env;
    return { [headers.sdk]: sdkName, ...(env === undefined ? {} : { [headers.env]: env }) };
  }

  /** Looked up at each use and called without a receiver, as browsers and Workers demand. */
  get fetch(): typeof fetch {
    const custom = this.#options.fetch;
    return (...request: Parameters<typeof fetch>) => (custom ?? globalThis.fetch)(...request);
  }

  get #devSetting(): DevSetting {
    return readDevSetting(this.envVar("INNGEST_DEV"));
  }

  /** inngest-features §1.1: option, the API's own variable, the common one, `INNGEST_DEV`, then the default. */
  #baseUrl(ownVariable: string, cloudUrl: string): string {
    return this.#givenBaseUrl(ownVariable) ?? (this.mode === "cloud" ? cloudUrl : (this.#devSetting.url ?? DEV_URL));
  }

  #givenBaseUrl(ownVariable: string): string | undefined {
    if (this.#options.baseUrl !== undefined) return baseUrl(this.#options.baseUrl, "baseUrl");
    for (const name of [ownVariable, "INNGEST_BASE_URL"]) {
      const value = this.envVar(name);
      if (value !== undefined) return baseUrl(value, name);
    }
    return undefined;
  }
}

/** The step that sends events: what they inherit, and whose middleware they pass. */
interface SendingStep {
  fn?: InngestFunction;
  sessions(): PropagatedEventSessions | undefined;
  send?: EventSender;
}

/** The run that the calling code is part of, when it is one of this client's. */
function runOf(client: object): Pick<SendingStep, "sessions" | "send"> | undefined {
  const found = ambient();
  return found?.client === client ? found : undefined;
}

type EventNames<TOptions extends ClientOptions> = EventName<EventsOf<TOptions>> | AnyEventType;

type Triggers<TOptions extends ClientOptions> = Trigger<EventsOf<TOptions>> | readonly Trigger<EventsOf<TOptions>>[];

/** What a handler is given: the context of its client, with the events of its triggers and its own middleware. */
type HandlerContext<TOptions extends ClientOptions, TTrigger, TMiddleware> = ClientContext<
  TOptions,
  EventOf<EventsOf<TOptions>, TTrigger>
> &
  MiddlewareContext<TMiddleware>;

type OnFailure<TOptions extends ClientOptions, TTrigger> = FailureHandler<
  EventOf<EventsOf<TOptions>, TTrigger>,
  ClientContext<TOptions>
>;

/** Both forms of `createFunction`: triggers as the second argument, or among the options. */
function arrange(
  options: { id?: unknown; triggers?: unknown } | undefined,
  rest: unknown[],
): { triggers: unknown; handler: (context: never) => unknown } {
  const isPositional = rest.length > 1 || (rest.length === 1 && typeof rest[0] !== "function");
  if (isPositional && options?.triggers !== undefined)
    throw new TypeError(`function "${options.id}": triggers: given twice, as an option and as the second argument`);
  const [triggers, handler] = isPositional ? rest : [options?.triggers ?? [], rest[0]];
  return { triggers, handler: handler as Handler }; // InngestFunction checks both
}

/** Types under their names in Inngest's SDK. */
export declare namespace Inngest {
  /** A client, whatever its options. */
  type Any = Inngest<ClientOptions>;
  /** What all clients have, of any copy of the package. */
  type Like = Pick<Inngest, "id" | "send">;
  /** `createFunction` of a client. */
  type CreateFunction<TClient extends Any = Any> = TClient["createFunction"];
  /** Its options. */
  type CreateFunctionInput = Parameters<Any["createFunction"]>[0];
}
