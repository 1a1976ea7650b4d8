/** Realtime through the front door, with the sockets of the platform (inngest-protocol §8). */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { realtimeToken } from "../../src/protocol/realtime-token.ts";
import { carryMail, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, json, outputOf, post, request, send, started, until } from "./helpers/front-door.ts";

const open: WebSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close(1000);
});

/** A name that no other test has. */
function channelName(what = "room"): string {
  return `${what}:${crypto.randomUUID()}`;
}

async function tokenOf(topics: [channel: string, ...names: string[]][], headers?: Record<string, string>) {
  const body = topics.flatMap(([channel, ...names]) => names.map((name) => ({ channel, name, kind: "run" })));
  const answer = await post("/v1/realtime/token", body, headers);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201, body: { jwt: expect.any(String) } });
  return answer.body.jwt as string;
}

interface Listener {
  socket: WebSocket;
  frames: any[];
  /** the frames, once there are so many */
  got(count: number): Promise<any[]>;
}

async function connect(token: string, headers: Record<string, string> = {}): Promise<Listener> {
  const response = await request(`/v1/realtime/connect?token=${token}`, {
    headers: { upgrade: "websocket", ...headers },
  });
  expect(response.status).toBe(101);
  const socket = response.webSocket!;
  const frames: any[] = [];
  socket.addEventListener("message", ({ data }) => void frames.push(JSON.parse(String(data))));
  socket.accept();
  open.push(socket);
  return { socket, frames, got: (count) => until(async () => frames.length >= count && frames, `${count} frames`) };
}

async function publish(channel: string, topic: string, data: unknown, more = "", headers = {}) {
  const query = `channel=${encodeURIComponent(channel)}&topic=${encodeURIComponent(topic)}${more}`;
  const answer = await post(`/v1/realtime/publish?${query}`, data, headers);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
}

function objectOf(channel: string, environment = "main") {
  const namespace: DurableObjectNamespace = Reflect.get(env, "ChannelDO");
  return namespace.get(namespace.idFromName(`${environment}/${channel}`));
}

