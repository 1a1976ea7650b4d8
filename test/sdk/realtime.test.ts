import { realtime as theirs, staticSchema as theirSchema } from "inngest-v4";
import { channel as theirChannel, subscribe as theirSubscribe } from "inngest-v4/realtime";
import { afterEach, describe, expect, expectTypeOf, it, test, vi } from "vitest";
import * as z from "zod";
import { Inngest } from "../../src/sdk/index.ts";
import {
  channel,
  getClientSubscriptionToken,
  getSubscriptionToken,
  realtime,
  staticSchema,
  subscribe,
  type Realtime,
} from "../../src/sdk/realtime/index.ts";
import { bindRealtime, type RealtimeMessage, type RealtimeSocket } from "../../src/sdk/realtime/service.ts";

afterEach(() => vi.restoreAllMocks());

const chat = channel({
  name: (room: string) => `chat:${room}`,
  topics: {
    messages: { schema: z.object({ text: z.string() }) },
    typing: { schema: staticSchema<{ by: string }>() },
  },
});
const news = channel({ name: "news", topics: { headlines: { schema: z.string() } } });

describe("channel", () => {
  it("with a name it has its topics, each of which says where to publish", () => {
    expect(news).toEqual({
      name: "news",
      topics: news.topics,
      headlines: { channel: "news", topic: "headlines", config: news.topics.headlines },
    });
  });

  it("with a function it gives a channel for each set of parameters", () => {
    expect(chat("42").name).toBe("chat:42");
    expect(chat("42").typing).toEqual({ channel: "chat:42", topic: "typing", config: chat.topics.typing });
    expect(Object.keys(chat.topics)).toEqual(["messages", "typing"]);
  });

  it.each([
    [() => channel({ name: "", topics: {} }), 'name: "" is not the name of a channel'],
    [() => channel({ name: () => "", topics: {} })(), 'name: "" is not the name of a channel'],
    [() => channel({ name: "a", topics: { t: {} as never } }), "topics.t: schema: not a schema"],
  ])("refuses %s", (make, message) => expect(make).toThrow(message));

  test("`realtime.channel` is the same function", () => expect(realtime.channel).toBe(channel));
});

