import { describe, expect, test } from "vitest";
import type { FlowControl } from "../../src/protocol/flow-control.ts";
import { expressionsOf, flowControlOf, readFlowControl } from "../../src/protocol/flow-config.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const anyOf = (limit: number) => ({ limit, key: null, scope: "fn", mode: "step", order: "age" }) as const;
/** What a refused config is told, all of it. */
const refusals = (config: object) => readFlowControl(config).errors.map(({ message }) => message);

describe("[§2.4] what functions ask for, in its normal form", () => {
  test.each<[string, object, FlowControl | undefined]>([
    // concurrency
    ["a number", { concurrency: 5 }, { concurrency: [anyOf(5)] }],
    ["an object", { concurrency: { limit: 5 } }, { concurrency: [anyOf(5)] }],
    ["a list", { concurrency: [{ limit: 5 }, { limit: 2 }] }, { concurrency: [anyOf(5), anyOf(2)] }],
    ["0 is no limit", { concurrency: 0 }, undefined],
    ["0 in an object is no limit", { concurrency: { limit: 0, key: "event.data.a" } }, undefined],
    ["no limit is no limit", { concurrency: [{ key: "event.data.a" }, { limit: 3 }] }, { concurrency: [anyOf(3)] }],
    [
      "a key",
      { concurrency: { limit: 1, key: "event.data.a" } },
      { concurrency: [{ ...anyOf(1), key: "event.data.a" }] },
    ],
    [
      "shared scopes, in Go's spelling",
      {
        concurrency: [
          { limit: 1, key: "'a'", scope: "Env" },
          { limit: 2, key: "'b'", scope: "ACCOUNT", hash: "f00" },
        ],
      },
      {
        concurrency: [
          { ...anyOf(1), key: "'a'", scope: "env" },
          { ...anyOf(2), key: "'b'", scope: "account" },
        ],
      },
    ],
    [
      "whole runs and steps apart",
      { concurrency: { fn: [{ limit: 1, key: "event.data.a" }], step: [{ limit: 7 }] } },
      { concurrency: [{ ...anyOf(1), key: "event.data.a", mode: "run" }, anyOf(7)] },
    ],
    ["whole runs alone", { concurrency: { fn: [{ limit: 1 }] } }, { concurrency: [{ ...anyOf(1), mode: "run" }] }],
    [
      "ours: whole runs, strictly in order",
      { concurrency: { limit: 1, mode: "run", order: "fifo" } },
      { concurrency: [{ ...anyOf(1), mode: "run", order: "fifo" }] },
    ],
    // throttle
    [
      "throttle",
      { throttle: { limit: 10, period: "1m" } },
      { throttle: { limit: 10, periodMs: MINUTE, burst: 0, key: null } },
    ],
    [
      "throttle with a burst, in Go's durations",
      { throttle: { limit: 1, period: "168h0m0s", burst: 4, key: "event.data.a" } },
      { throttle: { limit: 1, periodMs: 7 * DAY, burst: 4, key: "event.data.a" } },
    ],
    // rate limit and idempotency
    [
      "rateLimit",
      { rateLimit: { limit: 3, period: "24h", key: "event.data.a" } },
      { rateLimit: { limit: 3, periodMs: DAY, key: "event.data.a", mode: "spaced" } },
    ],
    [
      "ours: a window",
      { rateLimit: { limit: 3, period: "1s", mode: "window" } },
      { rateLimit: { limit: 3, periodMs: SECOND, key: null, mode: "window" } },
    ],
    [
      "[features §3.5] idempotency is a rate limit of one in 24 hours",
      { idempotency: "event.data.id" },
      { rateLimit: { limit: 1, periodMs: DAY, key: "event.data.id", mode: "spaced" } },
    ],
    // debounce
    [
      "debounce",
      { debounce: { period: "7d" } },
      { debounce: { periodMs: 7 * DAY, timeoutMs: null, key: null, collect: false } },
    ],
    [
      "debounce with all there is",
      { debounce: { period: "1s", timeout: "1h30m", key: "event.data.a", collect: true } },
      { debounce: { periodMs: SECOND, timeoutMs: 90 * MINUTE, key: "event.data.a", collect: true } },
    ],
    // batches
    [
      "batchEvents",
      { batchEvents: { maxSize: 1000, timeout: "60s", key: "event.data.a", if: "event.data.b" } },
      { batch: { maxSize: 1000, timeoutMs: MINUTE, key: "event.data.a", if: "event.data.b" } },
    ],
    [
      "a batch of one is none, and excludes nothing",
      { batchEvents: { maxSize: 1, timeout: "1s" }, priority: { run: "1" } },
      { priority: "1" },
    ],
    [
      "[features §3.17] a rate limit beside a batch is for the events that are not batched",
      { batchEvents: { maxSize: 2, timeout: "1s" }, rateLimit: { limit: 1, period: "1m" } },
      {
        batch: { maxSize: 2, timeoutMs: SECOND, key: null, if: null },
        rateLimit: { limit: 1, periodMs: MINUTE, key: null, mode: "spaced" },
      },
    ],
    // the others
    ["priority", { priority: { run: "event.data.p" } }, { priority: "event.data.p" }],
    ["priority of nothing", { priority: {} }, undefined],
    ["singleton", { singleton: { mode: "skip" } }, { singleton: { mode: "skip", key: null } }],
    [
      "singleton, in Go's spelling",
      { Singleton: { Mode: "Cancel", Key: "event.data.a" } },
      { singleton: { mode: "cancel", key: "event.data.a" } },
    ],
    ["ours: a queue of one", { singleton: { mode: "queue" } }, { singleton: { mode: "queue", key: null } }],
    [
      "cancel",
      { cancel: [{ event: "a/b" }, { event: "c", if: "async.data.x == 1", timeout: "1h" }] },
      {
        cancelOn: [
          { event: "a/b", expression: null, timeoutMs: null, cascade: false },
          { event: "c", expression: "async.data.x == 1", timeoutMs: HOUR, cascade: false },
        ],
      },
    ],
    [
      "cancel on one path, as older clients send it",
      { cancel: [{ event: "a", match: "data.id" }] },
      { cancelOn: [{ event: "a", expression: "event.data.id == async.data.id", timeoutMs: null, cascade: false }] },
    ],
    [
      "cancel until an instant, and with what the run has invoked",
      { cancel: [{ event: "a", timeout: "2027-01-01T00:00:00Z", cascade: true }] },
      { cancelOn: [{ event: "a", expression: null, timeoutMs: null, until: Date.UTC(2027, 0, 1), cascade: true }] },
    ],
    ["timeouts", { timeouts: { start: "10s" } }, { timeouts: { startMs: 10 * SECOND, finishMs: null } }],
    ["both", { timeouts: { start: "1m", finish: "366d" } }, { timeouts: { startMs: MINUTE, finishMs: 366 * DAY } }],
    ["timeouts of nothing", { timeouts: {} }, undefined],
    // nothing
    ["nothing", {}, undefined],
    [
      "null, an empty text and an empty list",
      { concurrency: null, throttle: undefined, idempotency: "", cancel: [], debounce: null, timeouts: { start: "" } },
      undefined,
    ],
    [
      "null inside, as Go and Python send it",
      {
        throttle: { limit: 1, period: "1s", key: null, burst: null },
        debounce: { period: "1s", key: "", timeout: null },
      },
      {
        throttle: { limit: 1, periodMs: SECOND, burst: 0, key: null },
        debounce: { periodMs: SECOND, timeoutMs: null, key: null, collect: false },
      },
    ],
    [
      "other fields pass",
      { checkpoint: true, throttle: { limit: 1, period: "1s", more: 1 } },
      { throttle: { limit: 1, periodMs: SECOND, burst: 0, key: null } },
    ],
  ])("%s", (_, config, flow) => {
    expect(refusals(config)).toEqual([]);
    expect(flowControlOf(config)).toEqual(flow);
  });

  test("an option that nobody asked for is not there at all: a function without flow control takes no further hop", () => {
    expect(Object.keys(flowControlOf({ concurrency: 1, debounce: null }) ?? {})).toEqual(["concurrency"]);
  });
});

