import { internalEvents } from "../protocol/event.ts";
import type { CronTrigger, EventTrigger } from "../protocol/function-config.ts";
import type { RetryPolicy } from "../protocol/retry-policy.ts";
import { restoreError } from "./errors.ts";
import { retryPolicy } from "./retries.ts";
import { readTriggers } from "./triggers.ts";
import type { Context, FailureContext, FailureHandler, FunctionOptions, Handler, ReceivedEvent } from "./types.ts";

/** A durable function as the platform knows it: what one `createFunction` stands for, once or twice. */
export interface Registration {
  /** `<app>-<function>` */
  id: string;
  name: string;
  triggers: EventTrigger[];
  crons: CronTrigger[];
  retry: RetryPolicy;
  handler: (context: Context) => unknown;
}

/** A function as an app registers it with a server (inngest-protocol §2.4). */
export interface WireFunctionConfig {
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

const KNOWN = ["id", "name", "description", "retries", "onFailure", "triggers"];
const UNSUPPORTED = [
  "concurrency",
  "throttle",
  "rateLimit",
  "debounce",
  "batchEvents",
  "priority",
  "idempotency",
  "singleton",
  "cancelOn",
  "timeouts",
  "middleware",
];

/** Failure handlers are tried twice, as with Inngest's own SDK (inngest-protocol §2.4). */
const FAILURE_RETRIES = 1;

/**
 * A durable function, made by `client.createFunction` and given to `serve` or `createWorker`.
 *
 * @throws TypeError at creation, naming the option, its value and what is allowed
 */
export class InngestFunction<TOutput = unknown> {
  /** app of the client that made it */
  readonly appId: string;
  readonly options: FunctionOptions;
  readonly triggers: readonly EventTrigger[];
  readonly crons: readonly CronTrigger[];
  readonly handler: Handler<ReceivedEvent, TOutput>;
  readonly #retry: RetryPolicy;

  constructor(appId: string, options: FunctionOptions, triggers: unknown, handler: Handler<ReceivedEvent, TOutput>) {
    const name = checkOptions(options);
    this.appId = appId;
    this.options = options;
    this.#retry = inFunction(name, () => retryPolicy(options.retries, "retries"));
    const { events, crons } = inFunction(name, () => readTriggers(triggers, "triggers"));
    this.triggers = events;
    this.crons = crons;
    if (typeof handler !== "function")
      throw new TypeError(`function "${name}": handler: ${typeof handler} is not a function`);
    this.handler = handler;
  }

  /**
   * `<app>-<function>`, which names the function on the platform.
   *
   * @param appId default: the app of the client that made it
   */
  id(appId: string = this.appId): string {
    return `${appId}-${this.options.id}`;
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
      handler: this.handler,
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
        handler: failureHandler(onFailure),
      },
    ];
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

function failureHandler(onFailure: FailureHandler): (context: Context) => unknown {
  return (context) => {
    const event = context.event as FailureContext["event"]; // its only trigger is the failure event
    return onFailure({ ...context, event, events: [event], error: restoreError(event.data.error) });
  };
}

/** The text as a CEL literal. */
function celString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** @returns the function's id, for further errors */
function checkOptions(options: FunctionOptions): string {
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
    if (value === undefined || KNOWN.includes(option)) continue;
    throw new TypeError(
      UNSUPPORTED.includes(option)
        ? `function "${id}": ${option}: not supported by this version; nothing would hold it, so remove it or stay on a platform that does`
        : `function "${id}": ${JSON.stringify(option)} is not an option; there are ${KNOWN.join(", ")}`,
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
