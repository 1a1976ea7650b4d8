import { type } from "arktype";
import * as v from "valibot";
import { describe, expectTypeOf, test } from "vitest";
import * as z from "zod";
import {
  cron,
  dependencyInjectionMiddleware,
  EventSchemas,
  eventType,
  Inngest,
  InngestMiddleware,
  invoke,
  Middleware,
  referenceFunction,
  staticSchema,
  type ClientOptionsFromInngest,
  type EventNameFromTrigger,
  type FailureEventPayload,
  type GetEvents,
  type GetFunctionInput,
  type GetFunctionOutput,
  type GetFunctionOutputRaw,
  type GetStepTools,
  type ReceivedEvent,
  type ScheduledTimerEventPayload,
  type Serializer,
  type UntypedData,
} from "../../src/sdk/index.ts";
import { createHandler } from "../../src/serve/handler.ts";

const isExecuted: boolean = false; // what follows `if (!isExecuted) return` is checked, not run

interface Order {
  orderId: string;
  total: number;
}

const plain = new Inngest({ id: "plain" });
const described = new Inngest({
  id: "described",
  schemas: new EventSchemas()
    .fromRecord<{
      "shop/order.created": { data: Order };
      "shop/order.paid": { data: { at: string } };
      "user/left": {};
    }>()
    .fromUnion<{ name: "mail/sent"; data: { to: string } } | { name: "mail/failed"; data: { why: string } }>()
    .fromSchema({ "time/set": z.object({ at: z.coerce.date() }), "ark/made": type({ size: "number" }) })
    .fromZod({ "zod/made": { data: z.object({ size: z.string().transform(Number) }) }, "zod/bare": {} }),
});

describe("event types as triggers", () => {
  const paid = eventType("order/paid", { schema: z.object({ orderId: z.string(), at: z.coerce.date() }) });
  const moved = eventType("order/moved", { schema: v.object({ to: v.string() }), version: "2" });
  const bare = eventType("order/bare");
  const typed = eventType("order/typed", { schema: staticSchema<Order>() });

  test("a handler gets what the schema gives out", () => {
    plain.createFunction({ id: "a" }, paid, ({ event, events }) => {
      expectTypeOf(event.data).toEqualTypeOf<{ orderId: string; at: Date }>();
      expectTypeOf(event.name).toEqualTypeOf<"order/paid" | "inngest/function.invoked">();
      expectTypeOf(events).toEqualTypeOf<(typeof event)[]>();
    });
    plain.createFunction({ id: "b", triggers: [{ event: moved, if: "event.data.to != ''" }] }, ({ event }) => {
      expectTypeOf(event.data.to).toBeString();
    });
    plain.createFunction({ id: "c", triggers: bare }, ({ event }) => event.data.anything.goes);
    plain.createFunction({ id: "d" }, [typed, paid], ({ event }) => {
      if (event.name === "order/typed") expectTypeOf(event.data).toEqualTypeOf<Order>();
      if (event.name === "order/paid") expectTypeOf(event.data.at).toEqualTypeOf<Date>();
    });
  });

  test("a sender writes what the schema takes in", () => {
    expectTypeOf(paid.create).parameter(0).toEqualTypeOf<{ orderId: string; at: unknown }>();
    expectTypeOf(moved.create({ to: "x" }, { id: "1", ts: 5 }).name).toEqualTypeOf<"order/moved">();
    expectTypeOf(bare.create()).toExtend<{ name: "order/bare" }>();
    // @ts-expect-error -- the schema asks for data
    if (isExecuted) moved.create();
    // @ts-expect-error -- of its shape
    if (isExecuted) moved.create({ to: 5 });
    if (isExecuted) void plain.send([paid.create({ orderId: "a", at: "2026-01-01" }), moved.create({ to: "x" })]);
    if (isExecuted) void described.send(moved.create({ to: "x" }));
  });

  test("schedules, alone and mixed", () => {
    plain.createFunction({ id: "e" }, cron("0 9 * * 1"), ({ event }) => {
      expectTypeOf(event).toEqualTypeOf<ScheduledTimerEventPayload>();
      expectTypeOf(event.data.scheduledAt).toBeString();
    });
    plain.createFunction({ id: "f", triggers: [{ every: "10s", jitter: "1s" }, bare] }, ({ event }) => {
      if (event.name === "inngest/scheduled.timer") expectTypeOf(event.data.missed).toEqualTypeOf<number | undefined>();
    });
    // @ts-expect-error -- event and schedule are two triggers
    if (isExecuted) plain.createFunction({ id: "g" }, { event: "a", cron: "* * * * *" }, () => 1);
  });

  test("what a function may be invoked with", () => {
    const bill = plain.createFunction(
      { id: "h" },
      invoke(z.object({ n: z.string().transform(Number) })),
      ({ event }) => {
        expectTypeOf(event.data.n).toBeNumber();
        return event.data.n;
      },
    );
    const ship = plain.createFunction({ id: "i" }, paid, () => new Date());
    plain.createFunction({ id: "j" }, bare, async ({ step }) => {
      if (!isExecuted) return;
      expectTypeOf(await step.invoke("a", { function: bill, data: { n: "5" } })).toBeNumber();
      expectTypeOf(await step.invoke("b", { function: ship, data: { orderId: "1", at: 5 } })).toBeString();
      // @ts-expect-error -- n is missing
      await step.invoke("c", { function: bill, data: {} });
      // @ts-expect-error -- data is missing
      await step.invoke("d", { function: bill });
    });
    plain.createFunction({ id: "k" }, [paid, invoke(staticSchema<Order>())], ({ event }) => {
      if (event.name === "inngest/function.invoked") expectTypeOf(event.data).toEqualTypeOf<Order>();
      else expectTypeOf(event.data.at).toEqualTypeOf<Date>();
    });
  });

  test("waits", () => {
    plain.createFunction({ id: "l" }, bare, async ({ step }) => {
      if (!isExecuted) return;
      const one = await step.waitForEvent("a", { event: paid, timeout: "1h", match: "data.orderId" });
      expectTypeOf(one).toEqualTypeOf<ReceivedEvent<{ orderId: string; at: Date }, "order/paid"> | null>();
      const any = await step.waitForEvent("b", { events: [paid, "other/name"], timeout: "1h" });
      if (any?.name === "order/paid") expectTypeOf(any.data.at).toEqualTypeOf<Date>();
      if (any?.name === "other/name") expectTypeOf(any.data).toEqualTypeOf<UntypedData>();
    });
  });
});