describe("[G9] what is refused names field, value and bound", () => {
  test.each<[object, string]>([
    // concurrency
    [{ concurrency: -1 }, "concurrency: -1 is not a whole number from 0 up"],
    [{ concurrency: 1.5 }, "concurrency: 1.5 is not a whole number from 0 up"],
    [{ concurrency: Number.NaN }, "concurrency: NaN is not a whole number from 0 up"],
    [{ concurrency: "5" }, 'concurrency: "5" is not an object'],
    [{ concurrency: { limit: "5" } }, 'concurrency.limit: "5" is not a whole number from 0 up'],
    [{ concurrency: [{ limit: 1 }, { limit: -2 }] }, "concurrency[1].limit: -2 is not a whole number from 0 up"],
    [{ concurrency: [1] }, "concurrency[0]: 1 is not an object"],
    [{ concurrency: Array(3).fill({ limit: 1 }) }, "concurrency: 3 limits; a function has at most 2"],
    [
      { concurrency: { limit: 1, scope: "env" } },
      'concurrency.key: a limit of scope "env" needs one, which names what its functions share',
    ],
    [
      { concurrency: [{ limit: 1, scope: "account", key: "" }] },
      'concurrency[0].key: a limit of scope "account" needs one, which names what its functions share',
    ],
    [{ concurrency: { limit: 1, scope: "app" } }, 'concurrency.scope: "app" is not one of fn, env, account'],
    [{ concurrency: { limit: 1, key: 5 } }, "concurrency.key: 5 is not a text"],
    [{ concurrency: { limit: 1, mode: "runs" } }, 'concurrency.mode: "runs" is not one of step, run'],
    [{ concurrency: { limit: 1, order: "lifo" } }, 'concurrency.order: "lifo" is not one of age, fifo'],
    [
      { concurrency: { limit: 1, order: "fifo" } },
      'concurrency.order: "fifo" needs mode "run" and scope "fn", not mode "step" and scope "fn"',
    ],
    [
      { concurrency: { limit: 1, order: "fifo", mode: "run", scope: "env", key: "'a'" } },
      'concurrency.order: "fifo" needs mode "run" and scope "fn", not mode "run" and scope "env"',
    ],
    // throttle
    [{ throttle: 5 }, "throttle: 5 is not an object"],
    [{ throttle: { limit: 0, period: "1s" } }, "throttle.limit: 0 is not a whole number from 1 up"],
    [{ throttle: { period: "1s" } }, "throttle.limit: undefined is not a whole number from 1 up"],
    [{ throttle: { limit: 1 } }, 'throttle.period: undefined is not a duration such as "30s", "5m" or "1h30m"'],
    [
      { throttle: { limit: 1, period: "soon" } },
      'throttle.period: "soon" is not a duration such as "30s", "5m" or "1h30m"',
    ],
    [{ throttle: { limit: 1, period: "999ms" } }, 'throttle.period: "999ms" is not between 1s and 1w'],
    [{ throttle: { limit: 1, period: "8d" } }, 'throttle.period: "8d" is not between 1s and 1w'],
    [{ throttle: { limit: 1, period: "1s", burst: -1 } }, "throttle.burst: -1 is not a whole number from 0 up"],
    // rate limit
    [{ rateLimit: { limit: 0, period: "1s" } }, "rateLimit.limit: 0 is not a whole number from 1 up"],
    [{ rateLimit: { limit: 1, period: "25h" } }, 'rateLimit.period: "25h" is not between 1s and 1d'],
    [{ rateLimit: { limit: 1, period: "1s", mode: "exact" } }, 'rateLimit.mode: "exact" is not one of spaced, window'],
    [{ idempotency: { key: "event.data.id" } }, 'idempotency: {"key":"event.data.id"} is not a text'],
    [
      { idempotency: "event.data.id", rateLimit: { limit: 1, period: "1h" } },
      "rateLimit: cannot be combined with idempotency, which is a rate limit of one in 24 hours; leave one of them out",
    ],
    // debounce
    [{ debounce: { period: "0s" } }, 'debounce.period: "0s" is not between 1s and 1w'],
    [{ debounce: { period: "1s", timeout: "367d" } }, 'debounce.timeout: "367d" is not between 1s and 52w2d'],
    [{ debounce: { period: "1s", collect: "yes" } }, 'debounce.collect: "yes" is not true or false'],
    // batches
    [{ batchEvents: { maxSize: 0, timeout: "1s" } }, "batchEvents.maxSize: 0 is not a whole number from 1 to 1000"],
    [
      { batchEvents: { maxSize: 1001, timeout: "1s" } },
      "batchEvents.maxSize: 1001 is not a whole number from 1 to 1000",
    ],
    [{ batchEvents: { maxSize: 2, timeout: "10ms" } }, 'batchEvents.timeout: "10ms" is not between 1s and 1w'],
    [
      { batchEvents: { maxSize: 2 } },
      'batchEvents.timeout: undefined is not a duration such as "30s", "5m" or "1h30m"',
    ],
    [{ batchEvents: { maxSize: 2, timeout: "1s", if: true } }, "batchEvents.if: true is not a text"],
    // the others
    [{ priority: "5" }, 'priority: "5" is not an object'],
    [{ priority: { run: 5 } }, "priority.run: 5 is not a text"],
    [{ singleton: { key: "event.data.a" } }, "singleton.mode: undefined is not one of skip, cancel, queue"],
    [{ singleton: { mode: "wait" } }, 'singleton.mode: "wait" is not one of skip, cancel, queue'],
    [{ cancel: { event: "a" } }, 'cancel: {"event":"a"} is not a list'],
    [{ cancel: Array(6).fill({ event: "a" }) }, "cancel: 6 of them; a function has at most 5"],
    [{ cancel: [{}] }, "cancel[0].event: undefined is not a text"],
    [{ cancel: [{ event: "é".repeat(128) }] }, "cancel[0].event: 256 bytes; an event name here has at most 255"],
    [{ cancel: [{ event: "a", match: "data.a", if: "true" }] }, "cancel[0]: give `match` or `if`, not both"],
    [{ cancel: [{ event: "a", timeout: "0s" }] }, 'cancel[0].timeout: "0s" is not between 1ms and 52w2d'],
    [{ cancel: [{ event: "a", timeout: "2027-99-01" }] }, 'cancel[0].timeout: "2027-99-01" is not a date'],
    [{ timeouts: { start: "-1s" } }, 'timeouts.start: "-1s" is not a duration such as "30s", "5m" or "1h30m"'],
    [{ timeouts: { finish: "400d" } }, 'timeouts.finish: "400d" is not between 1ms and 52w2d'],
  ])("%j", (config, message) => {
    expect(refusals(config)).toEqual([message]);
    expect(() => flowControlOf(config)).toThrow(message);
  });

  test("a long value is not told whole", () => {
    expect(refusals({ priority: "x".repeat(10_000) })[0]).toHaveLength("priority:  is not an object".length + 201);
  });

  test("several options are told all at once", () => {
    expect(refusals({ throttle: { limit: 0, period: "1s" }, singleton: { mode: "x" } })).toHaveLength(2);
  });
});

