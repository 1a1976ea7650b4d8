import type { EventSchemas } from "./event-schemas.ts";
import { internalEvents } from "../protocol/event.ts";
import type { CronTrigger, EventTrigger } from "../protocol/function-config.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";
import type { WireFlow } from "../protocol/flow-config.ts";
import type { FlowControl } from "../protocol/flow-control.ts";
import { restoreError } from "./errors.ts";
import { FLOW_OPTION_NAMES, readFlowOptions } from "./flow-options.ts";
import type { Class } from "./middleware/base.ts";
import { readMiddleware } from "./middleware/chain.ts";
import { retryPolicy } from "./retries.ts";
import { decodeEvent, receiveEvents, type EventReader } from "./receive.ts";
import type { Serializer } from "./serializer.ts";
import { suggestion } from "./suggestion.ts";
import { readTriggers } from "./triggers.ts";
import type { Context, FailureContext } from "./context.ts";
import type { EventMap } from "./event-map.ts";
import type { ReceivedEvent, UntypedData } from "./event.ts";
import type { FunctionOptions, Trigger as AnyTrigger } from "./function-options.ts";
import type { InvokeTarget } from "./step/tools.ts";

/** What a function knows of the client that made it. */
export interface FunctionOwner {
  /** the app's id */
  readonly id: string;
  readonly schemas: EventSchemas<EventMap> | undefined;
  readonly serializer: Serializer | undefined;
}

/** Options as the class keeps them: what they are called with is checked where the function is made. */
type AnyOptions = FunctionOptions<(context: never) => unknown>;

/** A durable function as the platform knows it: what one `createFunction` stands for, once or twice. */
export interface Registration {
  /** `<app>-<function>` */
  id: string;
  name: string;
  triggers: EventTrigger[];
  crons: CronTrigger[];
  retry: RetryPolicy;
  /** undefined for none */
  flow: FlowControl | undefined;
  /** @param code what is run in the handler's place, with just what it would be given. Default: the handler */
  handler: (context: Context, code?: (context: never) => unknown) => unknown;
  /** as the user made it */
  fn: InngestFunction;
}

/** A function as an app registers it with a server (inngest-protocol §2.4). */
export interface WireFunctionConfig extends WireFlow {
  id: string;
  name: string;
  triggers: ({ event: string; expression?: string } | { cron: string; jitter?: string })[];
  steps: {
    step: {
      id: "step";
      name: string;
      runtime: { type: "http"; url: string };
      /** tries after the first */
      retries: { attempts: number };
    };
  };
  /** ours: official servers know only the number of retries */
  retryPolicy: RetryPolicy;
}

const KNOWN: readonly string[] = [
  "id",
  "name",
  "description",
  "retries",
  "onFailure",
  "triggers",
  "middleware",
  ...FLOW_OPTION_NAMES,
];
/** Taken so that code written for Inngest's SDK needs no edit. */
const IDLE = ["checkpointing", "experimentalCheckpointing", "optimizeParallelism"];
/** Failure handlers are tried twice, as with Inngest's own SDK (inngest-protocol §2.4). */
const FAILURE_RETRIES = 1;

/**
 * A durable function, made by `client.createFunction` and given to `serve` or `createWorker`.
 *
 * @throws TypeError at creation, naming the option, its value and what is allowed
 */
export class InngestFunction<TOutput = unknown, TData extends object = UntypedData> implements InvokeTarget<
  TOutput,
  TData
