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

describe("[§2.2] what official SDKs write differently", () => {
  const register = (more: object, ...functions: object[]) =>
    readSync({ url: "https://app.example.com/api/inngest", appname: "shop", functions, ...more });

  test("Go: null for what is empty, no stepId in URLs, Singleton with a capital", () => {
    const url = "https://app.example.com/api/inngest?fnId=shop-go&step=step";
    const step = { id: "step", name: "go", runtime: { url }, retries: { attempts: 3 } };
    const given = { id: "shop-go", name: null, triggers: null, retries: 3, steps: { step }, cancel: null };
    const more = {
      v: "1",
      deployType: "ping",
      idempotencyKey: "k",
      headers: { env: "", platform: "" },
      framework: null,
    };
    const { functions } = register(more, { ...given, Singleton: { mode: "skip" } });
    expect(functions).toMatchObject([
      { name: "shop-go", triggers: [], retry: { maxAttempts: 4 }, flow: { singleton: { mode: "skip", key: null } } },
    ]);
    expect(functions[0]!.transport).toEqual({ kind: "http", url });
    expect(readSync({ url, appName: "shop", functions: null }).functions).toEqual([]);
  });

  test("what an SDK observes of itself, and how it is deployed, is no change", () => {
    const plain = register({}, fn("a")).checksum;
    const more = { featureObservations: { a: 1 }, deployId: "d", idempotencyKey: "k", capabilities: { connect: "v1" } };
    expect(register(more, fn("a")).checksum).toBe(plain);
    expect(register({ appVersion: "2" }, fn("a")).checksum).not.toBe(plain);
  });

  test.each([
    ["js:v3.21.1", false],
    ["js:v3.22.0", true],
    ["js:v3.40.3", true],
    ["inngest-js:v3.53.1", true],
    ["js:v3.53.2", false],
    ["js:v3.54.2", false],
    ["js:v4.24.0", false],
    ["js:v2.30.0", false],
    ["py:v3.30.0", false],
    ["dotdo-js:v3.30.0", false],
    ["", false],
  ])("%s is refused: %s", (sdk, isRefused) => {
    const registering = () => register({ sdk }, fn("a"));
    if (!isRefused) return expect(registering().sdk).toBe(sdk);
    expect(registering).toThrow(expect.objectContaining({ code: "sdk_version_denied", status: 400 }));
    expect(registering).toThrow(/inngest@3\.54/);
  });
});