describe("subscribing", () => {
  it("a message reaches who subscribes to its topic, with channel, topic, data and what is known of it; nothing is null", async () => {
    const channel = channelName();
    const { got } = await connect(await tokenOf([[channel, "messages"]]));
    await publish(
      channel,
      "messages",
      { text: "hello" },
      "&run_id=01JABCDEFGHJKMNPQRSTVWXYZ0&metadata=%7B%22a%22%3A1%7D",
    );
    await publish(channel, "messages", null);
    const [first, second] = await got(2);
    expect(first).toEqual({
      kind: "data",
      channel,
      topic: "messages",
      data: { text: "hello" },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      env_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      run_id: "01JABCDEFGHJKMNPQRSTVWXYZ0",
      metadata: { a: 1 },
    });
    expect(Object.keys(second)).toEqual(["kind", "channel", "topic", "created_at", "env_id", "data"]);
  });

  it("messages come in the order in which they were published, and only those of the topics that the token names", async () => {
    const channel = channelName();
    const [a, b] = [
      await connect(await tokenOf([[channel, "a"]])),
      await connect(await tokenOf([[channel, "a", "b"]])),
    ];
    for (let n = 0; n < 10; n++) await publish(channel, n % 2 === 0 ? "a" : "b", n);
    await publish(channel, "c", "nobody's");
    await publish(channel, "a", "last");
    expect((await b.got(11)).map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "last"]);
    expect((await a.got(6)).map(({ data }) => data)).toEqual([0, 2, 4, 6, 8, "last"]);
  });

  it("a message for several topics reaches each of them", async () => {
    const channel = channelName();
    const { got } = await connect(await tokenOf([[channel, "a", "b"]]));
    await publish(channel, "a", 1, "&topic=b&topic=c");
    expect((await got(2)).map(({ topic }) => topic)).toEqual(["a", "b"]);
  });

  it("one token may name several channels: the messages of each reach the one socket", async () => {
    const [one, two, three] = [channelName("one"), channelName("two"), channelName("three")];
    const { got } = await connect(
      await tokenOf([
        [one, "t"],
        [two, "t"],
        [three, "x"],
      ]),
    );
    await publish(one, "t", 1);
    await publish(two, "t", 2);
    await publish(three, "t", "not this topic");
    await publish(three, "x", 3);
    expect((await got(3)).map(({ channel, data }) => [channel, data])).toEqual([
      [one, 1],
      [two, 2],
      [three, 3],
    ]);
  });

  it("messages of a second channel keep their order, however fast they come", async () => {
    const [home, other] = [channelName("home"), channelName("other")];
    const { got } = await connect(
      await tokenOf([
        [home, "t"],
        [other, "t"],
      ]),
    );
    const stub = objectOf(other) as unknown as { publish(messages: { topic: string; frame: string }[]): Promise<void> };
    const all = Array.from({ length: 50 }, (_, n) => n);
    await Promise.all(all.map((n) => stub.publish([{ topic: "t", frame: String(n) }])));
    expect(await got(50)).toEqual(all);
  });

  it("a channel forgets another whose subscribers have left, and remembers those that come back", async () => {
    const [home, other] = [channelName("home"), channelName("other")];
    const token = await tokenOf([
      [home, "t"],
      [other, "t"],
    ]);
    const { socket } = await connect(token);
    const homes = () =>
      runInDurableObject(objectOf(other), (_object, { storage }) =>
        storage.sql.exec("SELECT count(*) AS n FROM item").one(),
      );
    expect(await homes()).toEqual({ n: 1 });
    socket.close(1000);
    await until(async () => {
      await publish(other, "t", "nobody hears it");
      return (await homes()).n === 0;
    }, "the other channel to forget it");
    const { got } = await connect(token);
    await publish(other, "t", "again");
    expect(await got(1)).toMatchObject([{ data: "again" }]);
  });

  it("what was published before somebody subscribed is not told later", async () => {
    const channel = channelName();
    await publish(channel, "t", "early");
    const { got } = await connect(await tokenOf([[channel, "t"]]));
    await publish(channel, "t", "late");
    expect(await got(1)).toMatchObject([{ data: "late" }]);
  });

  it("a socket outlives the memory of its object", async () => {
    const [home, other] = [channelName("home"), channelName("other")];
    const { got } = await connect(
      await tokenOf([
        [home, "t"],
        [other, "t"],
      ]),
    );
    await evictDurableObject(objectOf(home), { webSockets: "hibernate" });
    await evictDurableObject(objectOf(other));
    await publish(home, "t", 1);
    await publish(other, "t", 2);
    expect((await got(2)).map(({ data }) => data)).toEqual([1, 2]);
  });

  it("a subscriber that is gone keeps nobody from getting messages", async () => {
    const channel = channelName();
    const token = await tokenOf([[channel, "t"]]);
    const [gone, here] = [await connect(token), await connect(token)];
    gone.socket.close(1000);
    await publish(channel, "t", 1);
    expect(await here.got(1)).toMatchObject([{ data: 1 }]);
  });

  it("the platform pings those who are connected as long as there are any", async () => {
    const channel = channelName();
    const { got, socket } = await connect(await tokenOf([[channel, "t"]]));
    expect(await runDurableObjectAlarm(objectOf(channel))).toBe(true);
    expect(await got(1)).toEqual([{ kind: "ping" }]);
    socket.close(1000);
    await until(
      () => runInDurableObject(objectOf(channel), (_object, ctx) => ctx.getWebSockets().length === 0),
      "the end of the socket",
    );
    await runDurableObjectAlarm(objectOf(channel));
    expect(await runDurableObjectAlarm(objectOf(channel))).toBe(false);
  });
});

