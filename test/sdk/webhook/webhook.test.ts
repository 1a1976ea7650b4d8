import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EventValidationError, NonRetriableError } from "../../../src/sdk/errors.ts";
import { SendError } from "../../../src/sdk/send.ts";
import type { EventPayload } from "../../../src/sdk/event.ts";
import { InngestWebhook, stripe, type WebhookOptions } from "../../../src/sdk/webhook/index.ts";

const URL_ = "https://app.example.com/webhooks/hook";
const NOW = Date.UTC(2026, 0, 1);
const SECRET = "whsec_test";

let sent: EventPayload[][] = [];
let failure: unknown;
const logged: unknown[][] = [];
let variables: Record<string, string | undefined> = {};
const client = {
  logger: { debug() {}, info() {}, warn() {}, error: (...args: unknown[]) => void logged.push(args) },
  async send(events: readonly EventPayload[]) {
    if (failure) throw failure;
    sent.push(structuredClone([...events]));
    return { ids: events.map((_, n) => `id-${n}`) };
  },
  envVar: (name: string) => variables[name],
  setEnvVars: (env: Record<string, string | undefined>) => Object.assign(variables, env),
};

beforeEach(() => vi.useFakeTimers({ now: NOW, toFake: ["Date"] }));
afterEach(() => {
  vi.useRealTimers();
  sent = [];
  failure = undefined;
  variables = {};
  logged.length = 0;
});

function webhook(options: Partial<WebhookOptions> = {}): InngestWebhook {
  return new InngestWebhook(client, {
    id: "hook",
    verify: false,
    transform: ({ body }) => ({ name: "hook/received", data: { body } }),
    ...options,
  });
}

async function post(hook: InngestWebhook, body: BodyInit | null, headers: Record<string, string> = {}) {
  return answerOf(await hook.fetch(new Request(URL_, { method: "POST", body, headers })));
}