describe("a client with schemas", () => {
  test("triggers by name are typed; a wildcard is the events that it covers", () => {
    described.createFunction({ id: "a" }, { event: "shop/order.created" }, ({ event }) => {
      expectTypeOf(event.data).toEqualTypeOf<Order>();
    });
    described.createFunction({ id: "b" }, { event: "shop/*" }, ({ event }) => {
      if (event.name === "shop/order.paid") expectTypeOf(event.data).toEqualTypeOf<{ at: string }>();
    });
    described.createFunction({ id: "c" }, { event: "time/set" }, ({ event }) => {
      expectTypeOf(event.data.at).toEqualTypeOf<Date>();
    });
    described.createFunction({ id: "d" }, { event: "zod/made" }, ({ event }) => {
      expectTypeOf(event.data.size).toBeNumber();
    });
    described.createFunction({ id: "e" }, { event: "inngest/function.failed" }, ({ event }) => {
      expectTypeOf(event.data.error.message).toBeString();
    });
    // @ts-expect-error -- no such event
    if (isExecuted) described.createFunction({ id: "f" }, { event: "shop/order.creatd" }, () => 1);
  });

  test("sending, in and out of a run", () => {
    if (!isExecuted) return;
    void described.send({ name: "shop/order.created", data: { orderId: "a", total: 5 } });
    void described.send([{ name: "user/left" }, { name: "mail/sent", data: { to: "a" }, id: "x" }]);
    void described.send({ name: "zod/made", data: { size: "5" } });
    // @ts-expect-error -- what the schema gives out is not what it takes in
    void described.send({ name: "zod/made", data: { size: 5 } });
    // @ts-expect-error -- a field is missing
    void described.send({ name: "shop/order.created", data: { orderId: "a" } });
    // @ts-expect-error -- data is missing
    void described.send({ name: "shop/order.created" });
    // @ts-expect-error -- no such event
    void described.send({ name: "shop/gone", data: {} });
    described.createFunction({ id: "g" }, { event: "user/left" }, async ({ step }) => {
      await step.sendEvent("a", { name: "mail/sent", data: { to: "a" } });
      // @ts-expect-error -- of another event
      await step.sendEvent("b", { name: "mail/sent", data: { why: "a" } });
      const sent = await step.waitForEvent("c", { event: "mail/sent", timeout: "1h" });
      expectTypeOf(sent).toEqualTypeOf<ReceivedEvent<{ to: string }, "mail/sent"> | null>();
      // @ts-expect-error -- no such event
      await step.waitForEvent("d", { event: "mail/snt", timeout: "1h" });
    });
  });

  test("a failure handler knows the event that had started the run", () => {
    described.createFunction(
      {
        id: "h",
        onFailure: ({ event, error }) => {
          expectTypeOf(event.data.event.data).toEqualTypeOf<Order>();
          expectTypeOf(error).toEqualTypeOf<Error>();
          expectTypeOf(event).toExtend<FailureEventPayload>();
        },
      },
      { event: "shop/order.created" },
      () => 1,
    );
  });

  test("it is served like any other", () => {
    const fn = described.createFunction({ id: "i" }, { event: "user/left" }, () => 1);
    createHandler({ client: described, functions: [fn], framework: "test" });
    createHandler({ client: plain, functions: [], framework: "test" });
  });

  test("helper types", () => {
    type Events = GetEvents<typeof described>;
    expectTypeOf<Events["shop/order.created"]["data"]>().toEqualTypeOf<Order>();
    expectTypeOf<Events["mail/failed"]["name"]>().toEqualTypeOf<"mail/failed">();
    expectTypeOf<Events["inngest/scheduled.timer"]["data"]["cron"]>().toBeString();
    expectTypeOf<GetFunctionInput<typeof described, "time/set">["event"]["data"]["at"]>().toEqualTypeOf<Date>();
    expectTypeOf<GetFunctionInput<typeof plain>["event"]>().toEqualTypeOf<ReceivedEvent>();
    const fn = described.createFunction({ id: "j" }, { event: "user/left" }, async () => ({ at: new Date() }));
    expectTypeOf<GetFunctionOutput<typeof fn>>().toEqualTypeOf<{ at: string }>();
    expectTypeOf<GetFunctionOutputRaw<typeof fn>>().toEqualTypeOf<{ at: Date }>();
    expectTypeOf<ClientOptionsFromInngest<typeof plain>["id"]>().toEqualTypeOf<"plain">();
    expectTypeOf<EventNameFromTrigger<{ event: "a" }>>().toEqualTypeOf<"a">();
    expectTypeOf<EventNameFromTrigger<{ cron: string }>>().toEqualTypeOf<"inngest/scheduled.timer">();
    const helper = async (step: GetStepTools<typeof described>) => step.run("a", () => 5);
    described.createFunction({ id: "k" }, { event: "user/left" }, ({ step }) => helper(step));
  });
});