describe("control messages", () => {
  it("a ping is answered, and so is one that is spelt otherwise", async () => {
    const { socket, got } = await connect(await tokenOf([[channelName(), "t"]]));
    socket.send('{"kind":"ping"}');
    socket.send('{ "kind": "ping" }');
    expect(await got(2)).toEqual([{ kind: "pong" }, { kind: "pong" }]);
  });

  it("sub adds the topics of another token, unsub takes topics away; both say what is left", async () => {
    const [one, two] = [channelName("one"), channelName("two")];
    const { socket, frames, got } = await connect(await tokenOf([[one, "a"]]));
    socket.send(
      JSON.stringify({
        kind: "sub",
        data: await tokenOf([
          [one, "b"],
          [two, "a"],
        ]),
      }),
    );
    await got(1);
    await publish(one, "b", 1);
    await publish(two, "a", 2);
    await got(3);
    socket.send(JSON.stringify({ kind: "unsub", data: [{ channel: one, name: "b", kind: "run" }, "a"] }));
    await got(4);
    await publish(one, "a", "left");
    await publish(one, "b", "left");
    socket.send('{"kind":"ping"}');
    await got(5);
    expect(frames.map(({ kind, data }) => [kind, data])).toEqual([
      [
        "sub",
        {
          topics: [
            { channel: one, name: "a" },
            { channel: one, name: "b" },
            { channel: two, name: "a" },
          ],
        },
      ],
      ["data", 1],
      ["data", 2],
      ["unsub", { topics: [] }],
      ["pong", undefined],
    ]);
  });

  it("a sub with a token that does not count changes nothing, and says why", async () => {
    const channel = channelName();
    const { socket, got } = await connect(await tokenOf([[channel, "a"]]));
    const now = Date.now();
    const grant = { env: "main", topics: [{ channel, topics: ["secret"] }] };
    socket.send(JSON.stringify({ kind: "sub", data: await realtimeToken(grant, "another key", now) }));
    socket.send(JSON.stringify({ kind: "sub", data: await realtimeToken(grant, "dev", now - 61_000) }));
    socket.send(JSON.stringify({ kind: "sub", data: await realtimeToken({ ...grant, env: "staging" }, "dev", now) }));
    await got(3);
    await publish(channel, "secret", "not for you");
    await publish(channel, "a", "for you");
    const frames = await got(4);
    expect(frames.slice(0, 3).map(({ data }) => data.error)).toEqual([
      expect.stringContaining("none of this platform's"),
      expect.stringContaining("none of this platform's"),
      expect.stringContaining('environment "staging"'),
    ]);
    expect(frames[3]).toMatchObject({ data: "for you" });
  });

  it("what is no message is ignored", async () => {
    const { socket, got } = await connect(await tokenOf([[channelName(), "t"]]));
    for (const text of ["", "{", "[]", '{"kind":"data","data":1}', '{"kind":"sub","data":1}', '{"kind":"unsub"}'])
      socket.send(text);
    socket.send(new Uint8Array([1, 2, 3]));
    socket.send('{"kind":"ping"}');
    expect(await got(1)).toEqual([{ kind: "pong" }]);
  });
});

