import { describe, expect, test } from "vitest";
import { flowControlOf } from "../../src/protocol/flow-config.ts";
import { functionConfigSchema, retryPolicyOf } from "../../src/protocol/function-config.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";
import { Inngest } from "../../src/sdk/client.ts";
import type { Context, FailureContext } from "../../src/sdk/context.ts";
import type { FunctionOptions, Trigger } from "../../src/sdk/function-options.ts";

const client = new Inngest({ id: "shop" });
const handler = () => "done";
const URL_OF_APP = "https://app.example.com/api/inngest";

const create = (options: unknown, triggers: unknown = { event: "a/b" }, code: unknown = handler) =>
  client.createFunction(
    options as FunctionOptions & { triggers?: undefined },
    triggers as Trigger,
    code as () => unknown,
  );

describe("both forms of createFunction mean the same", () => {
  const trigger: Trigger = { event: "order/created", if: "event.data.paid" };
  test.each([
    ["trigger as second argument", client.createFunction({ id: "ship" }, trigger, handler)],
    ["list as second argument", client.createFunction({ id: "ship" }, [trigger], handler)],
    ["trigger as option", client.createFunction({ id: "ship", triggers: trigger }, handler)],
    ["list as option", client.createFunction({ id: "ship", triggers: [trigger] }, handler)],
  ])("%s", (_, fn) => {
    expect(fn.registrations("shop")).toEqual([
      {
        id: "shop-ship",
        name: "ship",
        triggers: [{ event: "order/created", expression: "event.data.paid" }],
        crons: [],
        retry: DEFAULT_RETRY_POLICY,
        handler: expect.any(Function),
        fn,
      },
    ]);
  });

  test("without triggers a function is only invoked", () => {
    expect(client.createFunction({ id: "ship" }, handler).triggers).toEqual([]);
    expect(client.createFunction({ id: "ship" }, [], handler).triggers).toEqual([]);
  });

  test("triggers given twice are refused", () => {
    expect(() => create({ id: "ship", triggers: { event: "a/b" } })).toThrow(
      'function "ship": triggers: given twice, as an option and as the second argument',
    );
  });
});

test("its id is <app>-<function>, of its own app or of the one that serves it", () => {
  const fn = client.createFunction({ id: "ship", name: "Ship it" }, handler);
  expect([fn.id(), fn.id("other"), fn.appId, fn.name]).toEqual(["shop-ship", "other-ship", "shop", "Ship it"]);
});

