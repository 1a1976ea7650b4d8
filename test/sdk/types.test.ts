import { Hono } from "hono";
import { describe, expectTypeOf, test } from "vitest";
import { serve } from "../../src/serve/hono.ts";
import {
  EventSchemas,
  eventType,
  experiment,
  Inngest,
  type BatchOptions,
  type CancelOption,
  type ConcurrencyOption,
  type Context,
  type DebounceOptions,
  type DurationInput,
  type EventMeta,
  type EventPayload,
  type EventSessions,
  type FailureContext,
  type FunctionOptions,
  type Handler,
  type InstantInput,
  type Jsonify,
  type ReceivedEvent,
  type StepTools,
  type UntypedData,
  type WaitForEventOptions,
  type WireError,
} from "../../src/sdk/index.ts";
import type { JsonValue } from "../../src/protocol/json.ts";

const inngest = new Inngest({ id: "my-app" });
declare const step: StepTools;
const isExecuted: boolean = false; // code after `if (!isExecuted) return` is checked, not run

describe("Jsonify: what a step's result is after JSON", () => {
  test("what JSON has stays as it is", () => {
    expectTypeOf<Jsonify<string>>().toEqualTypeOf<string>();
    expectTypeOf<Jsonify<"a" | 5 | null>>().toEqualTypeOf<"a" | 5 | null>();
    expectTypeOf<Jsonify<{ a: number[]; b: { c: boolean } }>>().toEqualTypeOf<{ a: number[]; b: { c: boolean } }>();
    expectTypeOf<Jsonify<JsonValue>>().toEqualTypeOf<JsonValue>();
    expectTypeOf<Jsonify<string & { brand: "id" }>>().toEqualTypeOf<string & { brand: "id" }>();
  });

  test("what it has not becomes null, a string, or disappears", () => {
    expectTypeOf<Jsonify<void>>().toEqualTypeOf<null>();
    expectTypeOf<Jsonify<undefined>>().toEqualTypeOf<null>();
    expectTypeOf<Jsonify<string | undefined>>().toEqualTypeOf<string | null>();
    expectTypeOf<Jsonify<Date>>().toEqualTypeOf<string>();
    expectTypeOf<Jsonify<() => void>>().toEqualTypeOf<null>();
    expectTypeOf<Jsonify<bigint>>().toEqualTypeOf<never>();
    expectTypeOf<Jsonify<Map<string, number>>>().toEqualTypeOf<Record<string, never>>();
    expectTypeOf<Jsonify<{ toJSON(): { at: Date } }>>().toEqualTypeOf<{ at: string }>();
    expectTypeOf<Jsonify<(string | undefined)[]>>().toEqualTypeOf<(string | null)[]>();
    expectTypeOf<Jsonify<readonly [Date, undefined]>>().toEqualTypeOf<readonly [string, null]>();
  });

  test("objects lose what JSON drops", () => {
    interface Row {
      id: number;
      at: Date;
      note?: string;
      maybe: string | undefined;
      gone: undefined;
      save(): void;
      [Symbol.iterator]: string;
      inner: { at: Date | null }[];
      free: unknown;
    }
    expectTypeOf<Jsonify<Row>>().toEqualTypeOf<{
      id: number;
      at: string;
      note?: string;
      maybe?: string;
      inner: { at: string | null }[];
      free: unknown;
    }>();
    class User {
      name = "";
      #secret = 1;
      greet() {
        return this.#secret;
      }
    }
    expectTypeOf<Jsonify<User>>().toEqualTypeOf<{ name: string }>();
  });

  test("unknown, never and the unchecked stay so", () => {
    expectTypeOf<Jsonify<unknown>>().toBeUnknown();
    expectTypeOf<Jsonify<never>>().toBeNever();
    expectTypeOf<Jsonify<ReceivedEvent["data"][string]>>().toBeAny();
    interface Tree {
      at: Date;
      children: Tree[];
    }
    expectTypeOf<Jsonify<Tree>["children"][number]["children"][number]["at"]>().toEqualTypeOf<string>();
  });
});