describe("tokens", () => {
  const grant = (channel: string) => ({ env: "main", topics: [{ channel, topics: ["t"] }] });

  it.each([
    ["no token", async () => ""],
    ["what is none", async () => "abc"],
    ["one that another key signed", (channel: string) => realtimeToken(grant(channel), "another key", Date.now())],
    ["one that is over", (channel: string) => realtimeToken(grant(channel), "dev", Date.now() - 61_000)],
    [
      "one without a signature",
      async (channel: string) =>
        `${btoa('{"alg":"none","typ":"JWT"}')}.${btoa(JSON.stringify({ iss: "rt.inngest.com", exp: 4e9, ...grant(channel) }))}.`,
    ],
    [
      "one whose topics were changed",
      async (channel: string) => {
        const [head, , signature] = (await realtimeToken(grant("another"), "dev", Date.now())).split(".");
        const claims = { iss: "rt.inngest.com", iat: 1, exp: 4e9, ...grant(channel) };
        return `${head}.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.${signature}`;
      },
    ],
  ])("%s is 401 on both ways to subscribe", async (_what, make) => {
    const token = await make(channelName());
    const socket = await request(`/v1/realtime/connect?token=${token}`, { headers: { upgrade: "websocket" } });
    expect(socket.status).toBe(401);
    expect(await socket.json()).toMatchObject({ error: expect.stringContaining("/v1/realtime/token") });
    expect((await request(`/v1/realtime/sse?token=${token}`)).status).toBe(401);
  });

  it("a token may come as bearer, as Go's client sends it", async () => {
    const channel = channelName();
    const token = await tokenOf([[channel, "t"]]);
    const response = await request("/v1/realtime/connect", {
      headers: { upgrade: "websocket", authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.close(1000);
  });

  it("the same channel of another environment is another channel (G11)", async () => {
    const channel = channelName();
    const here = await connect(await tokenOf([[channel, "t"]]));
    const staging = { env: "staging", topics: [{ channel, topics: ["t"] }] };
    const there = await connect(await realtimeToken(staging, "dev", Date.now()));
    const stub = objectOf(channel, "staging") as unknown as {
      publish(messages: { topic: string; frame: string }[]): Promise<void>;
    };
    await stub.publish([{ topic: "t", frame: '"of staging"' }]);
    await publish(channel, "t", "of main");
    expect(await there.got(1)).toEqual(["of staging"]);
    expect(await here.got(1)).toMatchObject([{ data: "of main" }]);
    for (const { socket } of [here, there]) socket.send('{"kind":"ping"}');
    expect((await here.got(2))[1]).toEqual({ kind: "pong" });
    expect((await there.got(2))[1]).toEqual({ kind: "pong" });
  });

  it("a branch environment has channels of its own, and its tokens say so", async () => {
    const channel = channelName();
    const staging = { "x-inngest-env": "staging/realtime" };
    expect((await post("/e/key", { name: "any/event" }, staging)).status).toBe(200); // it begins with its first event
    const there = await connect(await tokenOf([[channel, "t"]], staging));
    const here = await connect(await tokenOf([[channel, "t"]]));
    await publish(channel, "t", "of staging", "", staging);
    await publish(channel, "t", "of main");
    expect(await there.got(1)).toMatchObject([{ data: "of staging" }]);
    expect(await here.got(1)).toMatchObject([{ data: "of main" }]);
    expect(there.frames[0].env_id).not.toBe(here.frames[0].env_id);
  });

  it("connecting without a WebSocket is 426 and says where else", async () => {
    const { status, body } = await json(`/v1/realtime/connect?token=${await tokenOf([[channelName(), "t"]])}`);
    expect([status, body.error]).toEqual([426, expect.stringContaining("/v1/realtime/sse")]);
  });

  it.each([
    ["no JSON", "{", "the body must be JSON"],
    ["no list", "{}", "must be a list of topics"],
    ["no topics", "[]", "at least one topic"],
    ["a topic without channel", '[{"name":"t"}]', "topics[0].channel: must be the name of a channel"],
    ["a topic without name", '[{"channel":"c","name":""}]', "topics[0].name: must be the name of a topic"],
    ["events", '[{"channel":"c","name":"t","kind":"event"}]', 'topics[0].kind: must be "run"'],
    ["a long channel", `[{"channel":"${"c".repeat(513)}","name":"t"}]`, "topics[0].channel: is over the bound of 512"],
    ["a long topic", `[{"channel":"c","name":"${"t".repeat(256)}"}]`, "topics[0].name: is over the bound of 255 bytes"],
    [
      "many channels",
      JSON.stringify(Array.from({ length: 200 }, (_, n) => ({ channel: "c".repeat(60) + n, name: "t" }))),
      "8192 bytes",
    ],
  ])("a token of %s is refused by name", async (_what, body, message) => {
    const answer = await json("/v1/realtime/token", { method: "POST", body });
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
  });

  it("as many topics as one subscriber may have survive hibernation", async () => {
    const channel = "c".repeat(500);
    const names = Array.from({ length: 28 }, (_, n) => `${n}${"t".repeat(240)}`);
    const { got } = await connect(await tokenOf([[channel, ...names]]));
    await evictDurableObject(objectOf(channel), { webSockets: "hibernate" });
    await publish(channel, names.at(-1)!, "the last");
    expect(await got(1)).toMatchObject([{ data: "the last" }]);
  });
});

describe("publishing", () => {
  it("what is no JSON is a text, and JSON goes through unchanged", async () => {
    const channel = channelName();
    const { socket, got } = await connect(await tokenOf([[channel, "t"]]));
    const raw: string[] = [];
    socket.addEventListener("message", ({ data }) => void raw.push(String(data)));
    for (const body of ["hello", "", '{"n":12345678901234567890,\n "a" : 1}'])
      await request(`/v1/realtime/publish?channel=${channel}&topic=t`, { method: "POST", body });
    const frames = await got(3);
    expect(frames.slice(0, 2).map(({ data }) => data)).toEqual(["hello", ""]);
    expect(raw[2]).toContain('"data":{"n":12345678901234567890,  "a" : 1}');
  });

  it.each([
    ["topic=t", "channel: must be the name of a channel"],
    ["channel=c", "topics: must be named at least once"],
    ["channel=c&topic=", "must be the name of a topic"],
    ["channel=c&topic=t&run_id=a/b", "run_id: must be the id of a run"],
    ["channel=c&topic=t&metadata={", "metadata: must be JSON"],
  ])("?%s is 400 and names the parameter", async (query, message) => {
    const answer = await post(`/v1/realtime/publish?${query}`, {});
    expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining(message) } });
  });

  it("the largest message passes, a larger one is 413", async () => {
    const channel = channelName();
    const { got } = await connect(await tokenOf([[channel, "t"]]));
    const largest = "x".repeat(512 * 1024 - 2);
    await publish(channel, "t", largest);
    expect((await got(1))[0].data).toBe(largest);
    const { status, body } = await post(`/v1/realtime/publish?channel=${channel}&topic=t`, `${largest}x`);
    expect([status, body.error]).toEqual([413, expect.stringContaining("524288 bytes")]);
  });

  function stream(channel: string, body: BodyInit) {
    return request(`/v1/realtime/publish?channel=${channel}&topic=t&run_id=01JABCDEFGHJKMNPQRSTVWXYZ0`, {
      method: "POST",
      headers: { "content-type": "text/stream" },
      body,
    });
  }

  it("a stream is published as chunks of 1 KiB between a start and an end, with channel and topic in each", async () => {
    const channel = channelName();
    const { got, frames } = await connect(await tokenOf([[channel, "t"]]));
    const text = "äöü€😀".repeat(700);
    expect((await stream(channel, text)).status).toBe(200);
    await until(async () => frames.at(-1)?.kind === "datastream-end", "the end of the stream");
    const [start, ...chunks] = await got(3);
    const end = chunks.pop();
    expect(start).toMatchObject({
      kind: "datastream-start",
      channel,
      topic: "t",
      data: expect.stringMatching(/^[^:]+$/),
    });
    expect(end).toMatchObject({ kind: "datastream-end", channel, topic: "t", data: start.data });
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ kind: "chunk", channel, topic: "t", stream_id: start.data });
      expect(new TextEncoder().encode(chunk.data).byteLength).toBeLessThanOrEqual(1024);
    }
    expect(chunks.map(({ data }) => data).join("")).toBe(text);
  });

  it("chunks are told while the stream is still being written", async () => {
    const channel = channelName();
    const { got } = await connect(await tokenOf([[channel, "t"]]));
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const publishing = stream(channel, readable);
    await writer.write(new TextEncoder().encode("first"));
    expect((await got(2))[1]).toMatchObject({ kind: "chunk", data: "first" });
    await writer.close();
    expect((await publishing).status).toBe(200);
    expect((await got(3))[2]).toMatchObject({ kind: "datastream-end" });
  });

  it("of a stream over 1,000 chunks so many are told, then its end; the answer is 413", async () => {
    const channel = channelName();
    const { got, frames } = await connect(await tokenOf([[channel, "t"]]));
    const answer = await stream(channel, "x".repeat(1001 * 1024));
    expect([answer.status, await answer.text()]).toEqual([413, expect.stringContaining("1000 chunks")]);
    await got(1002);
    expect([frames[1000].kind, frames[1001].kind, frames.length]).toEqual(["chunk", "datastream-end", 1002]);
  });
});