describe("a client with a serializer", () => {
  const serializer: Serializer = { encode: (value) => value, decode: (value) => value };
  const whole = new Inngest({ id: "whole", serializer });

  test("step results keep their types", () => {
    const fn = whole.createFunction({ id: "a" }, { event: "a" }, async ({ step }) => {
      if (!isExecuted) return new Map<string, Date>();
      expectTypeOf(await step.run("a", () => new Date())).toEqualTypeOf<Date>();
      expectTypeOf(await step.run("b", async () => new Map([[1n, new Set([1])]]))).toEqualTypeOf<
        Map<bigint, Set<number>>
      >();
      return new Map<string, Date>();
    });
    whole.createFunction({ id: "b" }, { event: "a" }, async ({ step }) => {
      if (isExecuted) expectTypeOf(await step.invoke("a", { function: fn })).toEqualTypeOf<Map<string, Date>>();
    });
  });
});

describe("middleware", () => {
  class Tenant extends Middleware.BaseMiddleware {
    readonly id = "tenant";
    override transformFunctionInput(input: Middleware.TransformFunctionInputArgs) {
      return { ...input, ctx: { ...input.ctx, tenant: "acme" } };
    }
  }
  const old = new InngestMiddleware({
    name: "old",
    init: () => ({ onFunctionRun: () => ({ transformInput: () => ({ ctx: { user: { id: 5 } } }) }) }),
  });
  const client = new Inngest({
    id: "a",
    middleware: [Tenant, dependencyInjectionMiddleware({ db: new Map<string, 1>() })],
  });

  test("what it adds to the context is typed, from the client and from the function", () => {
    client.createFunction({ id: "a" }, { event: "a" }, ({ tenant, db, event, step }) => {
      expectTypeOf(tenant).toBeString();
      expectTypeOf(db).toEqualTypeOf<Map<string, 1>>();
      expectTypeOf(event.name).toEqualTypeOf<"a" | "inngest/function.invoked">();
      expectTypeOf(step.run).toBeFunction();
    });
    client.createFunction({ id: "b", middleware: [old] }, { event: "a" }, ({ tenant, user }) => {
      expectTypeOf(tenant).toBeString();
      expectTypeOf(user).toEqualTypeOf<{ id: number }>();
    });
    plain.createFunction({ id: "c", triggers: { event: "a" }, middleware: [Tenant] }, ({ tenant, event }) => {
      expectTypeOf(tenant).toBeString();
      expectTypeOf(event.name).toEqualTypeOf<"a" | "inngest/function.invoked">();
    });
    // @ts-expect-error -- nothing added it
    if (isExecuted) plain.createFunction({ id: "d" }, { event: "a" }, ({ tenant }) => tenant);
  });
});

describe("references", () => {
  test("take their types from a function or from schemas", async () => {
    const fn = plain.createFunction({ id: "a" }, eventType("a", { schema: staticSchema<Order>() }), () => 5);
    const byType = referenceFunction<typeof fn>({ functionId: "a" });
    const bySchemas = referenceFunction({
      functionId: "b",
      appId: "other",
      schemas: { data: z.object({ a: z.string() }), return: z.object({ b: z.number() }) },
    });
    const bare = referenceFunction({ functionId: "c" });
    plain.createFunction({ id: "d" }, { event: "a" }, async ({ step }) => {
      if (!isExecuted) return;
      expectTypeOf(await step.invoke("a", { function: byType, data: { orderId: "1", total: 1 } })).toBeNumber();
      expectTypeOf(await step.invoke("b", { function: bySchemas, data: { a: "" } })).toEqualTypeOf<{ b: number }>();
      expectTypeOf(await step.invoke("c", { function: bare })).toBeUnknown();
      // @ts-expect-error -- total is missing
      await step.invoke("d", { function: byType, data: { orderId: "1" } });
    });
  });
});
