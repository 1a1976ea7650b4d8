/** A realtime channel without a runtime: its numbered rules, with sockets that fail and objects that are slow. */
import { describe, expect, it } from "vitest";
import { ChannelObject, type Subscriber } from "../../src/durable-objects/channel-object.ts";
import type { Host } from "../../src/durable-objects/host.ts";
import type {
  ChannelMessage,
  ChannelObjectApi,
  ChannelSubscription,
  Objects,
} from "../../src/durable-objects/objects.ts";
import {
  CHANNEL_HOMES_MAX,
  CHANNEL_SUBSCRIBERS_MAX,
  REALTIME_FORWARD_MS,
  REALTIME_KEEP_ALIVE_MS,
  REALTIME_WAITING_MAX,
} from "../../src/protocol/limits.ts";
import type { RealtimeGrant } from "../../src/protocol/realtime-token.ts";
import { deferred } from "../../src/protocol/deferred.ts";
import { DiskAccess, MemoryDisk } from "../../src/testing/storage/memory-disk.ts";
import { memoryStores } from "../../src/testing/storage/memory-stores.ts";

class Socket implements Subscriber {
  readonly got: (string | Uint8Array)[] = [];
  closed: string | undefined;
  isGone = false;
  #subscription: ChannelSubscription;

  constructor(subscription: ChannelSubscription) {
    this.#subscription = subscription;
  }
  subscription() {
    return structuredClone(this.#subscription);
  }
  keep(subscription: ChannelSubscription) {
    this.#subscription = structuredClone(subscription);
  }
  send(message: string | Uint8Array) {
    if (this.isGone) throw new Error("the socket is closed");
    this.got.push(message);
  }
  close(_code: number, reason: string) {
    this.closed = reason;
  }
}

/** Channels of one environment, which call each other directly. */
class Channels {
  now = 1_000_000;
  readonly reports: string[] = [];
  readonly grants = new Map<string, RealtimeGrant>();
  /** replaces what an object answers to another */
  readonly played = new Map<string, Partial<ChannelObjectApi>>();
  readonly alarms = new Map<string, number | null>();
  /** what `wait` was asked for, and lets pass */
  readonly waits: { ms: number; pass: () => void }[] = [];
  readonly #disks = new Map<string, MemoryDisk>();
  readonly #sockets = new Map<string, Socket[]>();
  readonly #objects = new Map<string, ChannelObject>();

  object(name: string): ChannelObject {
    const known = this.#objects.get(name);
    if (known) return known;
    const object = new ChannelObject({
      host: this.#host(name),
      subscribers: () => this.sockets(name).filter(({ closed }) => closed === undefined),
      readToken: async (token) => this.grants.get(token),
    });
    this.#objects.set(name, object);
    return object;
  }

  sockets(name: string): Socket[] {
    const sockets = this.#sockets.get(name) ?? [];
    this.#sockets.set(name, sockets);
    return sockets;
  }

  async connect(home: string, topics: ChannelSubscription["topics"], until: number | null = null): Promise<Socket> {
    const refusal = await this.object(home).prepare({ topics, until });
    if (refusal !== null) throw new Error(refusal);
    const socket = new Socket({ topics, until });
    this.sockets(home).push(socket);
    return socket;
  }

  /** The object loses its memory. */
  forget(name: string) {
    this.#objects.delete(name);
  }

  #host(name: string): Host {
    const disk = this.#disks.get(name) ?? new MemoryDisk();
    this.#disks.set(name, disk);
    const access = new DiskAccess(disk, { access: () => {}, committing: () => {}, committed: () => {} });
    const objects = {
      channel: (_env: string, to: string) => ({ ...methods(this.object(to)), ...this.played.get(to) }),
    } as Pick<Objects, "channel"> as Objects;
    return {
      env: "main",
      name,
      stores: memoryStores(access),
      objects,
      now: () => this.now,
      random: () => 0,
      setAlarm: (at) => void this.alarms.set(name, at),
      alarm: async () => this.alarms.get(name) ?? null,
      wait: async (ms, until) => {
        const over = deferred<void>();
        this.waits.push({ ms, pass: () => over.resolve() });
        await Promise.race([over.promise, until]);
      },
      sync: async () => {},
      wipe: async () => {},
      report: (message) => void this.reports.push(message),
    };
  }
}

