/**
 * One realtime channel: hands messages to whoever subscribes at this moment. Nothing is kept of a message.
 *
 * 1. A subscriber's socket lives in the object of the first channel that its token names, its **home**. Of every other
 *    channel it is told by that channel's object, which keeps the homes that asked, until one has no subscribers of it left.
 * 2. A home asks before it accepts a socket, and is forgotten only if it has not asked again since: no subscriber is missed.
 * 3. Messages of one channel reach each subscriber in the order in which they were published.
 * 4. Nobody waits for a subscriber. For other homes a publication waits a bounded time.
 */
import {
  CHANNEL_HOMES_MAX,
  CHANNEL_SUBSCRIBERS_MAX,
  REALTIME_FORWARD_MS,
  REALTIME_KEEP_ALIVE_MS,
  REALTIME_WAITING_MAX,
} from "../protocol/limits.ts";
import type { RealtimeGrant } from "../protocol/realtime-token.ts";
import {
  channelTopics,
  CLOSING_FRAME,
  controlReply,
  isSmall,
  PING_FRAME,
  PONG_FRAME,
  readControl,
  RUN_TOPIC,
  type ChannelTopics,
  type ControlMessage,
} from "../protocol/realtime.ts";
import type { Host } from "./host.ts";
import type { ChannelMessage, ChannelObjectApi, ChannelSubscription } from "./objects.ts";
import { watchRun } from "./run-watch.ts";
import type { KeyStore } from "./storage/stores.ts";

/** A socket, and what is kept with it while the object sleeps. */
export interface Subscriber {
  subscription(): ChannelSubscription;
  keep(subscription: ChannelSubscription): void;
  /** @throws Error when it is gone */
  send(message: string | Uint8Array): void;
  close(code: number, reason: string): void;
}

export interface ChannelParts {
  host: Host;
  subscribers(): readonly Subscriber[];
  /** what a token grants; undefined for one that does not count */
  readToken(token: string): Promise<RealtimeGrant | undefined>;
  /** told of every message that is published here, whether anybody subscribes or not */
  published?(messages: readonly ChannelMessage[]): void;
}

const HOMES = "home";

/** Messages on their way to another home. */
interface Forwarding {
  waiting: ChannelMessage[];
  /** settles when all of them were taken or given up */
  done: Promise<void>;
}

