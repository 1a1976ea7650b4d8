/** Routes through the front door: who may do what, and what is answered to what cannot be done (G9, G10, G11). */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventUlid } from "../../src/protocol/ids.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { makeFunctions } from "../fixtures/functions.ts";
import { APP_ORIGIN, APP_URL, SIGNED_APP_KEY, SIGNED_APP_URL } from "../helpers/app-urls.ts";
import { registerHttpApp } from "./helpers/fixture-app.ts";
import { objectIds } from "./helpers/object-ids.ts";
import { ended, json, outputOf, post, request, send, until, worker } from "./helpers/front-door.ts";

const unknownId = () => eventUlid({ timeMs: Date.now(), entropy: crypto.getRandomValues(new Uint8Array(10)) }, 1);
const variables: Record<string, string> = {};

/** Sets variables of the Worker until the test ends. */
function configure(values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    variables[name] ??= String(Reflect.get(env, name) ?? "");
    Reflect.set(env, name, value);
  }
}
afterEach(() => {
  for (const [name, value] of Object.entries(variables)) Reflect.set(env, name, value);
});

const SIGNING_KEY = "signkey-test-0123456789abcdef";
const OTHER_KEY = "signkey-test-fedcba9876543210";

beforeAll(async () => {
  await send({ name: "local/no-steps", data: { n: 1 } }).then((id) => outputOf(id)); // registry and logs exist
});

describe("reading", () => {
  it.each(["/v1/runs/ID", "/v1/events/ID", "/v1/events/ID/runs", "/v0/runs/ID/actions", "/v0/runs/ID/batch"])(
    "%s of an unknown id is 404 and creates no object",
    async (path) => {
      const before = await objectIds();
      const { status, body } = await json(path.replace("ID", unknownId()));
      expect({ status, body }).toMatchObject({
        status: 404,
        body: { error: expect.stringContaining("not found"), status: 404 },
      });
      expect(await objectIds()).toEqual(before);
    },
  );

  it.each(["/v1/runs/ID", "/v1/events/ID", "/v1/events/ID/runs"])("%s of what is no id is 400", async (path) => {
    for (const id of ["x", "..%2f..", "01ARZ3NDEKTSV4RRFFQ69G5FA", "0".repeat(27), "U".repeat(26)])
      expect((await json(path.replace("ID", id))).status, id).toBe(400);
  });

  it("cancelling an unknown run is 404 and creates no object", async () => {
    const before = await objectIds();
    expect((await json(`/v1/runs/${unknownId()}`, { method: "DELETE" })).status).toBe(404);
    expect(await objectIds()).toEqual(before);
  });

  it("an event is listed, newest first, by name, with a cursor", async () => {
    const name = `list/${crypto.randomUUID()}`;
    const { body } = await post(
      "/e/key",
      [1, 2, 3].map((n) => ({ name, data: { n } })),
    );
    const page = await json(`/v1/events?name=${name}&limit=2`);
    expect(page.body.data.map((event: any) => event.data.n)).toEqual([3, 2]);
    const rest = await json(`/v1/events?name=${name}&cursor=${page.body.data[1].internal_id}`);
    expect(rest.body.data.map((event: any) => event.internal_id)).toEqual([body.ids[0]]);
  });

  it.each(["limit=0", "limit=1000", "limit=x", "cursor=x", "received_after=yesterday"])(
    "a list with %s is 400 and names the field",
    async (query) => {
      const { status, body } = await json(`/v1/events?${query}`);
      expect(status).toBe(400);
      expect(body.error).toContain(query.split("=")[0]);
    },
  );

  it("a path that nothing serves is 404 in JSON", async () => {
    expect(await json("/v9/nothing")).toMatchObject({ status: 404, body: { status: 404 } });
  });
});