interface Asked {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** A client whose requests end here. */
function clientOver(answer: () => Response, options: { signingKey?: string; isDev?: boolean } = { isDev: true }) {
  const asked: Asked[] = [];
  const client = new Inngest({
    id: "app",
    baseUrl: "https://platform.test",
    ...options,
    fetch: async (url, init) => {
      asked.push({
        url: String(url),
        headers: Object.fromEntries(new Headers(init?.headers)),
        body: String(init?.body),
      });
      return answer();
    },
  });
  return { client, asked };
}

describe("client.realtime over HTTP", () => {
  it("publish sends the data as JSON, a text too, with channel and topic and the signing key", async () => {
    const { client, asked } = clientOver(() => Response.json({ ok: true }), { signingKey: "signkey-test-00ff" });
    await client.realtime.publish(chat("a b/c").messages, { text: "hello" });
    await client.realtime.publish(news.headlines, "12");
    expect(asked.map(({ url, body }) => [url, body])).toEqual([
      ["https://platform.test/v1/realtime/publish?channel=chat%3Aa+b%2Fc&topic=messages", '{"text":"hello"}'],
      ["https://platform.test/v1/realtime/publish?channel=news&topic=headlines", '"12"'],
    ]);
    expect(asked[0]?.headers).toMatchObject({
      authorization: expect.stringMatching(/^Bearer signkey-test-[0-9a-f]{64}$/),
      "content-type": "application/json",
    });
  });

  it("what the schema does not take is not sent; what it takes is sent as it was given", async () => {
    const { client, asked } = clientOver(() => Response.json({ ok: true }));
    const trimmed = channel({ name: "c", topics: { t: { schema: z.string().transform((text) => text.length) } } });
    await expect(client.realtime.publish(chat("1").messages, { text: 5 } as never)).rejects.toThrow(
      'topic "messages": data.text',
    );
    await client.realtime.publish(trimmed.t, "abc");
    expect(asked.map(({ body }) => body)).toEqual(['"abc"']);
  });

  it("data over 512 KiB is refused before it is sent", async () => {
    const { client, asked } = clientOver(() => Response.json({ ok: true }));
    await expect(client.realtime.publish(news.headlines, "x".repeat(512 * 1024))).rejects.toThrow("bound of 524288");
    expect(asked).toEqual([]);
  });

  it.each([
    [() => Response.json({ error: "no such thing" }, { status: 400 }), "no such thing", 400],
    [() => new Response("<html>", { status: 502 }), "https://platform.test/ answered 502", 502],
  ])("an answer that refuses is an error with its reason and status", async (answer, message, status) => {
    const { client } = clientOver(answer);
    await expect(client.realtime.publish(news.headlines, "x")).rejects.toMatchObject({
      name: "RealtimeError",
      message: `inngest.realtime.publish: ${message}`,
      status,
    });
  });

  it("token asks for the topics of the channel, and says where to connect", async () => {
    const { client, asked } = clientOver(() => Response.json({ jwt: "abc" }, { status: 201 }));
    const room = chat("1");
    expect(await client.realtime.token({ channel: room, topics: ["messages", "typing"] })).toEqual({
      channel: room,
      topics: ["messages", "typing"],
      key: "abc",
      apiBaseUrl: "https://platform.test/",
    });
    expect(await getSubscriptionToken(client, { channel: "any", topics: ["t"] })).toMatchObject({ channel: "any" });
    expect(await getClientSubscriptionToken(client, { channel: "any", topics: ["t"] })).toEqual({
      key: "abc",
      apiBaseUrl: "https://platform.test/",
    });
    expect(asked[0]).toMatchObject({
      url: "https://platform.test/v1/realtime/token",
      body: '[{"channel":"chat:1","name":"messages","kind":"run"},{"channel":"chat:1","name":"typing","kind":"run"}]',
    });
  });

  it("names what is no channel and no topic", async () => {
    const { client } = clientOver(() => Response.json({}));
    await expect(client.realtime.token({ channel: "", topics: ["t"] })).rejects.toThrow('channel: ""');
    await expect(client.realtime.token({ channel: "c", topics: [] })).rejects.toThrow("topics: name at least one");
    await expect(client.realtime.token({ channel: "c", topics: ["x".repeat(256)] })).rejects.toThrow("255 bytes");
    await expect(client.realtime.token({ channel: "c", topics: ["t"] })).rejects.toThrow("without a token");
  });
});

/** A platform in this process, whose one socket the test speaks through. */
function inProcess() {
  const client = new Inngest({ id: "app", isDev: true });
  const listeners = new Map<string, ((event: never) => void)[]>();
  const closed: (string | undefined)[] = [];
  const published: RealtimeMessage[] = [];
  const tokens: string[] = [];
  const socket: RealtimeSocket = {
    addEventListener: (type: string, listener: (event: never) => void) =>
      void listeners.set(type, [...(listeners.get(type) ?? []), listener]),
    close: (_code, reason) => void closed.push(reason),
  };
  bindRealtime(client, {
    publish: async (message) => void published.push(message),
    token: async (name, topics) => `${name} ${topics.join()}`,
    connect: async (token) => {
      tokens.push(token);
      return socket;
    },
  });
  const tell = (type: string, event: unknown) => {
    for (const listener of listeners.get(type) ?? []) listener(event as never);
  };
  return {
    client,
    closed,
    published,
    tokens,
    frame: (frame: object) => tell("message", { data: JSON.stringify(frame) }),
    text: (data: unknown) => tell("message", { data }),
    hangUp: () => tell("close", {}),
  };
}

const at = "2026-01-01T00:00:00.000Z";

async function all<T>(stream: ReadableStream<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const one of stream as unknown as AsyncIterable<T>) got.push(one);
  return got;
}