describe("server-sent events", () => {
  async function events(token: string) {
    const response = await request(`/v1/realtime/sse?token=${token}`, { headers: { origin: "http://localhost:3000" } });
    expect(response.status).toBe(200);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let isOver = false;
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
      }
      isOver = true;
    })();
    return {
      response,
      leave: () => reader.cancel(),
      over: () => reading,
      isOver: () => isOver,
      containing: (part: string) => until(async () => text.includes(part) && text, `"${part}" in the stream`),
    };
  }

  it("messages come as events, pings as comments; browsers of anywhere may read them", async () => {
    const [channel, other] = [channelName("one"), channelName("two")];
    const { response, containing, leave } = await events(
      await tokenOf([
        [channel, "t"],
        [other, "t"],
      ]),
    );
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await containing(":\n\n")).toBe(":\n\n");
    await publish(channel, "t", { n: 1 });
    await publish(other, "t", { n: 2 });
    await runDurableObjectAlarm(objectOf(channel));
    const text = await containing('{"n":2}}\n\n:\n\n');
    expect(text).toMatch(/^:\n\ndata: \{"kind":"data".*"data":\{"n":1\}\}\n\ndata: \{.*\{"n":2\}\}\n\n:\n\n$/);
    await leave();
  });

  it("what a durable endpoint writes passes as it is", async () => {
    const channel = channelName("run");
    const { containing, leave } = await events(await tokenOf([[channel, "$stream"]]));
    const written = 'event: inngest.stream\ndata: {"data":"hällo"}\n\n';
    const { status } = await request(`/v1/realtime/publish/tee?channel=${channel}`, { method: "POST", body: written });
    expect(status).toBe(200);
    expect(await containing(written)).toContain(written);
    await leave();
  });

  it("a reader that leaves is no subscriber any more", async () => {
    const channel = channelName();
    const { leave } = await events(await tokenOf([[channel, "t"]]));
    const sockets = () => runInDurableObject(objectOf(channel), (_object, ctx) => ctx.getWebSockets().length);
    expect(await sockets()).toBe(1);
    await leave();
    await until(async () => (await sockets()) === 0, "the end of the subscription");
  });

  it("a connection ends after 15 minutes, a socket's does not", async () => {
    const channel = channelName();
    const { frames } = await connect(await tokenOf([[channel, "t"]]));
    const { containing, over } = await events(await tokenOf([[channel, "t"]]));
    await runInDurableObject(objectOf(channel), (_object, ctx) => {
      for (const socket of ctx.getWebSockets()) {
        const subscription = socket.deserializeAttachment();
        if (subscription.until === null) continue;
        expect(subscription.until - Date.now()).toBeGreaterThan(14 * 60_000);
        socket.serializeAttachment({ ...subscription, until: Date.now() });
      }
    });
    await runDurableObjectAlarm(objectOf(channel));
    expect(await containing('data: {"kind":"closing"}')).toBeTruthy();
    await over();
    await publish(channel, "t", 1);
    await until(async () => frames.length >= 2, "the socket's frames");
    expect(frames.map(({ kind }) => kind)).toEqual(["ping", "data"]);
  });
});

