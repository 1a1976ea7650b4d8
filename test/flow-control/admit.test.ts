import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ACCOUNT_ENV, admissionOf, intakeOf } from "../../src/flow-control/admit.ts";
import { keyOf } from "../../src/flow-control/key.ts";
import type { Gate } from "../../src/engine/lease.ts";
import type { EventValue } from "../../src/protocol/event.ts";
import { flowControlOf, type WireConcurrency } from "../../src/protocol/flow-config.ts";
import type { RegisteredFunction } from "../../src/protocol/function-config.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";

const CREATED = Date.UTC(2026, 0, 1);
const event = (data: object = {}): EventValue => ({
  id: "01JG",
  name: "order/created",
  ts: 5,
  user: {},
  data: { ...data },
});

/** A function that asks for this flow control, as on the wire. */
function fn(config: object = {}, changes: Partial<RegisteredFunction> = {}): RegisteredFunction {
  const flow = flowControlOf(config);
  return {
    id: "shop-ship",
    name: "Ship",
    appId: "shop",
    version: 1,
    triggers: [],
    crons: [],
    retry: DEFAULT_RETRY_POLICY,
    transport: { kind: "local" },
    ...(flow && { flow }),
    ...changes,
  };
}

describe("[§3.1] what an event meets before it starts a run", () => {
  const intake = (config: object, data?: object) => intakeOf(fn(config), event(data), CREATED);
  const batchEvents = { maxSize: 5, timeout: "1m" };
  const rateLimit = { limit: 1, period: "1h", key: "event.data.user" };
  const debounce = { period: "1m", key: "event.data.user" };

  test.each<[string, object, object, string[] | null]>([
    ["nothing is asked for", {}, {}, null],
    ["only what runs meet", { concurrency: 1, singleton: { mode: "skip" } }, {}, null],
    ["a rate limit, then the debounce", { debounce, rateLimit }, { user: "ada" }, ["rateLimit", "debounce"]],
    ["idempotency is a rate limit", { idempotency: "event.data.user" }, {}, ["rateLimit"]],
    [
      "a rate limit whose key is false does not count the event",
      { rateLimit, debounce },
      { user: false },
      ["debounce"],
    ],
    ["nothing is left then", { rateLimit }, { user: false }, null],
    ["a rate limit whose key has no value does", { rateLimit: { ...rateLimit, key: "1/0" } }, {}, ["rateLimit"]],
    ["a debounce whose key is false still holds", { debounce }, { user: false }, ["debounce"]],
    ["a batch alone", { batchEvents, rateLimit }, { user: "ada" }, ["batch"]],
    [
      "a batch for which the event is",
      { batchEvents: { ...batchEvents, if: "event.data.small" } },
      { small: true },
      ["batch"],
    ],
    [
      "what is not for the batch goes the other way",
      { batchEvents: { ...batchEvents, if: "event.data.small" }, rateLimit },
      { small: false },
      ["rateLimit"],
    ],
    ["as if there were none, when its `if` fails", { batchEvents: { ...batchEvents, if: "1/0" } }, {}, null],
    ["or is no bool", { batchEvents: { ...batchEvents, if: "1" } }, {}, null],
  ])("%s", (_, config, data, rules) => {
    const met = intake(config, data);
    expect(met && Object.keys(met)).toEqual(rules);
  });

  test("each key is an object of its own, of its function", () => {
    const object = (config: object, data: object) => {
      const { rateLimit: limit, debounce: wait, batch } = intake(config, data) ?? {};
      return (limit ?? wait ?? batch)?.object;
    };
    const [ada, bob] = ["ada", "bob"].map((user) => keyOf("event.data.user", event({ user }), CREATED).hash);
    expect(object({ rateLimit }, { user: "ada" })).toBe(`rate-limit/shop-ship/${ada}`);
    expect(object({ rateLimit }, { user: "bob" })).toBe(`rate-limit/shop-ship/${bob}`);
    expect(object({ debounce }, { user: "bob" })).toBe(`debounce/shop-ship/${bob}`);
    expect(object({ batchEvents: { ...batchEvents, key: "event.data.user" } }, { user: "ada" })).toBe(
      `batch/shop-ship/${ada}`,
    );
  });
});