> {
  /** types only */
  declare readonly "~types": { output: TOutput; data: TData };
  /** what it knows of the client that made it */
  readonly owner: FunctionOwner;
  readonly options: AnyOptions;
  readonly triggers: readonly EventTrigger[];
  readonly crons: readonly CronTrigger[];
  readonly handler: (context: never) => unknown;
  readonly middleware: readonly Class[];
  readonly #retry: RetryPolicy;
  readonly #flow: ReturnType<typeof readFlowOptions>;
  readonly #readers: readonly EventReader[];

  /** id of the one step that a function is registered with */
  static readonly stepId = "step";
  /** what follows a function's id in that of its `onFailure` */
  static readonly failureSuffix = "-failure";

  constructor(owner: FunctionOwner, options: AnyOptions, triggers: unknown, handler: (context: never) => unknown) {
    const name = checkOptions(options);
    this.owner = owner;
    this.options = options;
    this.#retry = inFunction(name, () => retryPolicy(options.retries, "retries"));
    this.#flow = inFunction(name, () => readFlowOptions(options));
    const { events, crons, readers } = inFunction(name, () => readTriggers(triggers, "triggers"));
    this.triggers = events;
    this.crons = crons;
    this.#readers = readers;
    if (typeof handler !== "function")
      throw new TypeError(`function "${name}": handler: ${typeof handler} is not a function`);
    this.handler = handler;
    this.middleware = readMiddleware(options.middleware, `function "${name}"`);
  }

  /** app of the client that made it */
  get appId(): string {
    return this.owner.id;
  }

  /**
   * `<app>-<function>`, which names the function on the platform.
   *
   * @param appId default: the app of the client that made it
   */
  id(appId: string = this.appId): string {
    return `${appId}-${this.options.id}`;
  }

  /** The options, under their name in Inngest's SDK. */
  get opts(): AnyOptions {
    return this.options;
  }

  get description(): string | undefined {
    return this.options.description;
  }

  /** What is shown for the function: its name, else its id. */
  get name(): string {
    return this.options.name || this.options.id;
  }

  /** The durable functions that this one stands for: itself, and its failure handler when it has one. */
  registrations(appId: string): Registration[] {
    const id = this.id(appId);
    const own: Registration = {
      id,
      name: this.name,
      triggers: [...this.triggers],
      crons: [...this.crons],
      retry: this.#retry,
      flow: this.#flow.flow,
      handler: (context, code) => this.#run(context, code),
      fn: this,
    };
    const { onFailure } = this.options;
    if (onFailure === undefined) return [own];
    return [
      own,
      {
        id: `${id}-failure`,
        name: `${this.name} (failure)`,
        triggers: [{ event: internalEvents.failed, expression: `event.data.function_id == ${celString(id)}` }],
        crons: [],
        retry: retryPolicy(FAILURE_RETRIES, "retries"),
        flow: undefined,
        handler: (context) => this.#runOnFailure(onFailure, context),
        fn: this,
      },
    ];
  }

  /** The handler, between the events as they were stored and the result as it will be. */
  #run(context: Context, code = this.handler): unknown {
    const { schemas, serializer } = this.owner;
    const run = (events: ReceivedEvent[]) =>
      encoded(code({ ...context, event: events[0], events } as never), serializer); // typed by its triggers
    const events = receiveEvents(context.events, { readers: this.#readers, schemas, serializer });
    return events instanceof Promise ? events.then(run) : run(events);
  }

  /** Its only trigger is the failure event. */
  #runOnFailure(onFailure: (context: never) => unknown, context: Context): unknown {
    const { serializer } = this.owner;
    const failed = context.event as FailureContext["event"];
    const event = { ...failed, data: { ...failed.data, event: decodeEvent(failed.data.event, serializer) } };
    const failure: FailureContext = { ...context, event, events: [event], error: restoreError(failed.data.error) };
    return encoded(onFailure(failure as never), serializer);
  }

  /**
   * What an app tells a server about the function.
   *
   * @param url where the app is served; each function's own address is made from it
   */
  configs(appId: string, url: string): WireFunctionConfig[] {
    return this.registrations(appId).map((registration) => ({
      id: registration.id,
      name: registration.name,
      triggers: [
        ...registration.triggers.map(({ event, expression }) =>
          expression === null ? { event } : { event, expression },
        ),
        ...registration.crons.map(({ cron, jitter }) => (jitter === null ? { cron } : { cron, jitter })),
      ],
      steps: {
        step: {
          id: "step",
          name: "step",
          runtime: { type: "http", url: stepUrl(url, registration.id) },
          retries: { attempts: registration.retry.maxAttempts - 1 },
        },
      },
      retryPolicy: registration.retry,
      ...(registration.flow && this.#flow.wire),
    }));
  }
}

function stepUrl(url: string, functionId: string): string {
  const step = new URL(url);
  step.search = "";
  step.searchParams.set("fnId", functionId);
  step.searchParams.set("stepId", "step");
  return step.href;
}

/** A result, awaited, as the client's serializer stores it. */
function encoded(result: unknown, serializer: Serializer | undefined): unknown {
  if (serializer === undefined) return result;
  return Promise.resolve(result).then((value) => serializer.encode(value));
}

/** The text as a CEL literal. */
function celString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** @returns the function's id, for further errors */
function checkOptions(options: AnyOptions): string {
  if (typeof options !== "object" || options === null)
    throw new TypeError(
      `createFunction: options: ${JSON.stringify(options)} is not an object such as { id: "my-function" }`,
    );
  const { id, name, onFailure } = options;
  if (typeof id !== "string" || id.trim() === "")
    throw new TypeError(
      `createFunction: id: ${JSON.stringify(id)} is not a function id; it must be a non-empty string`,
    );
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || KNOWN.includes(option) || IDLE.includes(option)) continue;
    throw new TypeError(
      `function "${id}": ${JSON.stringify(option)} is not an option${suggestion(option, KNOWN)}; there are ${KNOWN.join(", ")}`,
    );
  }
  if (name !== undefined && typeof name !== "string")
    throw new TypeError(`function "${id}": name: ${JSON.stringify(name)} is not a string`);
  if (onFailure !== undefined && typeof onFailure !== "function")
    throw new TypeError(`function "${id}": onFailure: ${typeof onFailure} is not a function`);
  return id;
}

function inFunction<T>(id: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new TypeError(`function "${id}": ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Types under their names in Inngest's SDK. */
export declare namespace InngestFunction {
  /** A function, whatever it takes and returns. */
  type Any = InngestFunction<unknown, object>;
  /** What all functions have, of any copy of the package. */
  type Like = Pick<InngestFunction, "id" | "name">;
  type Options = FunctionOptions & { triggers?: AnyTrigger | readonly AnyTrigger[] };
  type Trigger = AnyTrigger;
  /** The options of a function. */
  type GetOptions<TFunction extends { readonly options: object }> = TFunction["options"];
}
