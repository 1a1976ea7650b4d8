import type { Inngest } from "../client.ts";
import { channelNameOf } from "./channel.ts";
import { type AnyMessage, MessageReader } from "./messages.ts";
import { boundRealtime, RealtimeError, type RealtimeSocket, subscriptionKey } from "./service.ts";
import { type Client, clientOf, type TopicsInput } from "./token.ts";
import type { Realtime } from "./types.ts";

interface SubscribeArgs<TChannel extends Realtime.ChannelInput, TTopics extends TopicsInput<TChannel>> {
  /** a client that gets a token by itself: on servers */
  app?: Inngest.Like;
  /** a token that somebody got for it: in browsers */
  key?: string;
  channel: TChannel;
  topics: TTopics;
  /** whether data passes its topic's schema; what does not fit is left out, and logged. Default true */
  validate?: boolean;
  /**
   * Where the platform is. Default: where the client's is; in browsers the page's own origin, which is right for a Worker
   * that holds app and platform.
   */
  apiBaseUrl?: string;
}

interface CallbackArgs<TToken extends Realtime.Subscribe.Token> {
  onMessage: Realtime.Subscribe.Callback<TToken>;
  /** of `onMessage`. Default: it is logged */
  onError?: (error: unknown) => void;
}

/**
 * Subscribes to topics of a channel. Messages come from now on; what was published before is not told, nor what is published
 * while the connection is down.
 *
 * @returns a stream of messages, which ends with the connection; with `onMessage` only what ends it
 * @throws TypeError when there is neither `key` nor `app`
 * @throws RealtimeError when the platform gives no token or takes no connection
 * @example
 * for await (const { topic, data } of await subscribe({ app: inngest, channel: chat("42"), topics: ["messages"] })) show(data);
 */
export function subscribe<
  const TChannel extends Realtime.ChannelInput,
  const TTopics extends TopicsInput<TChannel>,
  const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
>(args: SubscribeArgs<TChannel, TTopics> & CallbackArgs<TToken>): Promise<Realtime.Subscribe.CallbackSubscription>;
export function subscribe<
  const TChannel extends Realtime.ChannelInput,
  const TTopics extends TopicsInput<TChannel>,
  const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
  const TOutput extends Realtime.Subscribe.StreamSubscription<TToken>,
>(args: SubscribeArgs<TChannel, TTopics>): Promise<TOutput>;
export function subscribe<
  const TChannel extends Realtime.ChannelInput,
  const TTopics extends TopicsInput<TChannel>,
  const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
  const TOutput extends Realtime.Subscribe.StreamSubscription<TToken>,
>(args: SubscribeArgs<TChannel, TTopics>, callback?: Realtime.Subscribe.Callback<TToken>): Promise<TOutput>;
export async function subscribe(
  args: SubscribeArgs<Realtime.ChannelInput, string[]> & Partial<CallbackArgs<Realtime.Subscribe.Token>>,
  callback?: Realtime.Subscribe.Callback,
): Promise<unknown> {
  const subscription = new Subscription(args, await connect(args));
  const { onMessage = callback, onError = logFailure } = args;
  if (onMessage) void subscription.callFor(onMessage, onError);
  const controls = {
    getJsonStream: () => subscription.stream((message) => message),
    getEncodedStream: () => subscription.stream(encoded),
    close: (reason?: string) => subscription.close(reason),
    unsubscribe: (reason?: string) => subscription.close(reason),
  };
  return args.onMessage ? controls : Object.assign(controls.getJsonStream(), controls);
}

async function connect(args: SubscribeArgs<Realtime.ChannelInput, string[]>): Promise<RealtimeSocket> {
  const { app, channel, topics } = args;
  const client = app && clientOf(app);
  if (args.key === undefined && !client)
    throw new TypeError("subscribe: neither `key` nor `app` is given; a browser gets a key from its server");
  const key = args.key ?? (await subscriptionKey(client as Client, channelNameOf(channel), topics, "subscribe"));
  const service = client && boundRealtime(client);
  if (service && args.apiBaseUrl === undefined) return service.connect(key);
  return openSocket(args.apiBaseUrl ?? client?.apiBaseUrl ?? pageOrigin(), key);
}

function pageOrigin(): string {
  const { location } = globalThis as { location?: { origin?: string } };
  if (location?.origin?.startsWith("http")) return location.origin;
  throw new TypeError("subscribe: apiBaseUrl: it is not known where the platform is");
}

async function openSocket(apiBaseUrl: string, key: string): Promise<RealtimeSocket> {
  const url = new URL("/v1/realtime/connect", apiBaseUrl);
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  url.searchParams.set("token", key);
  if (typeof WebSocket === "undefined") throw new RealtimeError("subscribe: this runtime has no WebSocket");
  const socket = new WebSocket(url.href);
  await new Promise<void>((resolve, reject) => {
    const fail = () =>
      reject(
        new RealtimeError(`subscribe: ${apiBaseUrl} took no connection; the token may be over, or of another place`),
      );
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", fail);
    socket.addEventListener("close", fail);
  });
  return socket;
}

/** One connection, and the streams that its messages go to. */
class Subscription {
  readonly #socket: RealtimeSocket;
  readonly #reader: MessageReader;
  readonly #takers = new Set<{ take(message: AnyMessage): void; end(): void }>();
  #isOver = false;

  constructor(args: SubscribeArgs<Realtime.ChannelInput, string[]>, socket: RealtimeSocket) {
    const { channel, topics, validate = true } = args;
    const described: Realtime.TopicsConfig = typeof channel === "string" ? {} : channel.topics;
    this.#reader = new MessageReader({
      channel: channelNameOf(channel),
      topics: new Map(topics.map((name) => [name, described[name]?.schema])),
      validate,
    });
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#isOver) return;
      this.#reader.read(data, (message) => {
        for (const taker of this.#takers) taker.take(message);
      });
    });
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
  }

  /** Messages from now on. */
  stream<T>(form: (message: AnyMessage) => T): ReadableStream<T> {
    let leave = () => {};
    return new ReadableStream<T>({
      start: (controller) => {
        if (this.#isOver) return controller.close();
        const taker = {
          take: (message: AnyMessage) => controller.enqueue(form(message)),
          end: () => controller.close(),
        };
        this.#takers.add(taker);
        leave = () => void this.#takers.delete(taker);
      },
      cancel: () => leave(),
    });
  }

  /** Calls back for one message after the other. */
  async callFor(onMessage: Realtime.Subscribe.Callback, onError: (error: unknown) => void): Promise<void> {
    const reader = this.stream((message) => message).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      try {
        await onMessage(value);
      } catch (error) {
        onError(error);
      }
    }
  }

  close(reason = "the subscriber has left"): void {
    if (this.#isOver) return;
    this.#socket.close(1000, reason);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader.end(() => {
      for (const taker of this.#takers) taker.end();
      this.#takers.clear();
    });
  }
}

const encoder = new TextEncoder();

/** As a server-sent event. */
function encoded(message: AnyMessage): Uint8Array {
  return encoder.encode(`data: ${JSON.stringify(message)}\n\n`);
}

function logFailure(error: unknown): void {
  console.error("realtime: onMessage failed", error);
}