export class ChannelObject implements ChannelObjectApi {
  readonly #host: Host;
  readonly #parts: ChannelParts;
  readonly #store: KeyStore;
  readonly #forwardings = new Map<string, Forwarding>();
  /** homes that follow, and how often each has asked; null until it was read */
  #homes: Map<string, number> | null = null;

  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.#host = parts.host;
    this.#store = parts.host.stores.key();
  }

  async publish(messages: ChannelMessage[]): Promise<void> {
    this.#parts.published?.(messages);
    this.#deliver(this.#host.name, messages);
    const homes = [...this.#followers().keys()];
    if (homes.length === 0) return;
    await this.#host.wait(REALTIME_FORWARD_MS, Promise.all(homes.map((home) => this.#forward(home, messages))));
  }

  async follow(home: string): Promise<{ kind: "following" | "full" }> {
    const homes = this.#followers();
    if (!homes.has(home) && homes.size >= CHANNEL_HOMES_MAX) return { kind: "full" };
    const asked = (homes.get(home) ?? 0) + 1;
    this.#store.put({ id: home, list: HOMES, rank: 0, value: asked });
    homes.set(home, asked);
    return { kind: "following" };
  }

  async forward(channel: string, messages: ChannelMessage[]): Promise<boolean> {
    return this.#deliver(channel, messages);
  }

  /** Prepares for a socket that is about to be accepted; says why it cannot be. */
  async prepare({ topics }: ChannelSubscription): Promise<string | null> {
    if (this.#parts.subscribers().length >= CHANNEL_SUBSCRIBERS_MAX)
      return `channel "${this.#host.name}" has ${CHANNEL_SUBSCRIBERS_MAX} subscribers already`;
    const refusal = await this.#followAll(topics);
    if (refusal === null && (await this.#host.alarm()) === null)
      this.#host.setAlarm(this.#host.now() + REALTIME_KEEP_ALIVE_MS);
    return refusal;
  }

  /** Tells a subscriber that is there now what it is to know at once. */
  accepted(subscriber: Subscriber): Promise<void> {
    return this.#watchRuns(subscriber, subscriber.subscription().topics);
  }

  /** What a subscriber says. */
  async received(subscriber: Subscriber, text: string): Promise<void> {
    const message = readControl(text);
    switch (message?.kind) {
      case "ping":
        return send(subscriber, PONG_FRAME);
      case "sub":
        return this.#subscribe(subscriber, message.data);
      case "unsub":
        return unsubscribe(subscriber, message.data);
      case undefined:
    }
  }

  /** Keeps connections open, and ends those whose time is over. */
  async alarm(): Promise<void> {
    const now = this.#host.now();
    for (const subscriber of this.#parts.subscribers()) {
      const { until } = subscriber.subscription();
      if (until === null || until > now) send(subscriber, PING_FRAME);
      else {
        send(subscriber, CLOSING_FRAME);
        subscriber.close(1000, "connections of this kind end after a while; connect again");
      }
    }
    const left = this.#parts.subscribers().map((subscriber) => subscriber.subscription().until ?? Infinity);
    const open = left.filter((until) => until > now);
    this.#host.setAlarm(open.length === 0 ? null : Math.min(now + REALTIME_KEEP_ALIVE_MS, ...open));
  }

  // ---- subscribers that live here -----------------------------------------------------------------------------------

  /** Whether anybody here subscribes to the channel at all. */
  #deliver(channel: string, messages: readonly ChannelMessage[]): boolean {
    let isFollowed = false;
    for (const subscriber of this.#parts.subscribers()) {
      const topics = subscriber.subscription().topics.find((one) => one.channel === channel)?.topics;
      if (!topics) continue;
      isFollowed = true;
      for (const { topic, frame } of messages) if (topics.includes(topic)) send(subscriber, frame);
    }
    return isFollowed;
  }

  async #subscribe(subscriber: Subscriber, token: string): Promise<void> {
    const reply = (error?: string) => send(subscriber, controlReply("sub", subscriber.subscription().topics, error));
    const grant = await this.#parts.readToken(token);
    if (!grant) return reply("the token is none of this platform's, or is over");
    if (grant.env !== this.#host.env) return reply(`the token is of environment "${grant.env}"`);
    const merged = () => channelTopics([...subscriber.subscription().topics, ...grant.topics]);
    if (!isSmall(merged())) return reply("one connection cannot have so many topics; open another");
    const refusal = await this.#followAll(grant.topics);
    if (refusal !== null) return reply(refusal);
    const topics = merged(); // anew: it may have sent something else meanwhile
    if (!isSmall(topics)) return reply("one connection cannot have so many topics; open another");
    subscriber.keep({ ...subscriber.subscription(), topics });
    reply();
    await this.#watchRuns(subscriber, grant.topics);
  }

  /** Lets runs tell their end, whoever is there to hear it by now; of those that have ended it is told at once. */
  async #watchRuns(subscriber: Subscriber, topics: readonly ChannelTopics[]): Promise<void> {
    const { env, objects } = this.#host;
    const runs = topics.filter((one) => one.topics.includes(RUN_TOPIC));
    const ends = await Promise.all(runs.map(({ channel }) => watchRun(objects, env, channel, this.#host.now())));
    for (const frame of ends) if (frame !== null) send(subscriber, frame);
  }

  async #followAll(topics: readonly ChannelTopics[]): Promise<string | null> {
    const others = topics.filter(({ channel }) => channel !== this.#host.name);
    const outcomes = await Promise.all(
      others.map(({ channel }) => this.#host.objects.channel(this.#host.env, channel).follow(this.#host.name)),
    );
    const full = others[outcomes.findIndex(({ kind }) => kind === "full")];
    return full ? `channel "${full.channel}" is named beside ${CHANNEL_HOMES_MAX} others already` : null;
  }

  // ---- subscribers that live elsewhere ------------------------------------------------------------------------------

  #followers(): Map<string, number> {
    this.#homes ??= new Map(
      this.#store.list(HOMES, CHANNEL_HOMES_MAX).map(({ id, value }) => [id, typeof value === "number" ? value : 0]),
    );
    return this.#homes;
  }

  /** One request at a time to each home, which takes along all that waits: the order stays. */
  #forward(home: string, messages: readonly ChannelMessage[]): Promise<void> {
    const known = this.#forwardings.get(home);
    if (known) {
      if (known.waiting.length + messages.length <= REALTIME_WAITING_MAX) known.waiting.push(...messages);
      else this.#host.report(`channel "${this.#host.name}" dropped messages: "${home}" takes them too slowly`, null);
      return known.done;
    }
    const forwarding: Forwarding = { waiting: [...messages], done: Promise.resolve() };
    this.#forwardings.set(home, forwarding);
    forwarding.done = this.#forwardAll(home, forwarding);
    return forwarding.done;
  }

  async #forwardAll(home: string, { waiting }: Forwarding): Promise<void> {
    try {
      while (waiting.length > 0) {
        const asked = this.#followers().get(home);
        const to = this.#host.objects.channel(this.#host.env, home);
        const isFollowed = await to.forward(this.#host.name, waiting.splice(0));
        if (!isFollowed) this.#forget(home, asked);
      }
    } catch (error) {
      this.#host.report(`channel "${this.#host.name}" could not tell "${home}" of a message`, error);
    } finally {
      this.#forwardings.delete(home);
    }
  }

  #forget(home: string, asked: number | undefined): void {
    if (this.#followers().get(home) !== asked) return; // it has asked again since
    this.#store.delete(home);
    this.#followers().delete(home);
  }
}

/** One that is gone is told nothing, and nobody minds. */
function send(subscriber: Subscriber, message: string | Uint8Array): void {
  try {
    subscriber.send(message);
  } catch {
    subscriber.close(1011, "it takes no messages");
  }
}

function unsubscribe(subscriber: Subscriber, left: Extract<ControlMessage, { kind: "unsub" }>["data"]): void {
  const isLeft = (channel: string, topic: string) =>
    left.some((one) => (typeof one === "string" ? one === topic : one.channel === channel && one.name === topic));
  const topics = subscriber
    .subscription()
    .topics.map(({ channel, topics: names }) => ({ channel, topics: names.filter((name) => !isLeft(channel, name)) }))
    .filter(({ topics: names }) => names.length > 0);
  subscriber.keep({ ...subscriber.subscription(), topics });
  send(subscriber, controlReply("unsub", topics));
}
