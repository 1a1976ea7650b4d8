/** Inngest's own client and ours, each subscribed to what the other publishes, over real sockets. */
import { Inngest as Theirs, realtime as theirs, staticSchema as theirSchema } from "inngest-v4";
import { getSubscriptionToken as theirToken, subscribe as theirSubscribe } from "inngest-v4/realtime";
import { describe, expect, inject, it } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { channel, staticSchema, subscribe } from "../../src/sdk/realtime/index.ts";
import { stageOf } from "./stage.ts";

const platform = inject("platform");
const apps = inject("apps");
const client = new Theirs({ id: "realtime", isDev: true, baseUrl: platform });
const own = new Inngest({ id: "realtime", isDev: true, baseUrl: platform });

/** A channel that no other test has, in both notations. */
function rooms() {
  const name = `room:${crypto.randomUUID()}`;
  return {
    name,
    theirs: theirs.channel({ name, topics: { messages: { schema: theirSchema<{ n: number }>() } } }),
    own: channel({ name, topics: { messages: { schema: staticSchema<{ n: number }>() } } }),
  };
}

async function take<T>(stream: ReadableStream<T>, count: number): Promise<T[]> {
  const reader = stream.getReader();
  const taken: T[] = [];
  while (taken.length < count) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended after ${taken.length} of ${count} messages`);
    taken.push(value);
  }
  return taken;
}

const messages = (got: readonly { data?: unknown }[]) => got.map(({ data }) => data);

describe("realtime", () => {
  it("Inngest's client subscribes with a token, and gets what it publishes and what ours does", async () => {
    const room = rooms();
    const token = await theirToken(client, { channel: room.theirs, topics: ["messages"] });
    const stream = await theirSubscribe(token);
    await client.realtime.publish(room.theirs.messages, { n: 1 });
    await own.realtime.publish(room.own.messages, { n: 2 });
    const got = await take(stream, 2);
    expect(messages(got)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(got[0]).toMatchObject({ kind: "data", channel: room.name, topic: "messages", createdAt: expect.any(Date) });
    stream.close();
  });

  it("Inngest's client subscribes by a callback, and gets no other topics", async () => {
    const { name } = rooms();
    const got: unknown[] = [];
    const last = Promise.withResolvers<void>();
    const subscription = await client.realtime.subscribe({
      channel: name,
      topics: ["a", "b"],
      onMessage: ({ data }: { data?: unknown }) => {
        got.push(data);
        if (data === "last") last.resolve();
      },
    });
    for (const [topic, data] of [
      ["a", "text"],
      ["c", "not this one"],
      ["b", ["last"]],
      ["a", "last"],
    ] as const)
      await client.realtime.publish({ channel: name, topic, config: undefined as never }, data as unknown);
    await last.promise;
    expect(got).toEqual(["text", ["last"], "last"]);
    subscription.unsubscribe();
  });

  it("our client subscribes over the network, and gets what Inngest's publishes", async () => {
    const room = rooms();
    const stream = await own.realtime.subscribe({ channel: room.own, topics: ["messages"] });
    await client.realtime.publish(room.theirs.messages, { n: 1 });
    expect(messages(await take(stream, 1))).toEqual([{ n: 1 }]);
    stream.close("enough");
    await expect(
      subscribe({ key: "no token", channel: room.own, topics: ["messages"], apiBaseUrl: platform }),
    ).rejects.toThrow("took no connection");
  });

  it("a stream that Inngest's client publishes reaches ours whole", async () => {
    const { name } = rooms();
    const stream = await own.realtime.subscribe({ channel: name, topics: ["t"] });
    const text = "täglich ✓ ".repeat(500);
    const topic = { channel: name, topic: "t", config: undefined as never };
    await client.realtime.publish(topic, new Response(text).body as unknown);
    const [start] = await take(stream, 1);
    if (start?.kind !== "datastream-start") throw new Error(`a stream begins with ${start?.kind}`);
    let heard = "";
    for await (const chunk of start.stream as unknown as AsyncIterable<string>) heard += chunk;
    expect(heard).toBe(text);
    stream.close();
  });

  it.runIf(apps["ts4"])("Inngest's client is told the end of a run", async () => {
    const stage = stageOf("ts4", platform, apps["ts4"] ?? "");
    const { id } = await stage.start("sleep", { duration: "2s" });
    const { run_id: runId } = await stage.resting(id, "sleeping", "nap");
    const stream = await client.realtime.subscribe({ channel: runId, topics: ["$run"] });
    const [message] = await take(stream, 1);
    expect(message).toMatchObject({ kind: "run", runId, data: { status: "completed", output: "slept" } });
    stream.close();
  });

  it.runIf(apps["ts4"])("a step of an app of Inngest's client publishes once, and says of which run", async () => {
    const stage = stageOf("ts4", platform, apps["ts4"] ?? "");
    const { name } = rooms();
    const stream = await client.realtime.subscribe({ channel: name, topics: ["updates"] });
    const { id } = await stage.start("publish", { channel: name });
    expect(await stage.outputOf(id)).toBe("published");
    const [run] = await stage.runsOf(id);
    const [message] = await take(stream, 1);
    expect(message).toMatchObject({ data: { n: 1 }, runId: run?.run_id });
    stream.close();
  });
});