/** Runs whose ends are listened for. */
function watched(): Promise<unknown[]> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "RegistryDO");
  return runInDurableObject(namespace.get(namespace.idFromName("main/registry")), (_object, { storage }) =>
    storage.sql.exec("SELECT name FROM waited WHERE name LIKE 'inngest/realtime.run/%'").toArray(),
  );
}

describe("functions", () => {
  it.each(["local", "http"])("%s: what a run publishes says which run, a step publishes once", async (app) => {
    const mail = carryMail();
    try {
      expect((await registerHttpApp()).status).toBe(200);
      const channel = channelName();
      const { got } = await connect(await tokenOf([[channel, "updates"]]));
      const run = await ended(await send({ name: `${app}/publishes`, data: { key: channel, channel } }));
      expect(run).toMatchObject({ status: "Completed", output: { told: { n: 1 }, hasKey: true } });
      expect(run.steps[0]).toMatchObject({ id: "tell", type: "step.realtime.publish" });
      const [first, second] = await got(2);
      expect(first).toMatchObject({ data: { n: 1 }, run_id: run.run_id, topic: "updates" });
      expect(second).toMatchObject({ data: { n: 2 }, run_id: run.run_id });
    } finally {
      await mail.stop();
    }
  });

  it("who subscribes to a run's own channel is told its end, also when it has ended before", async () => {
    const key = channelName();
    const id = await send({ name: "local/wait", data: { key, wait: { event: `answer/${key}`, timeout: "1h" } } });
    const { run_id: runId } = await started(id);
    const early = await connect(await tokenOf([[runId, "$run"]]));
    const elsewhere = await connect(
      await tokenOf([
        [key, "t"],
        [runId, "$run"],
      ]),
    );
    await send({ name: `answer/${key}`, data: { n: 1 } });
    const run = await ended(id);
    const late = await connect(await tokenOf([[runId, "$run"]]));
    for (const { got } of [early, elsewhere, late]) {
      const [frame] = await got(1);
      expect(frame).toMatchObject({ kind: "run", channel: runId, topic: "$run", run_id: runId, fn_slug: "local-wait" });
      expect(frame.data).toEqual({ status: "completed", output: run.output });
    }
    await until(async () => (await watched()).length === 0, "the registry to forget the run");
  });

  it("a run that fails tells why, and one that is unknown nothing", async () => {
    const id = await send({ name: "local/never", data: { key: channelName() } });
    const run = await ended(id);
    const { frames } = await connect(await tokenOf([[run.run_id, "$run"]]));
    await until(async () => frames.length > 0, "the end");
    expect(frames[0].data).toMatchObject({ status: "failed", error: { message: run.error?.message } });
    const { socket, got } = await connect(await tokenOf([["01JABCDEFGHJKMNPQRSTVWXYZ0", "$run"]]));
    socket.send('{"kind":"ping"}');
    expect(await got(1)).toEqual([{ kind: "pong" }]);
    expect(await watched()).toEqual([]);
  });

  it("code in the platform's own Worker subscribes without leaving it", async () => {
    const channel = channelName();
    expect(await outputOf(await send({ name: "local/hears", data: { channel } }))).toEqual({ n: 1 });
  });
});