describe("[G9] sending", () => {
  it.each([
    ["{", 400, "JSON"],
    ['"text"', 400, "event object"],
    ['{"data":{}}', 400, "event.name"],
    ['[{"name":"ok"},{"name":""}]', 400, "events[1].name"],
    ['{"name":"inngest/x"}', 400, "reserved"],
    ['{"name":"n","ts":1}', 400, "event.ts"],
    [`{"name":"n","data":{"x":"${"x".repeat(3 * 1024 * 1024)}"}}`, 400, "max size"],
    [JSON.stringify(Array.from({ length: 5001 }, () => ({ name: "n" }))), 400, "5000"],
    ["x".repeat(17 * 1024 * 1024), 413, "bound"],
  ])("%.40s is refused as a whole, and says why", async (body, status, why) => {
    const answer = await json("/e/key", { method: "POST", body });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status, error: expect.stringContaining(why) });
  });

  it("the same seed again names the same events and starts nothing anew", async () => {
    const entropy = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(10))));
    const seed = { "x-inngest-event-id-seed": `${Date.now()},${entropy}` };
    const event = { name: "local/no-steps", data: { n: 5 } };
    const first = await post("/e/key", [event, event], seed);
    const again = await post("/e/key", [event, event], seed);
    expect(new Set(first.body.ids).size).toBe(2);
    expect(again.body.ids).toEqual(first.body.ids);
    expect(await outputOf(first.body.ids[1])).toEqual({ got: 5 });
    expect((await json(`/v1/events/${first.body.ids[0]}/runs`)).body.data).toHaveLength(1);
  });
});

describe("[G10] dev mode", () => {
  const fetchAs = (url: string, headers: Record<string, string> = {}) => worker.fetch(new Request(url, { headers }));

  it.each(["http://example.com/health", "http://localhost.evil.com/dev", "http://10.0.0.1/v1/events"])(
    "refuses the host of %s",
    async (url) => {
      const response = await fetchAs(url, { host: new URL(url).host });
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("INNGEST_DEV");
    },
  );

  it.each(["http://localhost/dev", "http://127.0.0.1:8288/dev", "http://app.localhost/dev", "http://[::1]/dev"])(
    "answers %s",
    async (url) => {
      expect((await fetchAs(url)).status).toBe(200);
    },
  );

  it("refuses a foreign origin, and takes a local one", async () => {
    expect((await fetchAs("http://localhost/dev", { origin: "https://evil.example" })).status).toBe(403);
    expect((await fetchAs("http://localhost/dev", { origin: "null" })).status).toBe(403);
    expect((await fetchAs("http://localhost/dev", { origin: "http://localhost:3000" })).status).toBe(200);
  });

  it("lists apps and functions under /dev", async () => {
    const { body } = await json("/dev");
    expect(body.handlers).toEqual(expect.arrayContaining([expect.objectContaining({ id: "local" })]));
    expect(body.functions.map((fn: any) => fn.slug)).toContain("local-sequence");
  });
});

