import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Inngest, type ClientOptions } from "../../src/sdk/client.ts";
import { bindSender } from "../../src/sdk/sender.ts";
import { SendError } from "../../src/sdk/send.ts";
import type { EventPayload } from "../../src/sdk/event.ts";

const KEY = "event-key/with signs";

interface Seen {
  path: string | undefined;
  headers: IncomingMessage["headers"];
  body: unknown;
}

/** An event API on the loopback that records requests and answers from a script; the last answer repeats. */
async function eventApi(...answers: { status?: number; body: unknown }[]) {
  const seen: Seen[] = [];
  const server: Server = createServer(async (request, response) => {
    seen.push({ path: request.url, headers: request.headers, body: JSON.parse(await text(request)) });
    const { status = 200, body } = answers[Math.min(seen.length, answers.length) - 1] ?? { body: {} };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const closers: (() => void)[] = [];
const ok = (...ids: string[]) => ({ status: 200, body: { ids, status: 200 } });
const clientAt = (baseUrl: string, options: Partial<ClientOptions> = {}) =>
  new Inngest({ id: "app", eventKey: KEY, baseUrl, ...options });

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const close of closers.splice(0)) close();
});

describe("over HTTP", () => {
  test("one event or many are posted as a list to /e/<key>, with a seed", async () => {
    const api = await eventApi(ok("1"), ok("2", "3"));
    const client = clientAt(api.url, { env: "branch" });
    expect(await client.send({ name: "a", data: { n: 1 } })).toEqual({ ids: ["1"] });
    expect(await client.send([{ name: "b" }, { name: "c", id: "x", ts: 5, v: "2" }])).toEqual({ ids: ["2", "3"] });
    expect(api.seen[0]).toMatchObject({
      path: "/e/event-key%2Fwith%20signs",
      headers: {
        "content-type": "application/json",
        "x-inngest-sdk": expect.stringMatching(/^dotdo-js:v\d/),
        "x-inngest-env": "branch",
        "x-inngest-event-id-seed": expect.stringMatching(/^\d{13},[A-Za-z0-9+/]{14}==$/),
      },
      body: [{ name: "a", data: { n: 1 } }],
    });
    expect(api.seen[1]?.body).toEqual([
      { name: "b", data: {} },
      { name: "c", data: {}, id: "x", ts: 5, v: "2" },
    ]);
    expect(api.seen[0]?.headers["x-inngest-event-id-seed"]).not.toBe(api.seen[1]?.headers["x-inngest-event-id-seed"]);
  });

  test("a path of the base URL is kept; a send may name its environment", async () => {
    const api = await eventApi(ok("1"));
    await clientAt(`${api.url}/prefix`, { eventKey: "k", env: "one" }).send({ name: "a" }, { env: "two" });
    expect(api.seen[0]).toMatchObject({ path: "/prefix/e/k", headers: { "x-inngest-env": "two" } });
  });

  test("development needs no key", async () => {
    const api = await eventApi(ok("1"));
    await new Inngest({ id: "app", isDev: true, baseUrl: api.url }).send({ name: "a" });
    expect(api.seen[0]?.path).toBe("/e/NO_EVENT_KEY_SET");
  });

  test("without key elsewhere nothing is sent, and the error says what to do", async () => {
    await expect(new Inngest({ id: "app", baseUrl: "http://127.0.0.1:1" }).send({ name: "a" })).rejects.toThrow(
      "inngest.send: no event key. Set INNGEST_EVENT_KEY or the client's eventKey; for development set INNGEST_DEV=1",
    );
  });

  test.each([
    [
      400,
      { ids: ["1"], status: 400, error: "event name is reserved" },
      "refused as invalid. The server said: event name is reserved",
    ],
    [401, { status: 401, error: "Event key not found" }, "check eventKey or INNGEST_EVENT_KEY"],
    [403, {}, "check the key's permissions"],
    [404, "Not found", "check eventKey or INNGEST_EVENT_KEY, and INNGEST_BASE_URL. The server said: Not found"],
    [406, { error: "because" }, "The server said: because"],
    [409, {}, "The transform of this event key failed"],
    [412, {}, "The transform of this event key failed"],
    [413, {}, "send fewer at a time, or smaller data"],
    [418, {}, "answered 418"],
    [200, "<html>", "did not answer as an event API does; check INNGEST_BASE_URL. The server said: <html>"],
    [200, { ok: true }, "did not answer as an event API does"],
    [200, { ids: [], status: 400, error: "late refusal" }, "refused as invalid. The server said: late refusal"],
  ])("[§1.2] %d %j is final", async (status, body, message) => {
    const api = await eventApi({ status, body });
    const error = await clientAt(api.url)
      .send({ name: "a" })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SendError);
    expect(error).toMatchObject({ name: "SendError", code: "send_failed", message: expect.stringContaining(message) });
    expect(api.seen).toHaveLength(1);
  });

  test("ids of events accepted before an error are not lost", async () => {
    const api = await eventApi({ status: 400, body: { ids: ["1", "2"], status: 400, error: "third is bad" } });
    await expect(clientAt(api.url).send([{ name: "a" }, { name: "b" }, { name: "c" }])).rejects.toMatchObject({
      status: 400,
      ids: ["1", "2"],
    });
  });

  test("the key is in no error", async () => {
    const api = await eventApi({ status: 400, body: { error: `no such path /e/${encodeURIComponent(KEY)} (${KEY})` } });
    const refused = await clientAt(api.url)
      .send({ name: "a" })
      .catch((thrown: Error) => thrown.message);
    expect(refused).toContain("/e/<event key> (<event key>)");

    vi.useFakeTimers();
    const telling = (url: unknown) => Promise.reject(new TypeError(`cannot connect to ${url}`)); // as Deno has it
    const sending = clientAt("http://x", { fetch: telling as typeof fetch }).send({ name: "a" });
    const unreached = sending.catch((thrown: Error) => thrown);
    await vi.runAllTimersAsync();
    const error = await unreached;
    expect(error).toMatchObject({ message: expect.stringContaining("http://x/e/<event key>") });
    expect(error).not.toHaveProperty("cause");
  });
});