describe("[features §3.17] options that exclude each other are refused, both named", () => {
  const SAMPLES = {
    debounce: { period: "1s" },
    singleton: { mode: "skip" },
    priority: { run: "1" },
    cancel: [{ event: "a" }],
    batchEvents: { maxSize: 2, timeout: "1s" },
    throttle: { limit: 1, period: "1s" },
    concurrency: 1,
    timeouts: { finish: "1h" },
    rateLimit: { limit: 1, period: "1s" },
    idempotency: "event.data.id",
  };
  type Option = keyof typeof SAMPLES;
  const BATCHED: Record<Exclude<Option, "batchEvents">, boolean> = {
    debounce: false,
    singleton: false,
    priority: false,
    cancel: false,
    throttle: true,
    concurrency: true,
    timeouts: true,
    rateLimit: true,
    idempotency: true,
  };
  test.each(Object.entries(BATCHED))("batchEvents and %s: %s", (option, isAllowed) => {
    const config = { batchEvents: SAMPLES.batchEvents, [option]: SAMPLES[option as Option] };
    const name = option === "cancel" ? "cancelOn" : option;
    expect(refusals(config)).toEqual(
      isAllowed ? [] : [`batchEvents: cannot be combined with ${name}: it is about one event, and a batch has many`],
    );
  });

  const FIFO: Record<Exclude<Option, "concurrency">, boolean> = {
    batchEvents: false,
    debounce: false,
    singleton: false,
    priority: false,
    cancel: true,
    throttle: true,
    timeouts: true,
    rateLimit: true,
    idempotency: true,
  };
  test.each(Object.entries(FIFO))('order "fifo" and %s: %s', (option, isAllowed) => {
    const concurrency = [{ limit: 1, mode: "run", order: "fifo" }];
    expect(refusals({ concurrency, [option]: SAMPLES[option as Option] })).toEqual(
      isAllowed
        ? []
        : [
            `concurrency: cannot be combined with ${option}: with order "fifo" every event starts its run in the order in which it was sent`,
          ],
    );
  });
});