function methods(object: ChannelObject): ChannelObjectApi {
  return {
    publish: (messages) => object.publish(messages),
    follow: (home) => object.follow(home),
    forward: (channel, messages) => object.forward(channel, messages),
  };
}

const t = (frame: string): ChannelMessage => ({ topic: "t", frame });
const of = (...channels: string[]) => channels.map((channel) => ({ channel, topics: ["t"] }));

describe("a realtime channel", () => {
  it("asks no other object and stores nothing when its subscribers name it alone", async () => {
    const channels = new Channels();
    const socket = await channels.connect("a", of("a"));
    channels.played.set("a", {
      forward: () => Promise.reject(new Error("nobody may be asked")),
      follow: () => Promise.reject(new Error("nobody may be asked")),
    });
    await channels.object("a").publish([t("1"), t("2")]);
    expect(socket.got).toEqual(["1", "2"]);
    expect(channels.waits).toEqual([]);
  });

  it("[4] one that takes no messages is closed, and all others get them", async () => {
    const channels = new Channels();
    const [gone, here] = [await channels.connect("a", of("a")), await channels.connect("a", of("a"))];
    gone.isGone = true;
    await channels.object("a").publish([t("1")]);
    expect([gone.closed, here.got]).toEqual(["it takes no messages", ["1"]]);
  });

  it("[1] tells another channel's object of its messages, also after both have lost their memory", async () => {
    const channels = new Channels();
    const socket = await channels.connect("a", of("a", "b"));
    for (const name of ["a", "b"]) channels.forget(name);
    await channels.object("b").publish([t("1")]);
    expect(socket.got).toEqual(["1"]);
  });

  it("[1] forgets an object when it says that nobody there subscribes any more", async () => {
    const channels = new Channels();
    const socket = await channels.connect("a", of("a", "b"));
    socket.closed = "left";
    await channels.object("b").publish([t("1")]);
    channels.played.set("a", { forward: () => Promise.reject(new Error("it is not to be asked again")) });
    channels.forget("b");
    await channels.object("b").publish([t("2")]);
    expect(channels.reports).toEqual([]);
  });

  it("[2] an object that asks again while it is about to be forgotten is not", async () => {
    const channels = new Channels();
    const first = await channels.connect("a", of("a", "b"));
    first.closed = "left";
    const answer = deferred<boolean>();
    channels.played.set("a", { forward: () => answer.promise });
    const publishing = channels.object("b").publish([t("1")]);
    const second = await channels.connect("a", of("a", "b")); // asks once more
    answer.resolve(false);
    await publishing;
    channels.played.clear();
    await channels.object("b").publish([t("2")]);
    expect(second.got).toEqual(["2"]);
  });

  it("[3] messages that come while another object is being told follow in one request, in their order", async () => {
    const channels = new Channels();
    await channels.connect("a", of("a", "b"));
    const answer = deferred<boolean>();
    const told: string[][] = [];
    channels.played.set("a", {
      forward: (_channel, messages) => {
        told.push(messages.map(({ frame }) => String(frame)));
        return told.length === 1 ? answer.promise : Promise.resolve(true);
      },
    });
    const publishing = [1, 2, 3].map((n) => channels.object("b").publish([t(String(n))]));
    answer.resolve(true);
    await Promise.all(publishing);
    expect(told).toEqual([["1"], ["2", "3"]]);
  });

  it("[4] a publication waits 5 seconds for another object, then goes on without it", async () => {
    const channels = new Channels();
    await channels.connect("a", of("a", "b"));
    const near = await channels.connect("b", of("b"));
    channels.played.set("a", { forward: () => new Promise(() => {}) });
    const publishing = channels.object("b").publish([t("1")]);
    expect(near.got).toEqual(["1"]);
    await Promise.resolve();
    expect(channels.waits.map(({ ms }) => ms)).toEqual([REALTIME_FORWARD_MS]);
    channels.waits[0]!.pass();
    await publishing;
  });

  it("[4] messages that an object does not take are dropped beyond a bound, and that is reported", async () => {
    const channels = new Channels();
    await channels.connect("a", of("a", "b"));
    const answer = deferred<boolean>();
    const told: number[] = [];
    channels.played.set("a", {
      forward: (_channel, messages) => {
        told.push(messages.length);
        return answer.promise;
      },
    });
    const many = Array.from({ length: REALTIME_WAITING_MAX }, () => t("x"));
    const publishing = [[t("first")], many, [t("too many")]].map((messages) => channels.object("b").publish(messages));
    answer.resolve(true);
    await Promise.all(publishing);
    expect(told).toEqual([1, REALTIME_WAITING_MAX]);
    expect(channels.reports).toEqual([expect.stringContaining("dropped")]);
  });

  it("an object that fails is told of the next message", async () => {
    const channels = new Channels();
    const socket = await channels.connect("a", of("a", "b"));
    channels.played.set("a", { forward: () => Promise.reject(new Error("the object was reset")) });
    await channels.object("b").publish([t("lost")]);
    channels.played.clear();
    await channels.object("b").publish([t("next")]);
    expect(socket.got).toEqual(["next"]);
    expect(channels.reports).toEqual([expect.stringContaining("could not tell")]);
  });

  it("refuses one subscriber more than it may have, and one object more that follows it", async () => {
    const channels = new Channels();
    const subscription = { topics: of("a"), until: null };
    channels.sockets("a").push(...Array.from({ length: CHANNEL_SUBSCRIBERS_MAX }, () => new Socket(subscription)));
    await expect(channels.connect("a", of("a"))).rejects.toThrow(`${CHANNEL_SUBSCRIBERS_MAX} subscribers`);
    for (let n = 0; n < CHANNEL_HOMES_MAX; n++) await channels.object("b").follow(`home ${n}`);
    await expect(channels.connect("c", of("c", "b"))).rejects.toThrow(`channel "b"`);
    await channels.object("b").follow("home 0"); // which it knows
  });

  it("pings every 45 seconds while anybody is connected, ends those whose time is over, and then sleeps", async () => {
    const channels = new Channels();
    const until = channels.now + REALTIME_KEEP_ALIVE_MS + 1;
    const [socket, events] = [await channels.connect("a", of("a")), await channels.connect("a", of("a"), until)];
    expect(channels.alarms.get("a")).toBe(channels.now + REALTIME_KEEP_ALIVE_MS);
    channels.now += REALTIME_KEEP_ALIVE_MS;
    await channels.object("a").alarm();
    expect(channels.alarms.get("a")).toBe(until);
    channels.now = until;
    await channels.object("a").alarm();
    expect(events.got).toEqual(['{"kind":"ping"}', '{"kind":"closing"}']);
    expect(events.closed).toBeDefined();
    expect(socket.got).toEqual(['{"kind":"ping"}', '{"kind":"ping"}']);
    socket.closed = "left";
    await channels.object("a").alarm();
    expect(channels.alarms.get("a")).toBe(null);
  });

  it("a token that is taken up keeps what the subscriber had, up to a bound", async () => {
    const channels = new Channels();
    const socket = await channels.connect("a", of("a"));
    const wide = Array.from({ length: 40 }, (_, n) => ({ channel: "w", topics: [`${n}${"x".repeat(200)}`] }));
    channels.grants.set("small", { env: "main", topics: of("b") });
    channels.grants.set("wide", { env: "main", topics: wide });
    for (const token of ["small", "wide"])
      await channels.object("a").received(socket, JSON.stringify({ kind: "sub", data: token }));
    expect(socket.subscription().topics).toEqual(of("a", "b"));
    expect(socket.got.map((frame) => JSON.parse(String(frame)).data.error)).toEqual([
      undefined,
      expect.stringContaining("cannot have so many topics"),
    ]);
    await channels.object("b").publish([t("1")]);
    expect(socket.got.at(-1)).toBe("1");
  });

  it("a channel whose name is one of JavaScript's is a channel like any other", async () => {
    const channels = new Channels();
    const socket = await channels.connect("__proto__", of("__proto__", "constructor"));
    await channels.object("constructor").publish([t("1")]);
    await channels.object("__proto__").publish([t("2")]);
    expect(socket.got).toEqual(["1", "2"]);
  });
});
