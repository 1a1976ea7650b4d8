/** What our client says to a server that is not ours: §2.4 and §3.4, and nothing else. */
import { describe, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import type { FunctionOptions } from "../../src/sdk/index.ts";
import { inngestConfigs, inngestOp } from "../../src/sdk/inngest-server.ts";
import type { StepOp } from "../../src/protocol/step-op.ts";

const client = new Inngest({ id: "shop" });
const URL_ = "https://app.example.com/api/inngest";

function told(options: Partial<FunctionOptions>, triggers: object | object[] = { event: "a/b" }) {
  const fn = client.createFunction({ id: "f", ...options }, triggers as { event: string }, () => 1);
  const { configs, ...rest } = inngestConfigs(fn.configs("shop", URL_));
  return { config: configs[0], ...rest };
}

/** §2.4, and the ones of its objects. */
const FIELDS = new Set(
  `id name triggers steps retries concurrency rateLimit throttle debounce batchEvents priority idempotency cancel timeouts
   singleton event expression cron jitter step runtime type url attempts limit key scope fn period burst timeout maxSize if run
   start finish mode`.split(/\s+/),
);

function* names(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) yield name;
    yield* names(inner);
  }
}

describe("[§2.4] a function's config", () => {
  const everything: Partial<FunctionOptions> = {
    retries: { attempts: 7, backoff: "fixed", initialDelay: "5s" },
    concurrency: [
      { limit: 5, key: "event.data.a", scope: "env" },
      { limit: 2, mode: "run" },
    ],
    throttle: { limit: 10, period: "1m", burst: 2 },
    rateLimit: { limit: 3, period: "1h", mode: "window" },
    debounce: { period: "10s", timeout: "1m" },
    priority: { run: "1" },
    cancelOn: [{ event: "a/c", match: "data.id", timeout: "2d", cascade: true }],
    timeouts: { start: "1h", finish: "1d" },
  };

  test("has no field that it does not name, whatever options are used", () => {
    const { config, refused } = told(everything);
    expect(refused).toEqual([]);
    expect([...new Set(names(config))].filter((name) => !FIELDS.has(name))).toEqual([]);
    expect(config).toMatchObject({
      steps: { step: { retries: { attempts: 6 } } },
      concurrency: { fn: [{ limit: 2 }], step: [{ limit: 5, key: "event.data.a", scope: "env" }] },
      cancel: [{ event: "a/c", if: "event.data.id == async.data.id", timeout: "2d" }],
      rateLimit: { limit: 3, period: "1h" },
    });
  });

  test("what is left out is told by function and option", () => {
    expect(told(everything).dropped).toEqual([
      'function "shop-f": retries: the server waits as its own table says; the number of tries is kept',
      'function "shop-f": rateLimit.mode: "window": the server spaces what it lets through',
      'function "shop-f": cancelOn.cascade: what the run has invoked goes on',
    ]);
  });

  test("what both servers do alike is told of by nobody", () => {
    expect(
      told({ retries: 4, concurrency: 3, rateLimit: { limit: 1, period: "1m" }, cancelOn: [{ event: "x" }] }),
    ).toEqual({
      config: expect.objectContaining({
        concurrency: 3,
        rateLimit: { limit: 1, period: "1m" },
        cancel: [{ event: "x" }],
      }),
      dropped: [],
      refused: [],
    });
    expect(told({ retries: { backoff: "inngest" } }).dropped).toEqual([]);
    expect(told({ concurrency: { limit: 3 } }).config).toMatchObject({ concurrency: { limit: 3 } });
  });

  test.each<[string, Partial<FunctionOptions>, object, string]>([
    ["order", { concurrency: { limit: 1, mode: "run", order: "fifo" } }, { event: "a" }, 'concurrency.order: "fifo"'],
    [
      "two limits of runs",
      {
        concurrency: [
          { limit: 1, mode: "run" },
          { limit: 2, mode: "run", key: "event.data.a" },
        ],
      },
      { event: "a" },
      'concurrency.mode: "run" of more than one limit',
    ],
    ["collect", { debounce: { period: "1s", collect: true } }, { event: "a" }, "debounce.collect"],
    ["queue", { singleton: { mode: "queue" } }, { event: "a" }, 'singleton.mode: "queue"'],
    ["every", {}, { every: "30s" }, 'triggers: every: "30s"'],
    [
      "seconds",
      {},
      { cron: "TZ=Europe/Paris */5 * * * * *" },
      'triggers: cron: "TZ=Europe/Paris */5 * * * * *" with seconds',
    ],
  ])("without %s it would be another function, so it is refused", (_, options, trigger, what) => {
    expect(told(options, trigger).refused).toEqual([`function "shop-f": ${what}`]);
  });
});

describe("[§3.4] an op", () => {
  const op = (changes: Partial<StepOp>): StepOp => ({
    op: "StepPlanned",
    id: "abc",
    name: "s",
    displayName: "s",
    userland: { id: "s" },
    ...changes,
  });

  test.each<[string, Partial<StepOp>, object]>([
    ["its own retries", { opts: { type: "step.run", retries: { maxAttempts: 2 } } }, { type: "step.run" }],
    ["a race, which the server knows", { opts: { parallelMode: "race" } }, { parallelMode: "race" }],
    ["inputs", { opts: { type: "step.run", input: [1] } }, { type: "step.run", input: [1] }],
  ])("%s", (_, changes, opts) => {
    expect(inngestOp(op(changes))).toEqual({ ...op(changes), opts });
  });

  test.each<[string, object]>([
    ["events", { timeout: "1h", events: ["a", "b"] }],
    ["since", { timeout: "1h", since: "run" }],
  ])("a wait with `%s` fails its step, where the handler is told why", (name, opts) => {
    expect(inngestOp(op({ op: "WaitForEvent", opts: opts as StepOp["opts"] }))).toEqual({
      op: "StepFailed",
      id: "abc",
      name: "s",
      displayName: "s",
      userland: { id: "s" },
      error: {
        name: "Error",
        code: "only_ours",
        message: `step "s": \`${name}\` of step.waitForEvent is part of @dotdo/inngest's own server, and this app is called by another`,
        noRetry: true,
      },
    });
  });
});