describe("[G10] outside of dev mode", () => {
  const cloud = (values: Record<string, string> = {}) =>
    configure({
      INNGEST_DEV: "",
      INNGEST_EVENT_KEY: "",
      INNGEST_SIGNING_KEY: "",
      INNGEST_SIGNING_KEY_FALLBACK: "",
      ...values,
    });
  const protectedPaths = [
    ["GET", "/v1/events"],
    ["GET", `/v1/events/${unknownId()}`],
    ["GET", `/v1/events/${unknownId()}/runs`],
    ["GET", `/v1/runs/${unknownId()}`],
    ["DELETE", `/v1/runs/${unknownId()}`],
    ["GET", `/v0/runs/${unknownId()}/actions`],
    ["GET", `/v0/runs/${unknownId()}/batch`],
    ["POST", "/fn/register"],
  ] as const;

  it("nothing works while no key is configured", async () => {
    cloud();
    const { status, body } = await post("/e/key", { name: "n" });
    expect({ status, error: body.error }).toMatchObject({
      status: 503,
      error: expect.stringContaining("INNGEST_EVENT_KEY"),
    });
    for (const [method, path] of protectedPaths) {
      const answer = await json(path, { method });
      expect(answer, path).toMatchObject({
        status: 503,
        body: { error: expect.stringContaining("INNGEST_SIGNING_KEY") },
      });
    }
    expect((await request("/dev")).status).toBe(404);
  });

  it("events need a known key", async () => {
    cloud({ INNGEST_EVENT_KEY: "first-key, second-key" });
    expect(await post("/e/", { name: "n" })).toMatchObject({ status: 401, body: { error: "Event key is required" } });
    expect(await post("/e/first-ke", { name: "n" })).toMatchObject({
      status: 401,
      body: { error: "Event key not found" },
    });
    expect((await post("/e/first-keyX", { name: "n" })).status).toBe(401);
    for (const key of ["first-key", "second-key"]) expect((await post(`/e/${key}`, { name: "n" })).status).toBe(200);
  });

  it("everything else needs the signing key, in any of its forms; the fallback counts", async () => {
    cloud({ INNGEST_SIGNING_KEY: SIGNING_KEY, INNGEST_SIGNING_KEY_FALLBACK: OTHER_KEY });
    const hashed = await hashedSigningKey(SIGNING_KEY);
    const bare = hashed.replace("signkey-test-", "");
    const as = (token: string) => request("/v1/events", { headers: { authorization: `Bearer ${token}` } });
    for (const token of [hashed, bare, SIGNING_KEY, await hashedSigningKey(OTHER_KEY)])
      expect((await as(token)).status).toBe(200);
    for (const token of ["signkey-test-00", "x", ""]) expect((await as(token)).status).toBe(401);
    for (const [method, path] of protectedPaths) expect((await request(path, { method })).status, path).toBe(401);
  });

  it("calls to an app are signed: the app answers to its own key only", async () => {
    cloud({ INNGEST_EVENT_KEY: "key", INNGEST_SIGNING_KEY: SIGNED_APP_KEY });
    const authorization = `Bearer ${await hashedSigningKey(SIGNED_APP_KEY)}`;
    const client = new Inngest({ id: "signed" });
    const functions = makeFunctions(client)
      .flatMap((fn) => fn.configs("signed", SIGNED_APP_URL))
      .filter((config) => config.id === "signed-never-handler" || config.id === "signed-no-steps");
    const app = { url: SIGNED_APP_URL, appname: "signed", sdk: "js:v1", framework: "test", functions };
    expect((await post("/fn/register", app)).status).toBe(401);
    expect((await post("/fn/register", app, { authorization })).status).toBe(200);

    const { body } = await post("/e/key", { name: "signed/no-steps", data: { n: 1 } });
    const last = async (id: string) =>
      (await json(`/v1/events/${id}/runs`, { headers: { authorization } })).body.data[0];
    expect(
      await until(async () => (await last(body.ids[0]))?.ended_at && last(body.ids[0]), "the end of the run"),
    ).toMatchObject({ status: "Completed", output: { got: 1 } });

    configure({ INNGEST_SIGNING_KEY: OTHER_KEY, INNGEST_DEV: "" });
    const refused = await post("/e/key", { name: "signed/no-steps", data: { n: 1 } });
    configure({ INNGEST_SIGNING_KEY_FALLBACK: SIGNED_APP_KEY });
    expect(
      await until(
        async () => (await last(refused.body.ids[0]))?.ended_at && last(refused.body.ids[0]),
        "the end of the run",
      ),
    ).toMatchObject({
      status: "Failed",
      output: { message: expect.stringContaining("Unauthorized") },
    });
  });

  it("no answer shows a key", async () => {
    cloud({ INNGEST_EVENT_KEY: "secret-event-key", INNGEST_SIGNING_KEY: SIGNING_KEY });
    const texts = await Promise.all(
      ["/e/wrong", "/v1/events", "/health", "/dev"].map(async (path) =>
        (await request(path, { method: path === "/e/wrong" ? "POST" : "GET" })).text(),
      ),
    );
    expect(texts.join()).not.toMatch(/secret-event-key|0123456789abcdef/);
  });
});

