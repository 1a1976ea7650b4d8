import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { receiveEvents } from "../../src/sdk/receive.ts";
import {
  EventSchemas,
  eventType,
  EventValidationError,
  Inngest,
  invoke,
  isNonRetriable,
  staticSchema,
  type ReceivedEvent,
} from "../../src/sdk/index.ts";

const event = (name: string, data: object): ReceivedEvent => ({ name, data, id: "1", ts: 1, user: {} });
const slow = z.object({ a: z.string() }).refine(async ({ a }) => a !== "no");

const paid = eventType("order/paid", { schema: z.object({ orderId: z.string(), at: z.coerce.date() }) });

/** A client whose sent bodies are kept. */
function recording(options: Partial<ConstructorParameters<typeof Inngest>[0]> = {}) {
  const sent: unknown[] = [];
  const client = new Inngest({
    id: "shop",
    isDev: true,
    ...options,
    fetch: async (_, init) => {
      const body: unknown[] = JSON.parse(String(init?.body));
      sent.push(...body);
      return Response.json({ ids: body.map(() => "id"), status: 200 });
    },
  });
  return { client, sent };
}

describe("sending", () => {
  test("a created event carries name, version and what it was given, not what its schema makes of it", async () => {
    const { client, sent } = recording();
    const moved = eventType("order/moved", { schema: z.object({ n: z.string().transform(Number) }), version: "3" });
    await client.send([
      moved.create({ n: "5" }, { id: "a", ts: 1_700_000_000_000 }),
      moved.create({ n: "6" }, { v: "4" }),
    ]);
    expect(sent).toEqual([
      { name: "order/moved", data: { n: "5" }, id: "a", ts: 1_700_000_000_000, v: "3" },
      { name: "order/moved", data: { n: "6" }, v: "4" },
    ]);
  });

  test.each([
    ["zod", z.object({ a: z.object({ b: z.number() }) })],
    ["valibot", v.object({ a: v.object({ b: v.number() }) })],
    ["arktype", type({ a: { b: "number" } })],
  ])("what does not fit is refused by path and value before anything is sent: %s", async (_, schema) => {
    const { client, sent } = recording();
    const made = eventType("a/made", { schema });
    const wrong = { a: { b: "no number" } } as never;
    await expect(client.send([made.create({ a: { b: 1 } }), made.create(wrong)])).rejects.toThrow(
      /event "a\/made": data\.a\.b: .*; it is "no number"/,
    );
    await expect(made.create(wrong).validate()).rejects.toThrow(EventValidationError);
    expect(sent).toEqual([]);
  });

  test("a client's schemas check events sent by name; others pass", async () => {
    const schemas = new EventSchemas()
      .fromRecord<{ free: { data: { a: number } } }>()
      .fromSchema({ "a/made": z.object({ n: z.number() }) });
    const { client, sent } = recording({ schemas });
    await client.send({ name: "free", data: { a: "unchecked" } });
    await expect(client.send({ name: "a/made", data: { n: "1" } })).rejects.toThrow("data.n: ");
    await client.send({ name: "a/made", data: { n: 1 } });
    expect(sent).toHaveLength(2);
  });

  test("static schemas check nothing", async () => {
    const { client, sent } = recording();
    await client.send(eventType("a", { schema: staticSchema<{ n: number }>() }).create({ n: "x" } as never));
    expect(sent).toEqual([{ name: "a", data: { n: "x" } }]);
  });
});

describe("receiving", () => {
  const read = (name: string, data: object, ...types: { name: string; schema: never }[]) =>
    receiveEvents([event(name, data)], { readers: types as never });

  test("the handler gets what the schema makes of the data", () => {
    expect(read("order/paid", { orderId: "a", at: "2026-01-01" }, paid as never)).toEqual([
      event("order/paid", { orderId: "a", at: new Date("2026-01-01") }),
    ]);
  });

  test("what does not fit is an error without another attempt, naming path and value", () => {
    const attempt = () => read("order/paid", { orderId: 5, at: 5 }, paid as never);
    expect(attempt).toThrow('event "order/paid": data.orderId: ');
    expect(attempt).toThrow("it is 5");
    try {
      void attempt();
    } catch (error) {
      expect(isNonRetriable(error)).toBe(true);
      expect(error).toMatchObject({ code: "event_invalid", issues: [{ path: ["orderId"], value: 5 }] });
    }
  });

  test("an asynchronous schema is awaited", async () => {
    const one = eventType("a", { schema: slow });
    await expect(read("a", { a: "x" }, one as never)).resolves.toMatchObject([{ data: { a: "x" } }]);
    await expect(read("a", { a: "no" }, one as never)).rejects.toThrow(EventValidationError);
  });

  test("a wildcard's schema covers what the wildcard covers", () => {
    const any = eventType("order/*", { schema: z.object({ orderId: z.string() }) });
    expect(() => read("order/paid", {}, any as never)).toThrow("data.orderId");
    expect(read("user/left", {}, any as never)).toEqual([event("user/left", {})]);
  });

  test.each([
    ["of the first trigger", { orderId: "a", at: 0 }, { orderId: "a", at: new Date(0) }],
    ["of another one", { n: 5 }, { n: 5 }],
    ["of none", { x: 1 }, null],
  ])("an invoked function takes data %s", (_, data, expected) => {
    const other = eventType("b", { schema: z.object({ n: z.number() }) });
    const invoked = () =>
      read("inngest/function.invoked", { ...data, _inngest: { fn_id: "x" } }, paid as never, other as never);
    if (expected) expect(invoked()).toEqual([event("inngest/function.invoked", expected)]);
    else expect(invoked).toThrow(EventValidationError);
  });

  test("an invoked function with a trigger of any data takes any; one with invoke() takes that alone", () => {
    const name = "inngest/function.invoked";
    const free = { name: "free", schema: undefined as never };
    expect(read(name, { x: 1 }, paid as never, free)).toEqual([event(name, { x: 1 })]);
    const own = invoke(z.object({ y: z.number() }).strict());
    expect(read(name, { y: 1, _inngest: {} }, free, own as never)).toEqual([event(name, { y: 1 })]);
    expect(() => read(name, { x: 1 }, free, own as never)).toThrow(EventValidationError);
  });
});

describe("EventSchemas", () => {
  test("zod's lists name the event in a literal", () => {
    const schemas = new EventSchemas().fromZod([z.object({ name: z.literal("a"), data: z.object({ n: z.number() }) })]);
    expect(schemas.dataSchema("a")).toBeDefined();
    expect(schemas.dataSchema("b")).toBeUndefined();
    expect(() => new EventSchemas().fromZod([z.object({ name: z.string() })])).toThrow("fromZod: [0]: name: ");
    expect(() => new EventSchemas().fromSchema({ a: {} as never })).toThrow('fromSchema: "a": not a schema');
  });

  test("the later one of a name counts", () => {
    const later = z.object({});
    expect(
      new EventSchemas()
        .fromSchema({ a: z.object({}) })
        .fromSchema({ a: later })
        .dataSchema("a"),
    ).toBe(later);
  });
});

test.each([
  ["", undefined, 'eventType: name: "" is not an event name'],
  ["a", { schema: {} }, 'eventType "a": schema: not a schema'],
])("refused: an event type %j %j", (name, options, message) => {
  expect(() => eventType(name, options as never)).toThrow(message);
});