test.each<[string, unknown, unknown, unknown, string]>([
  // options
  ["no options", undefined, {}, handler, "createFunction: options: undefined is not an object"],
  ["no id", {}, { event: "a" }, handler, "createFunction: id: undefined is not a function id"],
  ["empty id", { id: " " }, { event: "a" }, handler, 'createFunction: id: " " is not a function id'],
  ["id of another type", { id: 5 }, { event: "a" }, handler, "createFunction: id: 5 is not a function id"],
  ["name of another type", { id: "f", name: 5 }, { event: "a" }, handler, 'function "f": name: 5 is not a string'],
  [
    "unknown option",
    { id: "f", retry: 3 },
    { event: "a" },
    handler,
    'function "f": "retry" is not an option; there are id, name, description, retries, onFailure, triggers',
  ],
  [
    "bad retries",
    { id: "f", retries: 21 },
    { event: "a" },
    handler,
    'function "f": retries: 21 is not a whole number from 0 to 20',
  ],
  [
    "misspelt option of flow control",
    { id: "f", concurency: 3 },
    { event: "a" },
    handler,
    'function "f": "concurency" is not an option (did you mean "concurrency"?); there are id,',
  ],
  [
    "bad flow control",
    { id: "f", throttle: { limit: 0, period: "1s" } },
    { event: "a" },
    handler,
    'function "f": throttle.limit: 0 is not a whole number from 1 up',
  ],
  [
    "bad onFailure",
    { id: "f", onFailure: "x" },
    { event: "a" },
    handler,
    'function "f": onFailure: string is not a function',
  ],
  // handler
  ["no handler", { id: "f" }, { event: "a" }, null, 'function "f": handler: object is not a function'],
  ["handler of another type", { id: "f" }, { event: "a" }, "x", 'function "f": handler: string is not a function'],
  // triggers
  ["undefined", { id: "f" }, null, handler, 'function "f": triggers: null is not a trigger'],
  [
    "an event name alone",
    { id: "f" },
    "a/b",
    handler,
    'function "f": triggers: "a/b" is not a trigger; write { event:',
  ],
  ["empty trigger", { id: "f" }, {}, handler, 'function "f": triggers.event: undefined is not an event name'],
  [
    "empty name",
    { id: "f" },
    [{ event: "a" }, { event: "" }],
    handler,
    'function "f": triggers[1].event: "" is not an event name',
  ],
  [
    "long name",
    { id: "f" },
    { event: "é".repeat(128) },
    handler,
    'function "f": triggers.event: 256 bytes; an event name here has at most 255',
  ],
  [
    "misspelt if",
    { id: "f" },
    { event: "a", expression: "true" },
    handler,
    'function "f": triggers: "expression" is not part of a trigger; there are event and if',
  ],
  ["empty if", { id: "f" }, { event: "a", if: "" }, handler, 'function "f": triggers.if: "" is not an expression'],
  [
    "event and cron in one",
    { id: "f" },
    [{ event: "a" }, { event: "b", cron: "* * * * *" }],
    handler,
    'function "f": triggers[1]: a trigger has either an event or a cron; make them two triggers',
  ],
  [
    "jitter without cron",
    { id: "f" },
    { event: "a", jitter: "3s" },
    handler,
    "triggers.jitter: only a schedule has one",
  ],
  ["empty cron", { id: "f" }, { cron: " " }, handler, 'function "f": triggers.cron: " " is not a schedule'],
  [
    "twice the same cron",
    { id: "f" },
    [{ cron: "0 9 * * *" }, { cron: "0 9 * * *", jitter: "30s" }],
    handler,
    'function "f": triggers[1]: the same as triggers[0], cron "0 9 * * *"',
  ],
  [
    "twice the same",
    { id: "f" },
    [{ event: "a" }, { event: "b" }, { event: "a" }],
    handler,
    'function "f": triggers[2]: the same as triggers[0], event "a"',
  ],
  [
    "eleven",
    { id: "f" },
    Array.from({ length: 11 }, (_, n) => ({ event: `e${n}` })),
    handler,
    'function "f": triggers: 11 triggers; a function has at most 10',
  ],
])("refused: %s", (_, options, trigger, code, message) => {
  expect(() => create(options, trigger, code)).toThrow(message);
});

test.each([
  ["app/*", true],
  ["app/user.*", true],
  ["*", false],
  ["/*", false],
  ["app*", false],
  ["app/*/done", false],
  ["app/**", false],
  ["app/*.*", false],
  ["inngest/function.failed", true],
])("[§1.7] a wildcard is a whole last part: %s", (event, isAllowed) => {
  if (isAllowed) expect(create({ id: "f" }, { event }).triggers).toEqual([{ event, expression: null }]);
  else expect(() => create({ id: "f" }, { event })).toThrow("a * may only be last");
});

test("the same event with another condition is another trigger", () => {
  expect(create({ id: "f" }, [{ event: "a" }, { event: "a", if: "true" }]).triggers).toHaveLength(2);
});