describe("subscribe", () => {
  it("hands over messages in Inngest's form, in order, and ends with the connection", async () => {
    const { client, frame, hangUp, tokens } = inProcess();
    const stream = await subscribe({ app: client, channel: chat("1"), topics: ["messages", "typing"] });
    const base = { kind: "data", channel: "chat:1", created_at: at };
    frame({ ...base, topic: "messages", data: { text: "a" }, run_id: "r", env_id: "e", fn_id: "f" });
    frame({ ...base, topic: "typing", data: { by: "ada" } });
    frame({ kind: "run", channel: "chat:1", created_at: at, data: { status: "completed" } });
    hangUp();
    expect(await all(stream)).toEqual([
      {
        kind: "data",
        channel: "chat:1",
        topic: "messages",
        data: { text: "a" },
        runId: "r",
        fnId: "f",
        envId: "e",
        createdAt: new Date(at),
      },
      { kind: "data", channel: "chat:1", topic: "typing", data: { by: "ada" }, createdAt: new Date(at) },
      { kind: "run", channel: "chat:1", data: { status: "completed" }, createdAt: new Date(at) },
    ]);
    expect(tokens).toEqual(["chat:1 messages,typing"]);
  });

  it("leaves out what is no message of its topics, and what their schema does not take", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { client, frame, text, hangUp } = inProcess();
    const stream = await subscribe({ app: client, channel: chat("1"), topics: ["messages"] });
    const good = { kind: "data", channel: "chat:1", topic: "messages", data: { text: "good" } };
    for (const odd of ["", "{", "null", "5", "[]", new ArrayBuffer(2)]) text(odd);
    for (const change of [
      { channel: "chat:2" },
      { channel: undefined },
      { topic: "typing" },
      { topic: undefined },
      { kind: "ping" },
      { kind: "closing" },
      { run_id: null },
      { data: { text: 5 } },
    ])
      frame({ ...good, ...change });
    frame(good);
    hangUp();
    expect((await all(stream)).map(({ data }) => data)).toEqual([{ text: "good" }]);
    expect(logged).toHaveBeenCalledOnce();
  });

  it("applies a schema's transforms, asynchronous ones in order, and none with validate: false", async () => {
    const slow = channel({
      name: "c",
      topics: { t: { schema: z.number().transform(async (n) => (await Promise.resolve(), n * 10)) } },
    });
    for (const [validate, expected] of [
      [true, [10, 20]],
      [false, [1, 2]],
    ] as const) {
      const { client, frame, hangUp } = inProcess();
      const stream = await subscribe({ app: client, channel: slow, topics: ["t"], validate });
      for (const data of [1, 2]) frame({ kind: "data", channel: "c", topic: "t", data });
      hangUp();
      expect((await all(stream)).map(({ data }) => data)).toEqual(expected);
    }
  });

  it("a stream is a message that begins it, its chunks, and its end; and can be read as a whole", async () => {
    const { client, frame, hangUp } = inProcess();
    const stream = await subscribe({ app: client, channel: "c", topics: ["t"] });
    const base = { channel: "c", topic: "t" };
    frame({ ...base, kind: "chunk", stream_id: "unknown", data: "x" });
    frame({ ...base, kind: "datastream-start", data: "s1" });
    for (const data of ["hel", "lo"]) frame({ ...base, kind: "chunk", stream_id: "s1", data });
    frame({ ...base, kind: "datastream-end", data: "s1" });
    hangUp();
    const messages = await all(stream);
    expect(messages.map(({ kind, data }) => [kind, data])).toEqual([
      ["datastream-start", "s1"],
      ["chunk", "hel"],
      ["chunk", "lo"],
      ["datastream-end", "s1"],
    ]);
    const [start] = messages;
    if (start?.kind !== "datastream-start") throw new Error("the stream has not begun");
    expect((await all(start.stream)).join("")).toBe("hello");
  });

  it("a stream that the connection cuts off ends", async () => {
    const { client, frame, hangUp } = inProcess();
    const messages = await subscribe({ app: client, channel: "c", topics: ["t"] });
    frame({ channel: "c", topic: "t", kind: "datastream-start", data: "s1" });
    hangUp();
    const [start] = await all(messages);
    if (start?.kind !== "datastream-start") throw new Error("the stream has not begun");
    expect(await all(start.stream)).toEqual([]);
  });

  it("with onMessage it calls back one by one, and tells onError what fails", async () => {
    const { client, frame } = inProcess();
    const got: unknown[] = [];
    const failures: unknown[] = [];
    await subscribe({
      app: client,
      channel: "c",
      topics: ["t"],
      onMessage: async ({ data }) => {
        await Promise.resolve();
        got.push(data);
        if (data === 1) throw new Error("once");
      },
      onError: (error) => failures.push(error),
    });
    for (const data of [1, 2]) frame({ kind: "data", channel: "c", topic: "t", data });
    await vi.waitFor(() => expect(got).toEqual([1, 2]));
    expect(failures).toEqual([new Error("once")]);
  });

  it("close ends the connection and all streams, once", async () => {
    const { client, closed, frame } = inProcess();
    const subscription = await subscribe({ app: client, channel: "c", topics: ["t"] });
    const [again, encoded] = [subscription.getJsonStream(), subscription.getEncodedStream()];
    frame({ kind: "data", channel: "c", topic: "t", data: 1, created_at: at });
    subscription.close("enough");
    subscription.unsubscribe("again");
    frame({ kind: "data", channel: "c", topic: "t", data: "too late" });
    expect(closed).toEqual(["enough"]);
    for (const stream of [subscription, again]) expect((await all(stream)).map(({ data }) => data)).toEqual([1]);
    const text = (await all(encoded)).map((bytes) => new TextDecoder().decode(bytes)).join("");
    expect(text).toMatch(/^data: \{.*"data":1.*\}\n\n$/);
    expect(await all(subscription.getJsonStream())).toEqual([]);
  });

  it("a reader that leaves does not keep the others from reading", async () => {
    const { client, frame, hangUp } = inProcess();
    const subscription = await subscribe({ app: client, channel: "c", topics: ["t"] });
    await subscription.getJsonStream().cancel();
    frame({ kind: "data", channel: "c", topic: "t", data: 1 });
    hangUp();
    expect((await all(subscription)).map(({ data }) => data)).toEqual([1]);
  });

  it("says what it lacks: a key, or the place of the platform", async () => {
    await expect(subscribe({ channel: "c", topics: ["t"] })).rejects.toThrow("neither `key` nor `app`");
    await expect(subscribe({ key: "k", channel: "c", topics: ["t"] })).rejects.toThrow("apiBaseUrl");
  });

  it("inside the platform's Worker a token says where to connect only if somebody has said it", async () => {
    const { client } = inProcess();
    expect(await client.realtime.token({ channel: "c", topics: ["t"] })).toEqual({
      channel: "c",
      topics: ["t"],
      key: "c t",
      apiBaseUrl: undefined,
    });
    client.setEnvVars({ INNGEST_BASE_URL: "https://app.example" });
    expect(await client.realtime.token({ channel: "c", topics: ["t"] })).toMatchObject({
      apiBaseUrl: "https://app.example/",
    });
  });
});

