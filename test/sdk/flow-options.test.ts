import { describe, expect, test } from "vitest";
import type { WireFlow } from "../../src/protocol/flow-config.ts";
import { Inngest } from "../../src/sdk/client.ts";
import { eventType } from "../../src/sdk/event-type.ts";
import { FLOW_OPTION_NAMES, readFlowOptions } from "../../src/sdk/flow-options.ts";

type Options = Parameters<typeof readFlowOptions>[0];

describe("[§2.4] options become what any server of Inngest's reads", () => {
  test.each<[string, Options, WireFlow]>([
    ["a number stays one", { concurrency: 5 }, { concurrency: 5 }],
    ["undefined is left out", { concurrency: { limit: 5, key: undefined } }, { concurrency: { limit: 5 } }],
    [
      "lists, and what is ours",
      {
        concurrency: [
          { limit: 1, mode: "run", order: "fifo" },
          { limit: 2, key: "'x'", scope: "env" },
        ],
      },
      {
        concurrency: [
          { limit: 1, mode: "run", order: "fifo" },
          { limit: 2, key: "'x'", scope: "env" },
        ],
      },
    ],
    [
      "durations in every form",
      {
        throttle: { limit: 1, period: 90_000 },
        debounce: { period: "2.5 minutes", timeout: "1h30m" },
        timeouts: { start: 1 },
      },
      {
        throttle: { limit: 1, period: "1m30s" },
        debounce: { period: "2m30s", timeout: "1h30m" },
        timeouts: { start: "1ms" },
      },
    ],
    [
      "cancelOn is called cancel, and match an if",
      {
        cancelOn: [
          { event: eventType("order/cancelled"), match: "data.orderId", timeout: "1d", cascade: true },
          { event: "b", if: "async.data.x", timeout: new Date(Date.UTC(2027, 0, 1)) },
        ],
      },
      {
        cancel: [
          { event: "order/cancelled", if: "event.data.orderId == async.data.orderId", timeout: "1d", cascade: true },
          { event: "b", if: "async.data.x", timeout: "2027-01-01T00:00:00.000Z" },
        ],
      },
    ],
    [
      "the others",
      {
        rateLimit: { limit: 1, period: "1d", mode: "window" },
        priority: { run: "event.data.p" },
        singleton: { mode: "queue", key: "event.data.k" },
      },
      {
        rateLimit: { limit: 1, period: "1d", mode: "window" },
        priority: { run: "event.data.p" },
        singleton: { mode: "queue", key: "event.data.k" },
      },
    ],
    ["idempotency", { idempotency: "event.data.id" }, { idempotency: "event.data.id" }],
    [
      "batches",
      { batchEvents: { maxSize: 100, timeout: 5000, key: "event.data.k", if: "event.data.i" } },
      { batchEvents: { maxSize: 100, timeout: "5s", key: "event.data.k", if: "event.data.i" } },
    ],
    ["nothing", {}, {}],
  ])("%s", (_, options, wire) => {
    expect(readFlowOptions(options).wire).toEqual(wire);
  });
});

describe("[G9] what is refused names the option as it is called here", () => {
  test.each<[Options, string]>([
    [{ concurrency: null }, "concurrency: null is not an object with limit, key, scope, mode, order"],
    [{ concurrency: { limit: -1 } }, "concurrency.limit: -1 is not a whole number from 0 up"],
    [
      { concurrency: [{ limits: 1 }] },
      'concurrency[0]: "limits" is not part of it (did you mean "limit"?); there are limit,',
    ],
    [{ concurrency: { limit: 1, key: "" } }, 'concurrency.key: "" is not an expression such as "event.data.userId"'],
    [{ throttle: { limit: 1, period: "soon" } }, 'throttle.period: cannot read "soon" as a duration'],
    [{ throttle: { limit: 1, period: -5 } }, "throttle.period: cannot read -5 as a duration"],
    [{ throttle: { limit: 1, period: "8d" } }, 'throttle.period: "1w1d" is not between 1s and 1w'],
    [{ throttle: [] }, "throttle: [] is not an object with limit, period, burst, key"],
    [{ debounce: { period: "1s", collect: 1 } }, "debounce.collect: 1 is not true or false"],
    [{ idempotency: 5 }, "idempotency: 5 is not an expression"],
    [{ cancelOn: { event: "a" } }, 'cancelOn: {"event":"a"} is not a list such as'],
    [{ cancelOn: [{ event: "" }] }, 'cancelOn[0].event: "" is not an event name'],
    [{ cancelOn: [{ event: "a/*" }] }, 'cancelOn[0].event: "a/*": a wildcard cancels nothing; name the events'],
    [{ cancelOn: [{}] }, "cancelOn[0].event: undefined is not a text"],
    [{ cancelOn: [{ event: "a", match: "data.a", if: "true" }] }, "cancelOn[0]: give `match` or `if`, not both"],
    [{ cancelOn: [{ event: "a", timeout: 0 }] }, 'cancelOn[0].timeout: "0s" is not between 1ms and 52w2d'],
    [{ cancelOn: [{ event: "a", timeout: new Date(Number.NaN) }] }, "cancelOn[0].timeout: an invalid Date"],
    [{ cancelOn: Array(6).fill({ event: "a" }) }, "cancelOn: 6 of them; a function has at most 5"],
    [
      { batchEvents: { maxSize: 2, timeout: "1s" }, rateLimit: { limit: 1, period: "1s" } },
      "batchEvents: cannot be combined with rateLimit: it drops single events, and a batch has many",
    ],
    [
      { batchEvents: { maxSize: 2, timeout: "1s" }, idempotency: "event.data.id" },
      "batchEvents: cannot be combined with idempotency: it drops single events, and a batch has many",
    ],
    [
      { batchEvents: { maxSize: 2, timeout: "1s" }, cancelOn: [{ event: "a" }] },
      "batchEvents: cannot be combined with cancelOn: it is about one event, and a batch has many",
    ],
  ])("%j", (options, message) => {
    expect(() => readFlowOptions(options)).toThrow(message);
    expect(() => readFlowOptions(options)).toThrow(TypeError);
  });

  test("each option of flow control is one of createFunction", () => {
    const client = new Inngest({ id: "shop" });
    for (const option of FLOW_OPTION_NAMES)
      expect(() => client.createFunction({ id: "f", [option]: Symbol() } as { id: string }, () => 1)).toThrow(
        `function "f": ${option}`,
      );
  });
});