describe("steps", () => {
  test("run gives the result of its function, awaited, through JSON", () => {
    if (!isExecuted) return;
    expectTypeOf(step.run("a", () => 5)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(step.run("a", async () => ({ at: new Date(), ok: true }))).toEqualTypeOf<
      Promise<{ at: string; ok: boolean }>
    >();
    expectTypeOf(step.run({ id: "a", name: "A", retries: 3, parallelMode: "race" }, () => {})).toEqualTypeOf<
      Promise<null>
    >();
    expectTypeOf(step.run("a", (a: string, b: number) => a.repeat(b), "x", 2)).toEqualTypeOf<Promise<string>>();
    expectTypeOf(step.run("a", (a) => a + 1, 2)).toEqualTypeOf<Promise<number>>();
    // @ts-expect-error -- the function needs an input
    void step.run("a", (a: string) => a);
    // @ts-expect-error -- of that type
    void step.run("a", (a: string) => a, 5);
    // @ts-expect-error -- an id is needed
    void step.run({ name: "a" }, () => 5);
  });

  test("invoke gives what the invoked function returns", () => {
    if (!isExecuted) return;
    const bill = inngest.createFunction({ id: "bill" }, async () => ({ at: new Date(), total: 5 }));
    expectTypeOf(step.invoke("a", { function: bill })).toEqualTypeOf<Promise<{ at: string; total: number }>>();
    const none = inngest.createFunction({ id: "none" }, () => {});
    expectTypeOf(step.invoke("a", { function: none, data: { a: 1 }, v: "1", timeout: "1h" })).toEqualTypeOf<
      Promise<null>
    >();
    expectTypeOf(step.invoke("a", { function: "my-app-bill", data: { a: 1 } })).toEqualTypeOf<Promise<unknown>>();
    // @ts-expect-error -- not a function of a client
    void step.invoke("a", { function: () => 5 });
  });

  test("waitForEvent gives an event or null; event or events, match or if", () => {
    if (!isExecuted) return;
    expectTypeOf(step.waitForEvent("a", { event: "b", timeout: "1h" })).toEqualTypeOf<
      Promise<ReceivedEvent<UntypedData, "b"> | null>
    >();
    expectTypeOf<{ events: string[]; if: string; timeout: number; since: "run" }>().toExtend<WaitForEventOptions>();
    expectTypeOf<{ event: string; match: string; timeout: string }>().toExtend<WaitForEventOptions>();
    expectTypeOf<{ event: string; match: string; if: string; timeout: string }>().not.toExtend<WaitForEventOptions>();
    expectTypeOf<{ event: string; events: string[]; timeout: string }>().not.toExtend<WaitForEventOptions>();
    expectTypeOf<{ timeout: string }>().not.toExtend<WaitForEventOptions>();
    expectTypeOf<{ event: string }>().not.toExtend<WaitForEventOptions>();
  });

  test("the others", () => {
    expectTypeOf<ReturnType<StepTools["sleep"]>>().toEqualTypeOf<Promise<void>>();
    expectTypeOf<Parameters<StepTools["sleepUntil"]>[1]>().toEqualTypeOf<InstantInput>();
    expectTypeOf<ReturnType<StepTools["sendEvent"]>>().toEqualTypeOf<Promise<{ ids: string[] }>>();
    expectTypeOf<Parameters<StepTools["sendEvent"]>[1]>().toEqualTypeOf<EventPayload>();
    expectTypeOf<StepTools["sendEvent"]>().toBeCallableWith("a", [{ name: "b" }, { name: "c", data: { d: 1 } }]);
  });
});

describe("experiments", () => {
  test("the result is that of any variant", async () => {
    if (!isExecuted) return;
    const group: Context["group"] = undefined as never;
    const variants = { a: () => step.run("a", () => 1), b: async () => "text", c: () => true as const };
    const chosen = await group.experiment("e", { variants, select: experiment.weighted({ a: 1, b: 1 }) });
    expectTypeOf(chosen.result).toEqualTypeOf<number | string | true>();
    expectTypeOf(chosen.variant).toEqualTypeOf<string>();
    expectTypeOf(chosen.experimentRef).toEqualTypeOf<{ experimentName: string; variant: string }>();
    const select = Object.assign((names?: string[]) => names?.[0] ?? "a", { __experimentConfig: { strategy: "mine" } });
    await group.experiment({ id: "e", name: "E" }, { variants, select });
    // @ts-expect-error a plain function does not say what strategy it is
    await group.experiment("e", { variants, select: () => "a" });
    // @ts-expect-error weights are numbers
    experiment.weighted({ a: "1" });
  });
});

describe("sessions", () => {
  test("ids are texts, numbers, or null; handlers get texts", () => {
    expectTypeOf<{ a: string; b: number; c: null }>().toExtend<EventSessions>();
    expectTypeOf<Context["sessions"]>().toEqualTypeOf<Record<string, string> | undefined>();
    expectTypeOf<ReceivedEvent["meta"]>().toEqualTypeOf<{ sessions?: Record<string, string> } | undefined>();
    expectTypeOf<EventPayload["meta"]>().toEqualTypeOf<EventMeta | undefined>();
    if (!isExecuted) return;
    void inngest.send({ name: "a", meta: { sessions: null } });
    // @ts-expect-error two values are no ids
    void inngest.send({ name: "a", meta: { sessions: { chat: true } } });
    // @ts-expect-error what is inherited is not cut
    void inngest.send({ name: "a", meta: { propagated_sessions: { chat: null } } });
  });
});

describe("handlers", () => {
  test("the context", () => {
    expectTypeOf<Context>().toHaveProperty("runId").toBeString();
    expectTypeOf<Context["attempt"]>().toBeNumber();
    expectTypeOf<Context["maxAttempts"]>().toBeNumber();
    expectTypeOf<Context["events"]>().toEqualTypeOf<ReceivedEvent[]>();
    expectTypeOf<Context["event"]["ts"]>().toBeNumber();
    expectTypeOf<Context["event"]["id"]>().toBeString();
    expectTypeOf<Handler>().returns.toBeUnknown();
  });

  test("contexts are typed in both forms, and failures have their own", () => {
    const both = [
      inngest.createFunction({ id: "one" }, { event: "a" }, (context) => {
        expectTypeOf(context).toEqualTypeOf<Context<ReceivedEvent<UntypedData, "a" | "inngest/function.invoked">>>();
        return 1;
      }),
      inngest.createFunction(
        {
          id: "two",
          triggers: [{ event: "a" }, { event: "b", if: "true" }],
          onFailure: (context) => {
            expectTypeOf(context).toExtend<FailureContext>();
            expectTypeOf(context.error).toEqualTypeOf<Error>();
            expectTypeOf(context.event.name).toEqualTypeOf<"inngest/function.failed">();
            expectTypeOf(context.event.data.error).toEqualTypeOf<WireError>();
            expectTypeOf(context.event.data.event.name).toEqualTypeOf<"a" | "b" | "inngest/function.invoked">();
          },
        },
        ({ event }) => event.data.anything.goes,
      ),
    ];
    expectTypeOf(both).toExtend<{ id(): string }[]>();
    // @ts-expect-error -- triggers twice
    if (isExecuted) inngest.createFunction({ id: "three", triggers: { event: "a" } }, { event: "a" }, () => 1);
    // @ts-expect-error -- a misspelt option
    if (isExecuted) inngest.createFunction({ id: "four", retry: 3 }, { event: "a" }, () => 1);
  });

  test("options of flow control that exclude each other are refused", () => {
    if (!isExecuted) return;
    const batchEvents = { maxSize: 10, timeout: "5s" };
    const debounce = { period: "5s" };
    const rateLimit = { limit: 1, period: "1h" };
    expectTypeOf<{ id: string; batchEvents: BatchOptions; concurrency: number }>().toExtend<FunctionOptions>();
    expectTypeOf<{ id: string; debounce: DebounceOptions; idempotency: string }>().toExtend<FunctionOptions>();
    expectTypeOf<{ id: string; batchEvents: BatchOptions; idempotency: string }>().not.toExtend<FunctionOptions>();
    // @ts-expect-error -- a batch has no last event
    inngest.createFunction({ id: "f", batchEvents, debounce }, { event: "a" }, () => 1);
    // @ts-expect-error -- no one event names its key
    inngest.createFunction({ id: "f", batchEvents, singleton: { mode: "skip" } }, { event: "a" }, () => 1);
    // @ts-expect-error -- nor its priority
    inngest.createFunction({ id: "f", batchEvents, priority: { run: "1" } }, { event: "a" }, () => 1);
    // @ts-expect-error -- nor what cancels it
    inngest.createFunction({ id: "f", batchEvents, cancelOn: [{ event: "b" }], triggers: { event: "a" } }, () => 1);
    // @ts-expect-error -- idempotency is a rate limit
    inngest.createFunction({ id: "f", rateLimit, idempotency: "event.data.id" }, { event: "a" }, () => 1);
    const singleton = { mode: "queue" } as const;
    inngest.createFunction({ id: "f", rateLimit, debounce, singleton, cancelOn: [{ event: "b" }] }, () => 1);
  });

  test("limits: shared ones need a key, and strict order is of whole runs of one function", () => {
    expectTypeOf<{ limit: number; key: string; mode: "run"; order: "fifo" }>().toExtend<ConcurrencyOption>();
    expectTypeOf<{ limit: number; key: string; scope: "env"; mode: "run" }>().toExtend<ConcurrencyOption>();
    expectTypeOf<{ limit: number; scope: "account" }>().not.toExtend<ConcurrencyOption>();
    expectTypeOf<{ limit: number; order: "fifo" }>().not.toExtend<ConcurrencyOption>();
    expectTypeOf<{
      limit: number;
      key: string;
      scope: "env";
      mode: "run";
      order: "fifo";
    }>().not.toExtend<ConcurrencyOption>();
    expectTypeOf<{ event: string; match: string; if: string }>().not.toExtend<CancelOption>();
    expectTypeOf<NonNullable<FunctionOptions["throttle"]>["period"]>().toEqualTypeOf<DurationInput>();
  });

  test("with known events, cancelOn names one of them, or a type", () => {
    if (!isExecuted) return;
    const schemas = new EventSchemas().fromRecord<{ "order/paid": { data: { id: string } } }>();
    const typed = new Inngest({ id: "typed", schemas });
    const refunded = eventType("order/refunded");
    const cancelOn = [{ event: "order/paid" as const, match: "data.id" }, { event: refunded }];
    typed.createFunction({ id: "f", cancelOn }, { event: "order/paid" }, ({ event }) => {
      expectTypeOf(event.data.id).toEqualTypeOf<string>();
    });
    // @ts-expect-error -- no such event
    typed.createFunction({ id: "f", cancelOn: [{ event: "order/payed" }] }, { event: "order/paid" }, () => 1);
  });

  test("data may be given a type", () => {
    interface Paid {
      orderId: string;
    }
    const handler: Handler<ReceivedEvent<Paid>, string> = ({ event }) => event.data.orderId;
    expectTypeOf(handler).parameter(0).toHaveProperty("event").toEqualTypeOf<ReceivedEvent<Paid>>();
    expectTypeOf<{ name: string; data: Paid }>().toExtend<EventPayload<Paid>>();
  });
});

// every snippet of the README, as its readers will paste it
declare function fetchUser(id: string): Promise<{ id: string; email: string }>;
declare function syncToCRM(user: { id: string; email: string }): Promise<boolean>;
declare function validateOrder(order: object): Promise<{ id: string; total: number }>;
declare function chargePayment(order: { id: string; total: number }): Promise<{ id: string }>;
declare function sendConfirmation(charge: { id: string }): Promise<void>;
declare function someAsyncOperation(): Promise<number>;
declare function riskyOp(): void;
declare function fallbackOp(): void;
declare const handler: Handler;

test("the snippets of the README compile", async () => {
  if (!isExecuted) return;
  const syncUser = inngest.createFunction(
    { id: "sync-user", concurrency: { limit: 10 } },
    { event: "user/created" },
    async ({ event, step }) => {
      const user = await step.run("fetch-user", () => fetchUser(event.data.id));
      await step.sleep("wait-for-propagation", "5m");
      const synced = await step.run("sync-to-crm", () => syncToCRM(user));
      return { synced };
    },
  );
  await inngest.send({ name: "user/created", data: { id: "123" } });

  const helloWorld = inngest.createFunction({ id: "hello-world" }, { event: "test/hello" }, async ({ event }) => {
    return { message: `Hello ${event.data.name}!` };
  });
  const processOrder = inngest.createFunction(
    { id: "process-order" },
    { event: "order/created" },
    async ({ event, step }) => {
      const validated = await step.run("validate", () => validateOrder(event.data.order));
      const charged = await step.run("charge", () => chargePayment(validated));
      await step.run("notify", () => sendConfirmation(charged));
      return { orderId: charged.id, status: "completed" };
    },
  );

  const result = await step.run("step-id", async () => {
    return await someAsyncOperation();
  });
  expectTypeOf(result).toBeNumber();
  await step.sleep("wait-period", "1h");
  await step.sleepUntil("scheduled-time", new Date("2024-12-25"));
  const approval = await step.waitForEvent("wait-for-approval", {
    event: "order/approved",
    timeout: "24h",
    match: "data.orderId",
  });
  expectTypeOf(approval).toEqualTypeOf<ReceivedEvent<UntypedData, "order/approved"> | null>();
  const invoked = await step.invoke("call-other", { function: helloWorld, data: { foo: "bar" } });
  expectTypeOf(invoked).toEqualTypeOf<{ message: string }>();

  inngest.createFunction({ id: "limited-fn", concurrency: { limit: 5 } }, { event: "task/run" }, handler);
  inngest.createFunction({ id: "throttled-fn", throttle: { limit: 10, period: "1m" } }, { event: "api/call" }, handler);
  inngest.createFunction(
    { id: "debounced-fn", debounce: { period: "5s", key: "event.data.userId" } },
    { event: "search/query" },
    handler,
  );
  inngest.createFunction(
    { id: "many" },
    [{ event: "user/created" }, { event: "user/updated" }, { cron: "0 */6 * * *" }],
    handler,
  );

  await inngest.send([
    { name: "user/created", data: { userId: "123" } },
    { name: "email/send", data: { to: "user@example.com" } },
  ]);
  await inngest.send({ id: "unique-event-id", name: "order/created", data: { orderId: "abc" } });

  const app = new Hono();
  app.all("/api/inngest", serve({ client: inngest, functions: [syncUser, processOrder] }));

  inngest.createFunction(
    { id: "retry-example", retries: { attempts: 5, backoff: "exponential", maxDelay: "1h" } },
    { event: "task/run" },
    handler,
  );
  inngest.createFunction({ id: "error-handling" }, { event: "task/run" }, async ({ step }) => {
    try {
      await step.run("risky-operation", () => riskyOp());
    } catch {
      await step.run("fallback", () => fallbackOp());
    }
  });
});
