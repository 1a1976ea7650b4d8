import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest, type ClientOptions } from "../../src/sdk/client.ts";
import type { EnvVars } from "../../src/sdk/environment.ts";

const CLOUD = { api: "https://api.inngest.com/", events: "https://inn.gs/" };

/** A client that sees these variables only. */
function clientIn(env: EnvVars, options: Partial<ClientOptions> = {}): Inngest {
  return new Inngest({ id: "app", ...options }).setEnvVars(env);
}

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("options", () => {
  test.each([
    [undefined, "new Inngest: id: undefined is not an app id"],
    [{}, "new Inngest: id: undefined is not an app id"],
    [{ id: "" }, 'new Inngest: id: "" is not an app id'],
    [{ id: " " }, 'new Inngest: id: " " is not an app id'],
    [{ id: 5 }, "new Inngest: id: 5 is not an app id"],
    [
      { id: "app", endpointAdapter: {} },
      'new Inngest: "endpointAdapter" is not an option of this version; there are id, eventKey',
    ],
    [{ id: "app", signinKey: "x" }, 'new Inngest: "signinKey" is not an option of this version (did you mean'],
  ])("%j is refused", (options, message) => {
    expect(() => new Inngest(options as ClientOptions)).toThrow(message);
  });

  test("options of Inngest's SDK that have nothing to switch here are taken", () => {
    const client = new Inngest({
      id: "app",
      checkpointing: { maxRuntime: "5s" },
      optimizeParallelism: true,
      aiMetadata: false,
    });
    expect(client.id).toBe("app");
  });

  test("the client knows its functions, and its key may be set", () => {
    const client = new Inngest({ id: "app" });
    const fn = client.createFunction({ id: "f" }, { event: "a" }, () => 1);
    expect(client.funcs).toEqual([fn]);
    expect(client.setEventKey("mine").eventKey).toBe("mine");
  });

  test("an option that is undefined counts as left out", () => {
    expect(() => new Inngest({ id: "app", sessionPropagation: undefined } as ClientOptions)).not.toThrow();
  });

  test("what is left out is read from variables, at use", () => {
    const client = new Inngest({ id: "app" });
    expect([client.eventKey, client.signingKey, client.signingKeyFallback, client.env]).toEqual(
      Array(4).fill(undefined),
    );
    vi.stubEnv("INNGEST_EVENT_KEY", "event");
    vi.stubEnv("INNGEST_SIGNING_KEY", " signkey-test-aa\n"); // as `echo … | wrangler secret put` leaves it
    client.setEnvVars({ INNGEST_ENV: "branch", INNGEST_EVENT_KEY: "mine" });
    client.setEnvVars({ INNGEST_SIGNING_KEY_FALLBACK: "signkey-test-bb" });
    expect([client.eventKey, client.signingKey, client.signingKeyFallback, client.env]).toEqual([
      "mine",
      "signkey-test-aa",
      "signkey-test-bb",
      "branch",
    ]);
  });

  test("options win over variables", () => {
    const client = clientIn(
      { INNGEST_EVENT_KEY: "e", INNGEST_SIGNING_KEY: "s", INNGEST_ENV: "v", INNGEST_DEV: "1" },
      { eventKey: "E", signingKey: "S", env: "V", isDev: false },
    );
    expect([client.eventKey, client.signingKey, client.env, client.mode]).toEqual(["E", "S", "V", "cloud"]);
  });
});

test.each<[string | undefined, string]>([
  [undefined, "cloud"],
  ["", "cloud"],
  ["0", "cloud"],
  ["false", "cloud"],
  ["FALSE", "cloud"],
  ["1", "dev"],
  ["true", "dev"],
  ["http://localhost:9999", "dev"],
  ["localhost:9999", "dev"],
  ["maybe", 'INNGEST_DEV: "maybe" is not a URL'],
  ["ftp://x", 'INNGEST_DEV: "ftp://x" is not a URL'],
])("INNGEST_DEV %s is %s: nothing opens the app by mistake", (value, expected) => {
  const client = clientIn({ INNGEST_DEV: value });
  if (expected === "dev" || expected === "cloud") expect(client.mode).toBe(expected);
  else expect(() => client.mode).toThrow(expected);
});

test.each<[string, EnvVars, Partial<ClientOptions>, string, string]>([
  ["default", {}, {}, CLOUD.api, CLOUD.events],
  ["development", { INNGEST_DEV: "1" }, {}, "http://localhost:8288/", "http://localhost:8288/"],
  ["isDev", {}, { isDev: true }, "http://localhost:8288/", "http://localhost:8288/"],
  ["INNGEST_DEV is a URL", { INNGEST_DEV: "http://Dev:1/Path" }, {}, "http://dev:1/Path/", "http://dev:1/Path/"],
  ["… but isDev says no", { INNGEST_DEV: "http://dev:1" }, { isDev: false }, CLOUD.api, CLOUD.events],
  ["INNGEST_BASE_URL", { INNGEST_BASE_URL: "https://b", INNGEST_DEV: "http://dev:1" }, {}, "https://b/", "https://b/"],
  [
    "one of its own",
    { INNGEST_BASE_URL: "https://b", INNGEST_API_BASE_URL: "https://a" },
    {},
    "https://a/",
    "https://b/",
  ],
  [
    "the other",
    { INNGEST_BASE_URL: "https://b", INNGEST_EVENT_API_BASE_URL: "https://e" },
    {},
    "https://b/",
    "https://e/",
  ],
  [
    "baseUrl",
    { INNGEST_BASE_URL: "https://b", INNGEST_API_BASE_URL: "https://a" },
    { baseUrl: "https://o?x=1" },
    "https://o/",
    "https://o/",
  ],
])("[§1.1] URLs: %s", (_, env, options, api, events) => {
  const client = clientIn(env, options);
  expect([client.apiBaseUrl, client.eventBaseUrl]).toEqual([api, events]);
});

test("a base URL that is none is refused by name", () => {
  expect(() => clientIn({ INNGEST_BASE_URL: "nonsense" }).apiBaseUrl).toThrow(
    'INNGEST_BASE_URL: "nonsense" is not a URL',
  );
  expect(() => clientIn({}, { baseUrl: "http://" }).apiBaseUrl).toThrow('baseUrl: "http://" is not a URL');
});

test("a process whose variables may not be read has none", () => {
  vi.stubGlobal("process", {
    get env() {
      throw new Error("not permitted");
    },
  });
  try {
    expect(new Inngest({ id: "app" }).mode).toBe("cloud");
  } finally {
    vi.unstubAllGlobals();
  }
});

test("fetch is looked up at use and called without a receiver", async () => {
  const receivers: unknown[] = [];
  const client = new Inngest({ id: "app" });
  vi.stubGlobal("fetch", async function (this: unknown) {
    receivers.push(this);
    return new Response();
  });
  try {
    await client.fetch("http://x");
    expect(receivers).toEqual([undefined]);
  } finally {
    vi.unstubAllGlobals();
  }
});