describe("again", () => {
  /** A fetch that fails as scripted; waits and headers of the attempts are recorded. */
  function scripted(...script: (number | Error)[]) {
    const seeds: (string | null)[] = [];
    const attempt: typeof fetch = async (_, init) => {
      seeds.push(new Headers(init?.headers).get("x-inngest-event-id-seed"));
      const step = script[Math.min(seeds.length, script.length) - 1] ?? 200;
      if (step instanceof Error) throw step;
      return Response.json(step === 200 ? { ids: ["1"], status: 200 } : { status: step, error: "no" }, {
        status: step,
      });
    };
    return { seeds, client: clientAt("http://x", { fetch: attempt }) };
  }

  test.each<[string, (number | Error)[]]>([
    ["network errors", [new TypeError("fetch failed"), new TypeError("fetch failed"), 200]],
    ["5xx and 429", [500, 503, 429, 502, 200]],
  ])("after %s, with the same seed", async (_, script) => {
    vi.useFakeTimers();
    const { seeds, client } = scripted(...script);
    const sending = client.send({ name: "a" });
    await vi.runAllTimersAsync();
    expect(await sending).toEqual({ ids: ["1"] });
    expect(seeds).toHaveLength(script.length);
    expect(new Set(seeds).size).toBe(1);
  });

  test.each<[string, number | Error, string, object]>([
    ["5xx", 503, "http://x/ failed (503), also after 5 attempts", { status: 503 }],
    ["429", 429, "asked too much at the moment (429), also after 5 attempts", { status: 429 }],
    [
      "network errors",
      new TypeError("fetch failed"),
      "http://x/ cannot be reached after 5 attempts (fetch failed)",
      { cause: { message: "fetch failed" } },
    ],
  ])("five attempts at %s are all, 100 ms apart and doubling, with jitter", async (_, step, message, rest) => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const waits = vi.spyOn(globalThis, "setTimeout");
    const { seeds, client } = scripted(step);
    const error = client.send({ name: "a" }).catch((thrown: unknown) => thrown);
    await vi.runAllTimersAsync();
    expect(await error).toMatchObject({ message: expect.stringContaining(message), ...rest });
    expect(seeds).toHaveLength(5);
    expect(waits.mock.calls.map(([, ms]) => ms)).toEqual([150, 250, 450, 850]);
    vi.restoreAllMocks();
  });

  test("a server that drops the connection once", async () => {
    let requests = 0;
    const server = createServer((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else response.end(JSON.stringify({ ids: ["1"], status: 200 }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await clientAt(`http://127.0.0.1:${port}`).send({ name: "a" })).toEqual({ ids: ["1"] });
  });
});

describe("what is sent", () => {
  test("an empty list is no error: it warns and sends nothing", async () => {
    const warn = vi.fn();
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
    expect(await new Inngest({ id: "app", logger }).send([])).toEqual({ ids: [] });
    expect(warn).toHaveBeenCalledOnce();
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  test.each<[unknown, string]>([
    [undefined, "send: event: undefined is not an event such as { name, data }"],
    [null, "send: event: null is not an event"],
    ["a", "send: event: string is not an event"],
    [{}, "send: event.name: undefined is not an event name"],
    [{ name: "" }, "send: event.name:  is not an event name"],
    [{ name: 5 }, "send: event.name: 5 is not an event name"],
    [[{ name: "a" }, null], "send: events[1]: null is not an event"],
    [[[{ name: "a" }]], "send: events[0]: object is not an event"],
    [{ name: "a", data: "x" }, "send: event.data: string is not an object"],
    [[{ name: "a", data: [1] }], "send: events[0].data: an array is not an object"],
    [
      { name: "a", data: { n: 5n } },
      "send: the events cannot be written as JSON: Do not know how to serialize a BigInt",
    ],
    [{ name: "a", data: circular }, "send: the events cannot be written as JSON: Converting circular structure"],
  ])("%s is refused before anything is sent", async (payload, message) => {
    const fetch = vi.fn();
    await expect(clientAt("http://x", { fetch }).send(payload as EventPayload)).rejects.toThrow(message);
    expect(fetch).not.toHaveBeenCalled();
  });
});

describe("a bound sender", () => {
  test("delivers in process what HTTP would, and needs no key", async () => {
    const client = new Inngest({ id: "app" });
    const seen: unknown[] = [];
    bindSender(client, async (events, seed) => {
      seen.push(events, seed);
      return { ids: ["1"] };
    });
    expect(await client.send({ name: "a", data: { at: new Date(0), gone: undefined } })).toEqual({ ids: ["1"] });
    expect(seen).toEqual([[{ name: "a", data: { at: "1970-01-01T00:00:00.000Z" } }], expect.stringMatching(/^\d+,/)]);
  });

  test("may be replaced, belongs to its client only, and is shared with other copies of this package", async () => {
    const copy: typeof import("../../src/sdk/sender.ts") = await import("../../src/sdk/sender.ts?copy" as string);
    const client = new Inngest({ id: "app" });
    bindSender(client, async () => ({ ids: ["old"] }));
    copy.bindSender(client, async () => ({ ids: ["new"] }));
    expect(await client.send({ name: "a" })).toEqual({ ids: ["new"] });
    await expect(new Inngest({ id: "app" }).send({ name: "a" })).rejects.toThrow("no event key");
  });
});