describe("keys", () => {
  const KEY = "signkey-test-0123456789abcdef";
  function configure(values: Record<string, string>) {
    for (const [name, value] of Object.entries(values)) Reflect.set(env, name, value);
  }
  afterEach(() => configure({ INNGEST_DEV: "1", INNGEST_SIGNING_KEY: "", INNGEST_SIGNING_KEY_FALLBACK: "" }));

  it("in production tokens and messages want the signing key, hashed or plain; tokens of dev mode do not count", async () => {
    const channel = channelName();
    const ofDev = await tokenOf([[channel, "t"]]);
    configure({ INNGEST_DEV: "", INNGEST_SIGNING_KEY: KEY });
    for (const path of ["token", "publish?channel=c&topic=t", "publish/tee?channel=c"])
      expect((await post(`/v1/realtime/${path}`, [{ channel, name: "t" }])).status, path).toBe(401);
    expect((await request(`/v1/realtime/connect?token=${ofDev}`, { headers: { upgrade: "websocket" } })).status).toBe(
      401,
    );
    const bearer = { authorization: `Bearer ${KEY}` };
    const { got } = await connect(await tokenOf([[channel, "t"]], bearer));
    await publish(channel, "t", 1, "", bearer);
    expect(await got(1)).toMatchObject([{ data: 1 }]);
  });

  it("a token of the key that was changed counts while that one is the fallback", async () => {
    const channel = channelName();
    configure({ INNGEST_DEV: "", INNGEST_SIGNING_KEY: KEY });
    const token = await tokenOf([[channel, "t"]], { authorization: `Bearer ${KEY}` });
    configure({ INNGEST_SIGNING_KEY: "signkey-test-fedcba9876543210", INNGEST_SIGNING_KEY_FALLBACK: KEY });
    await connect(token);
    configure({ INNGEST_SIGNING_KEY_FALLBACK: "" });
    expect((await request(`/v1/realtime/connect?token=${token}`, { headers: { upgrade: "websocket" } })).status).toBe(
      401,
    );
  });

  it("without any key nobody gets in (G10)", async () => {
    const token = await realtimeToken({ env: "main", topics: [{ channel: "c", topics: ["t"] }] }, "dev", Date.now());
    configure({ INNGEST_DEV: "" });
    expect((await request(`/v1/realtime/connect?token=${token}`, { headers: { upgrade: "websocket" } })).status).toBe(
      401,
    );
    expect((await post("/v1/realtime/token", [{ channel: "c", name: "t" }])).status).toBe(503);
  });
});