describe("[§3.1] the gates of a run stand in one order", () => {
  const names = (gates: Gate[] | undefined) => gates?.map(({ object, unit }) => `${object.split("/")[0]} ${unit}`);
  const all = {
    concurrency: [{ limit: 5 }, { limit: 1, mode: "run", key: "event.data.user" }],
    throttle: { limit: 1, period: "1s" },
    singleton: { mode: "skip", key: "event.data.user" },
  };

  test("pause, schedule, singleton, throttle, whole runs, steps", () => {
    const paused = fn(all, { paused: { triggers: "hold", at: CREATED } });
    const overlap = { scheduleId: "s1", policy: "queue" } as const;
    expect(names(admissionOf(paused, "main", event({ user: "ada" }), CREATED, overlap)?.gates)).toEqual([
      "pause start",
      "concurrency run",
      "singleton run",
      "throttle start",
      "concurrency run",
      "concurrency step",
    ]);
  });

  test.each<[string, object, Partial<RegisteredFunction>, string[] | null]>([
    ["none is needed: no hop is taken", {}, {}, null],
    ["only what comes before a run", { rateLimit: { limit: 1, period: "1s" }, priority: { run: "5" } }, {}, null],
    ["a pause that skips needs no gate", {}, { paused: { triggers: "skip", at: 0 } }, null],
    ["a limit", { concurrency: 3 }, {}, ["concurrency step"]],
    ["a singleton whose key is false is none", { singleton: { mode: "skip", key: "1 == 2" } }, {}, null],
    ["nor is one whose key has no value", { singleton: { mode: "cancel", key: "1/0" } }, {}, null],
    [
      "a throttle whose key has no value is one for all such",
      { throttle: { ...all.throttle, key: "1/0" } },
      {},
      ["throttle start"],
    ],
    ["as is a limit", { concurrency: { limit: 1, key: "1/0" } }, {}, ["concurrency step"]],
  ])("%s", (_, config, changes, gates) => {
    expect(names(admissionOf(fn(config, changes), "main", event(), CREATED)?.gates) ?? null).toEqual(gates);
  });

  test.each([
    ["skip", { rule: "singleton", mode: "skip" }],
    ["cancel-previous", { rule: "singleton", mode: "cancel" }],
    ["queue", { rule: "concurrency", limit: 1, order: "age" }],
  ] as const)("a schedule's overlap %s is a gate of the schedule", (policy, gatePolicy) => {
    const [gate] = admissionOf(fn(), "main", event(), CREATED, { scheduleId: "s1", policy })?.gates ?? [];
    expect(gate).toMatchObject({ unit: "run", key: "schedule s1", policy: gatePolicy });
    expect(gate?.object).toMatch(/^(singleton|concurrency)\/schedule\/shop-ship\/s1$/);
  });

  test("the rank is that of priority, from the first event", () => {
    const config = { concurrency: 1, priority: { run: "event.data.p" } };
    expect(admissionOf(fn(config), "main", event({ p: 10 }), CREATED)?.rank).toBe(CREATED - 10_000);
  });

  test("limits of a function are its own, shared ones those of the value", () => {
    const objects = (id: string, limit: WireConcurrency, env = "main") =>
      admissionOf(fn({ concurrency: limit }, { id }), env, event({ a: "x", b: "x" }), CREATED)?.gates.map(
        (gate) => `${gate.env} ${gate.object}`,
      )[0];
    const a: WireConcurrency = { limit: 1, key: "event.data.a" };
    const b: WireConcurrency = { limit: 2, key: "event.data.b" };
    expect(objects("f", a)).not.toBe(objects("g", a));
    expect(objects("f", a)).not.toBe(objects("f", b)); // two expressions, although they have one value
    expect(objects("f", { ...a, scope: "env" })).toBe(objects("g", { ...b, scope: "env" }));
    expect(objects("f", { ...a, scope: "env" })).not.toBe(objects("f", { ...a, scope: "env" }, "other"));
    expect(objects("f", { ...a, scope: "account" })).toBe(objects("f", { ...a, scope: "account" }, "other"));
    expect(objects("f", { ...a, scope: "account" })).toMatch(new RegExp(`^${ACCOUNT_ENV} `));
    expect(objects("f", { ...a, mode: "run" })).not.toBe(objects("f", a)); // whole runs and steps are counted apart
  });

  test("two limits that come to one key are one gate, with the smaller limit", () => {
    const concurrency = [
      { limit: 5, key: "event.data.a", scope: "env" },
      { limit: 3, key: "event.data.b", scope: "env" },
    ];
    const gates = (data: object) =>
      admissionOf(fn({ concurrency }), "main", event(data), CREATED)?.gates.map(({ policy }) => policy);
    expect(gates({ a: "x", b: "x" })).toEqual([{ rule: "concurrency", limit: 3, order: "age" }]);
    expect(gates({ a: "x", b: "y" })).toHaveLength(2);
  });

  test("any two runs take the gates that they have in common in the same order", () => {
    const limit = fc.record({
      limit: fc.constant(1),
      key: fc.constantFrom("'a'", "'b'", "'c'", "event.data.n"),
      scope: fc.constantFrom("fn", "env", "account"),
      mode: fc.constantFrom("step", "run"),
    });
    const limits = fc.array(limit, { minLength: 1, maxLength: 2 });
    const gatesOf = (id: string, concurrency: object[], n: number) =>
      (admissionOf(fn({ concurrency }, { id }), "main", event({ n: ["a", "b", "c"][n] }), CREATED)?.gates ?? []).map(
        (gate) => `${gate.env} ${gate.object}`,
      );
    fc.assert(
      fc.property(limits, limits, fc.nat(2), fc.nat(2), (one, other, n, m) => {
        const [mine, theirs] = [gatesOf("f", one, n), gatesOf("g", other, m)];
        const common = mine.filter((gate) => theirs.includes(gate));
        expect(theirs.filter((gate) => mine.includes(gate))).toEqual(common);
        expect(new Set(mine).size).toBe(mine.length);
      }),
      { numRuns: 500 },
    );
  });
});