test("all expressions of a function are named, to be compiled where they are known", () => {
  const flow = flowControlOf({
    concurrency: [
      { limit: 1, key: "c1" },
      { limit: 1, key: "c2", scope: "env" },
    ],
    throttle: { limit: 1, period: "1s", key: "t" },
    idempotency: "i",
    debounce: { period: "1s", key: "d" },
    singleton: { mode: "skip", key: "s" },
    priority: { run: "p" },
    cancel: [{ event: "x", match: "data.id" }, { event: "y" }],
  });
  expect(expressionsOf(flow ?? {})).toEqual([
    { field: "idempotency", source: "i" },
    { field: "debounce.key", source: "d" },
    { field: "singleton.key", source: "s" },
    { field: "throttle.key", source: "t" },
    { field: "concurrency.key", source: "c1" },
    { field: "concurrency.key", source: "c2" },
    { field: "priority.run", source: "p" },
    { field: 'cancelOn: event "x": if', source: "event.data.id == async.data.id" },
  ]);
  const batched = flowControlOf({
    batchEvents: { maxSize: 2, timeout: "1s", key: "k", if: "i" },
    rateLimit: { limit: 2, period: "1s", key: "r" },
  });
  expect(expressionsOf(batched ?? {})).toEqual([
    { field: "batchEvents.key", source: "k" },
    { field: "batchEvents.if", source: "i" },
    { field: "rateLimit.key", source: "r" },
  ]);
});