async function answerOf(response: Response) {
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** A delivery as Stripe signs it. */
const signed = (body: string, at = NOW) => ({
  "stripe-signature": `t=${at / 1000},v1=${createHmac("sha256", SECRET)
    .update(`${at / 1000}.${body}`)
    .digest("hex")}`,
});

describe("what the transform is given", () => {
  const bodies: unknown[] = [];
  const recorder = () => webhook({ transform: ({ body }) => void bodies.push(body) });

  test.each<[string, BodyInit | null, string | undefined, unknown]>([
    ["JSON", '{"a":[1]}', "application/json", { a: [1] }],
    ["JSON of a media type of its own", "5", "application/vnd.github+json; charset=utf-8", 5],
    ["JSON that says it is text", ' {"a":1}', "text/plain", { a: 1 }],
    ["JSON that says it is a form", "[1]", "application/x-www-form-urlencoded", [1]],
    ["JSON that says nothing", '{"a":1}', "", { a: 1 }],
    ["text", "hello", "text/plain", "hello"],
    ["text that begins as JSON does", "{hello}", "text/plain", "{hello}"],
    ["nothing", "", "application/json", ""],
    ["no body at all", null, undefined, ""],
    ["a form", "a=1&a=2&b=%C3%A9+&c=", "application/x-www-form-urlencoded", { a: ["1", "2"], b: ["é "], c: [""] }],
    [
      "a form of a hostile field",
      "__proto__=1",
      "application/x-www-form-urlencoded",
      JSON.parse('{"__proto__":["1"]}'),
    ],
  ])("%s", async (_, body, type, expected) => {
    const { status } = await post(recorder(), body, type === undefined ? {} : { "content-type": type });
    expect(status).toBe(200);
    expect(bodies.at(-1)).toEqual(expected);
    expect(Object.getPrototypeOf(bodies.at(-1) ?? {})).not.toBe(null);
  });

  test("multipart: fields are lists, a file is its name and its content in the form", async () => {
    const form = new FormData();
    form.append("a", "1");
    form.append("a", "2");
    form.append("photo", new File([new Uint8Array([0, 255, 10])], "me.png", { type: "image/png" }));
    let content: number[] = [];
    let body: unknown;
    const hook = webhook({
      transform: async (delivery) => {
        body = delivery.body;
        const file = delivery.form?.get("photo") as File;
        content = [...new Uint8Array(await file.arrayBuffer())];
        return null;
      },
    });
    expect((await post(hook, form)).status).toBe(200);
    expect([body, content]).toEqual([{ a: ["1", "2"], photo: ["me.png"] }, [0, 255, 10]]);
  });

  test("headers without case, the query with all its values, the raw text and the request", async () => {
    let seen: unknown;
    const hook = webhook({
      transform: ({ headers, query, raw, request }) => {
        seen = [headers.get("X-GITHUB-EVENT"), query.getAll("a"), raw, request.method, request.url];
      },
    });
    const url = `${URL_}?a=1&a=2`;
    await hook.fetch(new Request(url, { method: "POST", body: ' {"x":1}', headers: { "x-github-event": "push" } }));
    expect(seen).toEqual(["push", ["1", "2"], ' {"x":1}', "POST", url]);
  });

  test.each([
    ["JSON", '{"a":', "application/json", /not JSON/],
    ["multipart without its boundary", "--x", "multipart/form-data", /not multipart\/form-data/],
    [
      "multipart that breaks off",
      '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
      "multipart/form-data; boundary=x",
      /not multipart\/form-data/,
    ],
  ])("malformed %s is 400 and nothing is sent", async (_, body, type, message) => {
    const { status, body: answer } = await post(webhook(), body, { "content-type": type });
    expect([status, answer]).toEqual([
      400,
      { status: 400, code: "body_invalid", error: expect.stringMatching(message) },
    ]);
    expect(sent).toEqual([]);
  });
});

describe("what the transform returns", () => {
  test.each([
    ["one event", { name: "a" }, [{ name: "a", data: {} }]],
    [
      "a list",
      [{ name: "a" }, { name: "b", data: { n: 1 } }],
      [
        { name: "a", data: {} },
        { name: "b", data: { n: 1 } },
      ],
    ],
  ])("%s is sent, and the answer has the ids", async (_, events, expected) => {
    const { status, body } = await post(webhook({ transform: () => events }), "{}");
    expect([status, body, sent]).toMatchObject([200, { ids: expected.map((_e, n) => `id-${n}`) }, [expected]]);
  });

  test.each([null, undefined, []])("%j accepts the delivery and sends nothing", async (nothing) => {
    const { status, body } = await post(webhook({ transform: () => nothing }), "{}");
    expect([status, body, sent]).toEqual([200, { ids: [] }, []]);
  });

  test.each<[string, unknown, RegExp]>([
    ["a text", "a", /string is not an event/],
    ["an event without a name", { data: {} }, /name/],
    ["a list with a hole", [{ name: "a" }, null], /events\[1\]/],
  ])("%s is a fault of the transform: 500, nothing sent", async (_, result, message) => {
    const { status, body } = await post(webhook({ transform: () => result as EventPayload }), "{}");
    expect([status, body.code, body.error, sent]).toEqual([
      500,
      "transform_failed",
      expect.stringMatching(message),
      [],
    ]);
  });

  test.each([
    [new Error("no customer"), 500],
    [new NonRetriableError("no customer"), 400],
  ])("thrown: %s is answered with its message, logged, and nothing is sent", async (error, expected) => {
    const transform = async () => Promise.reject(error);
    const { status, body } = await post(webhook({ transform }), "{}");
    expect([status, body]).toEqual([
      expected,
      { status: expected, code: "transform_failed", error: 'webhook "hook": no customer' },
    ]);
    expect(sent).toEqual([]);
    expect(logged[0]?.[1]).toBe(error);
  });
});

describe("who may send", () => {
  const hook = (secret: any = SECRET) => webhook({ verify: stripe({ secret }) });
  const body = '{"id":"evt_1"}';

  test("a genuine delivery", async () => {
    expect((await post(hook(), body, signed(body))).status).toBe(200);
    expect(sent).toHaveLength(1);
  });

  test.each<[string, Record<string, string>]>([
    ["unsigned", {}],
    ["tampered with", signed('{"id":"evt_2"}')],
    ["late", signed(body, NOW - 301_000)],
  ])("a delivery that is %s is 401 with the reason, and the transform is not run", async (_, headers) => {
    const transform = vi.fn();
    const verify = stripe({ secret: SECRET });
    const { status, body: answer } = await post(webhook({ verify, transform }), body, headers);
    expect([status, answer]).toEqual([
      401,
      { status: 401, code: "not_genuine", error: expect.stringMatching(/not genuine: .{20,}/) },
    ]);
    expect(JSON.stringify(answer)).not.toContain(SECRET);
    expect(transform).not.toHaveBeenCalled();
  });

  test("without a secret the answer is 500, so the provider repeats", async () => {
    const { status, body: answer } = await post(webhook({ verify: stripe() }), body, signed(body));
    expect([status, answer.error]).toEqual([500, expect.stringContaining("set STRIPE_WEBHOOK_SECRET")]);
  });

  test("variables come with the request where a runtime hands them over", async () => {
    const request = new Request(URL_, { method: "POST", body, headers: signed(body) });
    const env = { STRIPE_WEBHOOK_SECRET: SECRET, QUEUE: { send() {} } };
    expect((await webhook({ verify: stripe() }).fetch(request, env)).status).toBe(200);
    expect(Object.keys(variables)).toEqual(["STRIPE_WEBHOOK_SECRET"]);
  });

  test("a malformed body is looked at only when it is genuine", async () => {
    const headers = { "content-type": "application/json" };
    expect((await post(hook(), "{", headers)).status).toBe(401);
    expect((await post(hook(), "{", { ...headers, ...signed("{") })).status).toBe(400);
  });

  test("a verifier of one's own", async () => {
    const verify: WebhookOptions["verify"] = ({ headers, variable }) =>
      headers.get("x-token") === variable("TOKEN") ? { kind: "genuine" } : { kind: "refused", why: "x-token is wrong" };
    variables = { TOKEN: "t" };
    expect((await post(webhook({ verify }), "{}", { "x-token": "t" })).status).toBe(200);
    expect((await post(webhook({ verify }), "{}", { "x-token": "u" })).status).toBe(401);
    expect(sent[0]?.[0]).toMatchObject({ id: undefined });
  });
});

describe("the ids of events", () => {
  const body = '{"id":"evt_1"}';
  const idsOf = async (options: Partial<WebhookOptions>, text = body) => {
    await post(webhook({ verify: stripe({ secret: SECRET }), ...options }), text, signed(text));
    return sent.at(-1)?.map((event) => event.id);
  };

  test("follow from webhook and delivery, so a repeated delivery starts nothing twice", async () => {
    const transform = () => [{ name: "a" }, { name: "b" }, { name: "c" }];
    expect(await idsOf({ transform })).toEqual(["hook:evt_1", "hook:evt_1:1", "hook:evt_1:2"]);
    vi.setSystemTime(NOW + 60_000);
    await post(webhook({ verify: stripe({ secret: SECRET }), transform }), body, signed(body, NOW + 60_000)); // signed anew
    expect(sent[1]).toEqual(sent[0]);
  });

  test("differ between webhooks", async () => {
    expect(await idsOf({ id: "other" })).toEqual(["other:evt_1"]);
  });

  test("are the transform's where it gives them", async () => {
    const transform = () => [{ name: "a", id: "mine" }, { name: "b" }];
    expect(await idsOf({ transform })).toEqual(["mine", "hook:evt_1:1"]);
  });

  test("stay within their bound, whatever the provider sends", async () => {
    const [id] = (await idsOf({}, JSON.stringify({ id: "é".repeat(300) }))) ?? [];
    expect(id).toMatch(/^hook:[0-9a-f]{64}$/);
  });

  test("of an unverified webhook are the platform's", async () => {
    await post(webhook(), "{}");
    expect(sent[0]?.[0]?.id).toBeUndefined();
  });
});

describe("sending fails", () => {
  test.each<[string, unknown, number, string]>([
    ["the platform cannot be reached", new SendError("cannot be reached", {}), 503, "send_failed"],
    ["the platform is overloaded", new SendError("overloaded", { status: 500 }), 503, "send_failed"],
    ["in process", new Error("storage"), 503, "send_failed"],
    ["the events are refused", new SendError("refused", { status: 400 }), 500, "events_refused"],
    ["the events do not fit their schema", new EventValidationError("data.n: is required", []), 400, "events_refused"],
    ["the events are no JSON", new TypeError("cannot be written as JSON"), 500, "events_refused"],
  ])("%s", async (_, error, status, code) => {
    failure = error;
    const answer = await post(webhook(), "{}");
    expect([answer.status, answer.body.code, answer.body.error]).toEqual([
      status,
      code,
      expect.stringContaining((error as Error).message),
    ]);
    expect(answer.headers.get("retry-after")).toBe(status === 503 ? "30" : null);
  });
});

describe("requests that are no deliveries", () => {
  test.each(["GET", "HEAD", "PUT", "DELETE"])("%s is 405", async (method) => {
    const response = await webhook().fetch(new Request(URL_, { method }));
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  const respond: WebhookOptions["respond"] = ({ query, request }) => {
    const challenge = query.get("hub.challenge");
    return request.method === "GET" && challenge !== null ? new Response(challenge) : undefined;
  };

  test("`respond` answers a challenge, unsigned, and leaves the rest alone", async () => {
    const hook = webhook({ respond, verify: stripe({ secret: SECRET }) });
    const challenged = await hook.fetch(new Request(`${URL_}?hub.challenge=42`));
    expect([challenged.status, await challenged.text()]).toEqual([200, "42"]);
    expect((await hook.fetch(new Request(URL_))).status).toBe(405);
    expect((await post(hook, "{}")).status).toBe(401);
    expect((await post(hook, "{}", signed("{}"))).status).toBe(200);
  });

  test("`respond` is asked about bodies that cannot be read, too", async () => {
    let raw: unknown;
    const hook = webhook({ respond: (delivery) => void (raw = [delivery.body, delivery.raw]) });
    await post(hook, "{", { "content-type": "application/json" });
    expect(raw).toEqual(["{", "{"]);
  });

  test("a `respond` that throws is 500", async () => {
    const hook = webhook({ respond: () => Promise.reject(new Error("broken")) });
    expect(await post(hook, "{}")).toMatchObject({ status: 500, body: { error: 'webhook "hook": broken' } });
  });
});

describe("a body over the bound is 413, and read no further", () => {
  const MIB = 1024 * 1024;

  test("as its length says", async () => {
    const { status, body } = await post(webhook(), new Uint8Array(17 * MIB));
    expect([status, body.error]).toEqual([413, expect.stringContaining(`${16 * MIB} bytes`)]);
  });

  test("as it turns out", async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(MIB));
      },
    });
    const request = new Request(URL_, { method: "POST", body: endless, duplex: "half" } as RequestInit);
    expect((await webhook().fetch(request)).status).toBe(413);
    expect(pulled).toBeLessThan(20);
  });
});

describe("options", () => {
  test.each<[string, object, RegExp]>([
    ["no id", { id: undefined }, /^createWebhook: id: undefined cannot be part of a URL/],
    ["an id with a slash", { id: "a/b" }, /"a\/b" cannot be part of a URL/],
    ["an id with a colon", { id: "a:b" }, /cannot be part of a URL/],
    ["a long id", { id: "a".repeat(65) }, /at most 64/],
    ["no decision who may send", { verify: undefined }, /^webhook "hook": verify: must be a verifier/],
    ["no transform", { transform: undefined }, /^webhook "hook": transform: must be a function/],
    ["a respond that is none", { respond: {} }, /^webhook "hook": respond: must be a function/],
  ])("%s is refused by name", (_, options, message) => {
    expect(() => webhook(options)).toThrow(message);
  });

  test("`fetch` may be passed on alone", async () => {
    const { fetch } = webhook();
    expect((await fetch(new Request(URL_, { method: "POST", body: "{}" }))).status).toBe(200);
  });
});
