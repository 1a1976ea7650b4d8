import { describe, expect, test } from "vitest";
import { functionConfigSchema, registerBodySchema, retryPolicyOf } from "../../src/protocol/function-config.ts";
import { DEFAULT_RETRY_POLICY, INNGEST_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";

const URL_OF_APP = "https://app.example.com/api/inngest";

const stepsWith = (retries?: unknown) => ({
  step: {
    id: "step",
    name: "step",
    runtime: { type: "http", url: URL_OF_APP },
    ...(retries === undefined ? {} : { retries }),
  },
});
const config = (changes: object = {}) => ({
  id: "shop-ship",
  name: "Ship",
  triggers: [{ event: "order/created" }],
  steps: stepsWith(),
  ...changes,
});

/** What a refused body is told, `path: message` for each issue. */
function issues(result: {
  success: boolean;
  error?: { issues: { path: PropertyKey[]; message: string }[] };
}): string[] {
  return result.error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];
}

describe("[§2.4, §4] the wire counts retries, the platform counts tries", () => {
  test.each([
    [0, 1],
    [1, 2],
    [4, 5],
    [20, 21],
  ])("attempts %d makes %d tries, with the server's table of waits", (attempts, maxAttempts) => {
    const parsed = functionConfigSchema.parse(config({ steps: stepsWith({ attempts }) }));
    expect(retryPolicyOf(parsed)).toEqual({ ...INNGEST_RETRY_POLICY, maxAttempts });
  });

  test.each([
    ["absent", undefined],
    ["null", null],
  ])("%s: five tries", (_, retries) => {
    expect(retryPolicyOf(functionConfigSchema.parse(config({ steps: stepsWith(retries) })))).toEqual(
      INNGEST_RETRY_POLICY,
    );
  });

  test("our own policy is taken whole, whatever `attempts` says for other servers", () => {
    const retryPolicy = { ...DEFAULT_RETRY_POLICY, maxAttempts: 7, jitter: false };
    const parsed = functionConfigSchema.parse(config({ retryPolicy, steps: stepsWith({ attempts: 2 }) }));
    expect(retryPolicyOf(parsed)).toEqual(retryPolicy);
  });

  test.each([-1, 21, 1.5, "3", {}])("[G9] attempts %j is refused", (attempts) => {
    expect(issues(functionConfigSchema.safeParse(config({ steps: stepsWith({ attempts }) })))).toEqual([
      expect.stringMatching(/^steps\.step\.retries\.attempts: /),
    ]);
  });

  test.each<[string, object]>([
    ["no tries", { maxAttempts: 0 }],
    ["too many tries", { maxAttempts: 22 }],
    ["an unknown backoff", { backoff: "random" }],
    ["a negative wait", { initialDelayMs: -1 }],
    ["a wait that is a text", { maxDelayMs: "1h" }],
  ])("[G9] our policy with %s is refused", (_, change) => {
    const retryPolicy = { ...DEFAULT_RETRY_POLICY, ...change };
    expect(issues(functionConfigSchema.safeParse(config({ retryPolicy })))).toEqual([
      expect.stringMatching(new RegExp(`^retryPolicy\\.${Object.keys(change)[0]}: `)),
    ]);
  });
});

describe("[§2.4] flow control, of which test/protocol/flow-config.test.ts has the rules", () => {
  test("what cannot be is refused by its place, with the function's id", () => {
    const asked = config({ throttle: { limit: 0, period: "1s" }, concurrency: [{ limit: 1 }, { limit: -1 }] });
    expect(issues(functionConfigSchema.safeParse(asked))).toEqual([
      'throttle.limit: function "shop-ship": 0 is not a whole number from 1 up',
      'concurrency.1.limit: function "shop-ship": -1 is not a whole number from 0 up',
    ]);
  });

  test("what can be passes as it is", () => {
    const asked = config({ concurrency: 5, Singleton: { mode: "skip" }, cancel: [] });
    expect(functionConfigSchema.parse(asked)).toEqual(asked);
  });
});

describe("[§2.4] a function's config", () => {
  test("unknown fields pass", () => {
    expect(functionConfigSchema.parse(config({ checkpoint: true, somethingNew: 1 }))).toMatchObject({
      id: "shop-ship",
    });
  });

  test.each<[string, object, RegExp]>([
    ["empty id", { id: "" }, /^id: id: a function id must not be empty$/],
    ["no steps", { steps: undefined }, /^steps: /],
    ["a step without a URL", { steps: { step: { runtime: {} } } }, /^steps\.step\.runtime\.url: /],
    [
      "an empty event name",
      { triggers: [{ event: "" }] },
      /^triggers\.0\.event: a trigger's event name must not be empty$/,
    ],
    ["a long event name", { triggers: [{ event: "é".repeat(128) }] }, /at most 255 bytes$/],
    ["eleven triggers", { triggers: Array(11).fill({ event: "a" }) }, /^triggers: /],
  ])("[G9] refused: %s", (_, change, message) => {
    expect(issues(functionConfigSchema.safeParse(config(change)))).toEqual([expect.stringMatching(message)]);
  });
});

describe("[§2.2] the body of a registration", () => {
  const body = (changes: object = {}) => ({
    url: URL_OF_APP,
    appName: "shop",
    sdk: "js:v4.0.0",
    framework: "hono",
    functions: [config()],
    ...changes,
  });

  test.each([
    ["TypeScript", body()],
    [
      "Python, whose name of the app is all lower case",
      (({ appName, ...rest }) => ({ ...rest, appname: appName }))(body()),
    ],
    [
      "Go, with capitals",
      { URL: URL_OF_APP, AppName: "shop", SDK: "js:v4.0.0", Framework: "hono", Functions: [config()] },
    ],
  ])("keys compare without case: %s", (_, given) => {
    expect(registerBodySchema.parse(given)).toMatchObject({
      url: URL_OF_APP,
      appname: "shop",
      sdk: "js:v4.0.0",
      framework: "hono",
      functions: [{ id: "shop-ship" }],
    });
  });

  test("only the first level is compared so", () => {
    expect(registerBodySchema.parse(body()).functions[0]).toHaveProperty("steps.step.runtime.url", URL_OF_APP);
  });

  test("an app may register nothing", () => {
    expect(registerBodySchema.parse({ url: URL_OF_APP, appName: "shop" }).functions).toEqual([]);
  });

  test.each<[string, unknown, RegExp]>([
    ["no app", { ...body(), appName: undefined }, /^appname: /],
    ["an empty app", body({ appName: "" }), /^appname: App ID required$/],
    ["no URL", { ...body(), url: undefined }, /^url: /],
    ["functions that are no list", body({ functions: {} }), /^functions: /],
    ["the second function", body({ functions: [config(), config({ id: "" })] }), /^functions\.1\.id: /],
    ["null", null, /^: /],
    ["a list", [], /^: /],
    ["a text", "x", /^: /],
  ])("[G9] refused: %s", (_, given, message) => {
    expect(issues(registerBodySchema.safeParse(given))[0]).toMatch(message);
  });
});