describe("[§3.12] onFailure", () => {
  const seen: FailureContext[] = [];
  const fn = client.createFunction(
    { id: "ship", name: "Ship", retries: 5, onFailure: (context) => seen.push(context) },
    { event: "order/created" },
    handler,
  );

  test("is a function of its own, with one retry", () => {
    const [own, failure] = fn.registrations("shop");
    expect(own).toMatchObject({ id: "shop-ship", retry: { maxAttempts: 6 } });
    expect(failure).toMatchObject({
      id: "shop-ship-failure",
      name: "Ship (failure)",
      triggers: [{ event: "inngest/function.failed", expression: "event.data.function_id == 'shop-ship'" }],
      retry: { ...DEFAULT_RETRY_POLICY, maxAttempts: 2 },
    });
  });

  test("its handler gets the run's error, rebuilt", () => {
    const error = { name: "TypeError", message: "no", stack: "TypeError: no\n    at f" };
    const event = { name: "inngest/function.failed", data: { function_id: "shop-ship", run_id: "R", error } };
    fn.registrations("shop")[1]?.handler({ event, events: [event], runId: "F" } as unknown as Context);
    expect(seen[0]).toMatchObject({ runId: "F", event });
    expect(seen[0]?.error).toBeInstanceOf(Error);
    expect(seen[0]?.error).toMatchObject(error);
  });

  test("an id with a quote or backslash stays one CEL string", () => {
    const odd = client.createFunction({ id: "it's\\", onFailure: handler }, handler);
    expect(odd.registrations("shop")[1]?.triggers[0]?.expression).toBe("event.data.function_id == 'shop-it\\'s\\\\'");
  });
});

describe("[§2.4] configs", () => {
  test("what an app tells a server", () => {
    const fn = client.createFunction(
      { id: "ship", name: "Ship", retries: 2 },
      [{ event: "a" }, { event: "b", if: "true" }],
      handler,
    );
    expect(fn.configs("shop", URL_OF_APP)).toEqual([
      {
        id: "shop-ship",
        name: "Ship",
        triggers: [{ event: "a" }, { event: "b", expression: "true" }],
        steps: {
          step: {
            id: "step",
            name: "step",
            runtime: { type: "http", url: `${URL_OF_APP}?fnId=shop-ship&stepId=step` },
            retries: { attempts: 2 },
          },
        },
        retryPolicy: { ...DEFAULT_RETRY_POLICY, maxAttempts: 3 },
      },
    ]);
  });

  test("our server reads them, policy included", () => {
    const fn = client.createFunction(
      { id: "ship", retries: { attempts: 7, backoff: "fixed" }, onFailure: handler },
      handler,
    );
    for (const [index, config] of fn.configs("shop", URL_OF_APP).entries())
      expect(retryPolicyOf(functionConfigSchema.parse(config))).toEqual(fn.registrations("shop")[index]?.retry);
  });

  test("and reads the same flow control from them as is known here; a failure handler has none", () => {
    const fn = client.createFunction(
      {
        id: "ship",
        concurrency: { limit: 1, key: "event.data.id", mode: "run" },
        cancelOn: [{ event: "order/cancelled", match: "data.id" }],
        onFailure: handler,
      },
      handler,
    );
    const [own, failure] = fn.configs("shop", URL_OF_APP).map((config) => functionConfigSchema.parse(config));
    expect(fn.registrations("shop")[0]?.flow?.concurrency).toHaveLength(1);
    expect(flowControlOf(own ?? {})).toEqual(fn.registrations("shop")[0]?.flow);
    expect([failure && flowControlOf(failure), fn.registrations("shop")[1]?.flow]).toEqual([undefined, undefined]);
  });

  test.each([
    ["spaces & signs", "shop-spaces & signs"],
    ["50%", "shop-50%"],
    ["日本", "shop-日本"],
  ])("any id survives the step's URL: %s", (id, slug) => {
    const [config] = client.createFunction({ id }, handler).configs("shop", `${URL_OF_APP}?old=1`);
    const url = new URL(config?.steps.step.runtime.url ?? "");
    expect([...url.searchParams]).toEqual([
      ["fnId", slug],
      ["stepId", "step"],
    ]);
  });
});