describe("registering an app", () => {
  const runtime = { step: { id: "step", runtime: { type: "http", url: APP_URL } } };
  const register = (functions: object[], more: object = {}) =>
    post("/fn/register", { url: APP_URL, appname: "reg", sdk: "js:v1", framework: "test", functions, ...more });
  const fn = (more: object = {}) => ({
    id: "reg-a",
    name: "A",
    triggers: [{ event: "reg/a" }],
    steps: runtime,
    ...more,
  });

  it("says what changed, and that nothing did", async () => {
    expect(await registerHttpApp()).toMatchObject({ status: 200, body: { ok: true, status: 200 } });
    expect(await registerHttpApp()).toMatchObject({ status: 200, body: { ok: true, modified: false } });
  });

  const refused: [string, object[], string][] = [
    ["a foreign function id [G11]", [fn({ id: "local-sequence" })], "local-sequence"],
    ["an id used twice", [fn(), fn()], "used twice"],
    [
      "an expression that does not compile",
      [fn({ triggers: [{ event: "e", expression: "event.data ==" }] })],
      "event.data ==",
    ],
    [
      "an URL that is none",
      [fn({ steps: { step: { id: "step", runtime: { type: "http", url: "nowhere" } } } })],
      "nowhere",
    ],
    [
      "an URL that is not http",
      [fn({ steps: { step: { id: "step", runtime: { type: "http", url: "file:///etc/passwd" } } } })],
      "not an http URL",
    ],
    ["the same trigger twice", [fn({ triggers: [{ event: "e" }, { event: "e" }] })], "twice"],
    ["a cron of four fields", [fn({ triggers: [{ cron: "* * * *" }] })], "fields"],
    ["21 retries", [fn({ steps: { step: { ...runtime.step, retries: { attempts: 21 } } } })], "attempts"],
    ["11 triggers", [fn({ triggers: Array.from({ length: 11 }, (_, i) => ({ event: `e${i}` })) })], "triggers"],
    ["a negative limit", [fn({ concurrency: [{ limit: -1 }] })], 'concurrency.0.limit: function "reg-a": -1 is not'],
    ["a limit of half a run", [fn({ concurrency: 0.5 })], "0.5 is not a whole number"],
    ["a shared limit without a key", [fn({ concurrency: { limit: 1, scope: "account" } })], "concurrency.key"],
    ["a throttle of nobody", [fn({ throttle: { limit: 0, period: "1m" } })], "throttle.limit"],
    ["a period of two days", [fn({ rateLimit: { limit: 1, period: "2d" } })], "not between 1s and 1d"],
    ["a period that is none", [fn({ debounce: { period: "soon" } })], "debounce.period"],
    ["a batch that waits for no time", [fn({ batchEvents: { maxSize: 10, timeout: "0s" } })], "batchEvents.timeout"],
    ["a key that does not compile", [fn({ idempotency: "event.data." })], "idempotency: Expression"],
    ["a priority that does not compile", [fn({ priority: { run: "evnt.ts" } })], "priority.run: Expression"],
    ["an unknown mode", [fn({ singleton: { mode: "wait" } })], '"wait" is not one of skip, cancel, queue'],
    ["six events that cancel", [fn({ cancel: Array.from({ length: 6 }, () => ({ event: "e" })) })], "at most 5"],
    ["a timeout of no time", [fn({ timeouts: { start: "0s" } })], "timeouts.start"],
    [
      "options that exclude each other",
      [fn({ batchEvents: { maxSize: 10, timeout: "1s" }, debounce: { period: "1s" } })],
      'batchEvents: function "reg-a": cannot be combined with debounce',
    ],
  ];
  it.each(refused)("with %s is refused; the body carries the status", async (_what, functions, why) => {
    const { status, body } = await register(functions);
    expect({ status, body }).toMatchObject({ status: 400, body: { status: 400, error: expect.stringContaining(why) } });
    expect((await json("/dev")).body.functions.some((other: any) => other.slug.startsWith("reg-"))).toBe(false);
  });

  it("with flow control is registered, and shown in its normal form", async () => {
    const limits = fn({ concurrency: { limit: 3, key: "event.data.user" }, idempotency: "event.data.id" });
    expect(await register([limits])).toMatchObject({ status: 200, body: { ok: true } });
    expect((await json("/dev")).body.functions.find((one: any) => one.slug === "reg-a").flow).toEqual({
      concurrency: [{ limit: 3, key: "event.data.user", scope: "fn", mode: "step", order: "age" }],
      rateLimit: { limit: 1, periodMs: 86_400_000, key: "event.data.id", mode: "spaced" },
    });
    expect(await register([])).toMatchObject({ status: 200, body: { modified: true } });
  });

  it("without an app id, or with a body that is not JSON, is refused", async () => {
    expect(await register([], { appname: "" })).toMatchObject({ status: 400, body: { status: 400 } });
    expect(await json("/fn/register", { method: "POST", body: "{" })).toMatchObject({
      status: 400,
      body: { status: 400 },
    });
  });

  it("meant for another kind of server is refused", async () => {
    const { status, body } = await post("/fn/register", {}, { "x-inngest-expected-server-kind": "cloud" });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { status: 400, error: expect.stringContaining("Expected server kind cloud, got dev") },
    });
  });

  it("that is no app: its runs fail and say what the URL answered", async () => {
    const url = `${APP_ORIGIN}/not-sdk`;
    const page = {
      id: "page-a",
      name: "A",
      triggers: [{ event: "page/a" }],
      steps: { step: { id: "step", runtime: { type: "http", url }, retries: { attempts: 0 } } },
    };
    expect(
      (await post("/fn/register", { url, appname: "page", sdk: "js:v1", framework: "test", functions: [page] })).status,
    ).toBe(200);
    const id = await send({ name: "page/a" });
    expect(await ended(id)).toMatchObject({
      status: "Failed",
      error: { code: "not_sdk", message: expect.stringContaining("a login page") },
    });
  });
});
