import { describe, expect, test } from "vitest";
import { readSync } from "../../src/routes/apps.ts";

const fn = (id: string, options: object = {}) => ({
  id: `shop-${id}`,
  triggers: [{ event: "order/created" }],
  steps: { step: { runtime: { type: "http", url: `https://app.example.com/api/inngest?fnId=shop-${id}` } } },
  ...options,
});
const sync = (...functions: object[]) =>
  readSync({ url: "https://app.example.com/api/inngest", appName: "shop", functions });

describe("[§2.4] a sync registers the flow control of its functions", () => {
  test("in its normal form, beside functions without any", () => {
    const { functions } = sync(fn("plain"), fn("limited", { concurrency: 2, idempotency: "event.data.id" }));
    expect(functions.map(({ flow }) => flow)).toEqual([
      undefined,
      {
        concurrency: [{ limit: 2, key: null, scope: "fn", mode: "step", order: "age" }],
        rateLimit: { limit: 1, periodMs: 86_400_000, key: "event.data.id", mode: "spaced" },
      },
    ]);
    expect(functions[0]).not.toHaveProperty("flow");
  });

  test("a changed limit is another registration", () => {
    const checksums = [fn("a"), fn("a", { concurrency: 1 }), fn("a", { concurrency: 2 })].map(
      (one) => sync(one).checksum,
    );
    expect(new Set(checksums).size).toBe(3);
  });
});

describe("[G9] one function that cannot be taken refuses the sync", () => {
  test.each<[string, object, string]>([
    [
      "a bound",
      { debounce: { period: "10ms" } },
      'functions.1.debounce.period: function "shop-bad": "10ms" is not between 1s and 1w',
    ],
    [
      "two options that exclude each other",
      { batchEvents: { maxSize: 5, timeout: "1s" }, cancel: [{ event: "a" }] },
      'functions.1.batchEvents: function "shop-bad": cannot be combined with cancelOn',
    ],
    [
      "a key that does not compile",
      { throttle: { limit: 1, period: "1s", key: "event.data." } },
      'function "shop-bad": throttle.key: Expression `event.data.` does not parse',
    ],
    [
      "a match that is no path",
      { cancel: [{ event: "a", match: "data.)" }] },
      'function "shop-bad": cancelOn: event "a": if: Expression `event.data.) == async.data.)` does not parse',
    ],
  ])("%s", (_, options, message) => {
    expect(() => sync(fn("good"), fn("bad", options))).toThrow(message);
  });
});
