import { describe, expect, test } from "vitest";
import { namedFunction, route, triggerNames } from "../../src/engine/route.ts";
import type { EventRecord } from "../../src/protocol/event.ts";
import type { RegisteredFunction } from "../../src/protocol/function-config.ts";
import { derivedUlid } from "../../src/protocol/ids.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";

const NOW = Date.UTC(2026, 0, 1);
const RUN_ID = derivedUlid(NOW, "parent");

const record = (name: string, data: JsonObject = {}): EventRecord => {
  const internalId = derivedUlid(NOW, name);
  return { internalId, event: { id: internalId, name, data, user: {}, ts: NOW } };
};

const fn = (id: string, ...triggers: [event: string, expression?: string | null][]): RegisteredFunction => ({
  id,
  name: id,
  appId: "shop",
  version: 1,
  triggers: triggers.map(([event, expression = null]) => ({ event, expression })),
  crons: [],
  retry: DEFAULT_RETRY_POLICY,
  transport: { kind: "local" },
});

const started = (event: EventRecord, ...functions: RegisteredFunction[]) =>
  route(event, functions, NOW).map((match) => match.fn.id);

describe("[§1.7] trigger names of an event", () => {
  test.each<[string, string[]]>([
    ["order", ["order"]],
    ["order/created", ["order/created", "order/*"]],
    ["order.created", ["order.created", "order.*"]],
    ["a/b.c/d", ["a/b.c/d", "a/*", "a/b.*", "a/b.c/*"]],
    ["/a", ["/a", "/*"]],
    ["a/", ["a/", "a/*"]],
  ])("%s", (name, names) => {
    expect(triggerNames(name)).toEqual(names);
  });
});

describe("[§1.7] matching", () => {
  test.each<[trigger: string, event: string, matches: boolean]>([
    ["order/created", "order/created", true],
    ["order/created", "order/Created", false],
    ["order/created", "order/created/twice", false],
    ["order/*", "order/created", true],
    ["order/*", "order/created/twice", true],
    ["order/*", "order.created", false],
    ["order/*", "order", false],
    ["order.*", "order.created", true],
    ["order/cre*", "order/created", false], // a star stands only after a separator
    ["*", "order/created", false],
    ["*/created", "order/created", false],
  ])("trigger %s and event %s: %s", (trigger, event, isMatch) => {
    expect(started(record(event), fn("f", [trigger]))).toEqual(isMatch ? ["f"] : []);
  });

  test("a function starts once, however many of its triggers match", () => {
    expect(started(record("a/b"), fn("f", ["a/b"], ["a/*"], ["a/b", "true"]))).toEqual(["f"]);
  });

  test("each of several functions starts, in the order given", () => {
    expect(started(record("a/b"), fn("f", ["a/b"]), fn("g", ["c"]), fn("h", ["a/*"]))).toEqual(["f", "h"]);
  });

  test.each<[string | null, boolean]>([
    [null, true],
    ["", true],
    ["event.data.total > 10", true],
    ["event.data.total > 100", false],
    ["event.data.missing == 1", false],
    ["event.name == 'a/b' && now() > date('2020-01-01')", true],
    ["event.data.total", false], // not a boolean
    ["event.data.total / 0 > 1", false], // fails
    ["event.data.total >", false], // does not parse: accepted by an older version
    ["nobody.knows == 1", false],
  ])("[features §4] expression %j: %s; one that fails or is no boolean does not match", (expression, isMatch) => {
    const event = record("a/b", { total: 50 });
    expect(started(event, fn("f", ["a/b", expression]))).toEqual(isMatch ? ["f"] : []);
    expect(started(event, fn("f", ["a/b", expression], ["a/*"]))).toEqual(["f"]); // another trigger may
  });
});

describe("[§9.3] invoke", () => {
  const invoke = (origin: JsonObject, name = "inngest/function.invoked") => record(name, { _inngest: origin });

  test("starts the named function although no trigger of it matches, and knows who waits", () => {
    const event = invoke({ fn_id: "shop-bill", correlation_id: `${RUN_ID}.step1` });
    expect(namedFunction(event)).toBe("shop-bill");
    expect(route(event, [fn("shop-bill"), fn("other", ["order/created"])], NOW)).toEqual([
      { fn: fn("shop-bill"), invoker: { runId: RUN_ID, stepId: "step1" } },
    ]);
  });

  test("the invoked function starts once although it listens to invocations, its expression is not asked", () => {
    const event = invoke({ fn_id: "f" });
    expect(started(event, fn("f", ["inngest/function.invoked"]))).toEqual(["f"]);
    expect(started(event, fn("f", ["inngest/function.invoked", "false"]))).toEqual(["f"]);
    expect(started(event, fn("g", ["inngest/function.invoked"]))).toEqual(["g"]);
  });

  test.each<[string, JsonObject]>([
    ["none", { fn_id: "f" }],
    ["no run id", { fn_id: "f", correlation_id: "run.step" }],
    ["no step", { fn_id: "f", correlation_id: RUN_ID }],
    ["an empty step", { fn_id: "f", correlation_id: `${RUN_ID}.` }],
    ["not a text", { fn_id: "f", correlation_id: 5 }],
  ])("a correlation that names no step has no invoker: %s", (_, origin) => {
    expect(route(invoke(origin), [fn("f")], NOW)).toEqual([{ fn: fn("f"), invoker: undefined }]);
  });

  test.each<[string, EventRecord]>([
    ["another event", invoke({ fn_id: "f" }, "order/created")],
    ["no origin", record("inngest/function.invoked")],
    ["origin that is a list", record("inngest/function.invoked", { _inngest: ["f"] })],
    ["a function id that is no text", invoke({ fn_id: 5 })],
  ])("invokes nothing: %s", (_, event) => {
    expect(namedFunction(event)).toBeUndefined();
    expect(started(event, fn("f"))).toEqual([]);
  });
});

describe("[§1.6] a tick of a schedule", () => {
  const tick = (functionId: string): EventRecord => ({ ...record("inngest/scheduled.timer"), functionId });

  test("starts the function that has the schedule, which waits for nothing", () => {
    expect(namedFunction(tick("shop-report"))).toBe("shop-report");
    expect(route(tick("shop-report"), [fn("shop-report"), fn("other", ["order/created"])], NOW)).toEqual([
      { fn: fn("shop-report"), invoker: undefined },
    ]);
  });

  test("starts it once although it listens to ticks, and also who else listens to them", () => {
    const listening = [fn("f", ["inngest/scheduled.timer"]), fn("g", ["inngest/*"]), fn("h")];
    expect(started(tick("f"), ...listening)).toEqual(["f", "g"]);
  });
});