describe("types", () => {
  const isExecuted: boolean = false;

  test("topics and their data are known", async () => {
    if (!isExecuted) return;
    const client = new Inngest({ id: "app" });
    await client.realtime.publish(chat("1").messages, { text: "x" });
    // @ts-expect-error -- text is a text
    await client.realtime.publish(chat("1").messages, { text: 1 });
    // @ts-expect-error -- the name has a parameter
    chat();
    // @ts-expect-error -- no such topic
    await client.realtime.token({ channel: chat("1"), topics: ["message"] });
    const stream = await client.realtime.subscribe({ channel: chat("1"), topics: ["messages", "typing"] });
    const { value } = await stream.getReader().read();
    if (value?.kind === "data" && value.topic === "messages")
      expectTypeOf(value.data).toEqualTypeOf<{ text: string }>();
    if (value?.kind === "data" && value.topic === "typing") expectTypeOf(value.data).toEqualTypeOf<{ by: string }>();
    expectTypeOf(chat.$infer.typing).toEqualTypeOf<{ by: string }>();
    expectTypeOf<typeof chat.$params>().toEqualTypeOf<string>();
  });

  test("what Inngest's SDK calls a channel and a topic are ours too, and the other way round", () => {
    if (!isExecuted) return;
    const made = theirs.channel({ name: "c", topics: { t: { schema: theirSchema<{ n: number }>() } } });
    const own = channel({ name: "c", topics: { t: { schema: staticSchema<{ n: number }>() } } });
    expectTypeOf(made.t).toExtend<Realtime.TopicRef<{ n: number }>>();
    expectTypeOf(own.t).toEqualTypeOf<Realtime.TopicRef<{ n: number }>>();
    expectTypeOf(made).toExtend<Realtime.ChannelInput>();
    void subscribe({ key: "k", channel: made, topics: ["t"] });
    void theirSubscribe({ key: "k", channel: own, topics: ["t"] });
    expectTypeOf<ReturnType<typeof theirChannel<"c", {}>>["name"]>().toEqualTypeOf<"c">();
  });
});
