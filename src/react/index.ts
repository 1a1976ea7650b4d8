/** `@dotdo/inngest/react`: what is published, in components. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Inngest } from "../sdk/client.ts";
import type { Realtime } from "../sdk/realtime/types.ts";
import {
  RealtimeConnection,
  type ClientSubscriptionToken,
  type PauseReason,
  type UseRealtimeConnectionStatus,
  type UseRealtimeRunStatus,
} from "./connection.ts";

export { getClientSubscriptionToken } from "../sdk/realtime/token.ts";
export type { ClientSubscriptionToken, UseRealtimeConnectionStatus, UseRealtimeRunStatus } from "./connection.ts";
export type { Inngest };

type Topics = readonly string[] | undefined;

type TokenTopics<TTopics extends Topics> = TTopics extends readonly string[] ? [...TTopics] : string[];

type TokenOf<TChannel extends Realtime.ChannelInput, TTopics extends Topics> = Realtime.Subscribe.Token<
  TChannel,
  TokenTopics<TTopics>
>;

type TopicConfigs<TChannel extends Realtime.ChannelInput> =
  TChannel extends Realtime.ChannelInstance<string, infer TConfigs> ? TConfigs : Record<string, Realtime.TopicConfig>;

type MessageOf<
  TChannel extends Realtime.ChannelInput,
  TTopics extends Topics,
> = TTopics extends readonly (infer Topic)[]
  ? Realtime.Message<string, Pick<TopicConfigs<TChannel>, Topic & keyof TopicConfigs<TChannel>>>
  : Realtime.Message;

type LatestOf<TChannel extends Realtime.ChannelInput, Topic> = Topic extends keyof TopicConfigs<TChannel>
  ? Extract<Realtime.Message<string, Pick<TopicConfigs<TChannel>, Topic>>, { topic: Topic }>
  : Realtime.Message;

type LatestByTopic<
  TChannel extends Realtime.ChannelInput,
  TTopics extends Topics,
> = TTopics extends readonly (infer Topic extends string)[]
  ? { [Name in Topic]?: LatestOf<TChannel, Name> }
  : Record<string, Realtime.Message | undefined>;

export interface UseRealtimeOptions<
  TChannel extends Realtime.ChannelInput = Realtime.ChannelInput,
  TTopics extends Topics = Topics,
> {
  /** to subscribe to; not needed when the token names it */
  channel?: TChannel;
  topics?: TTopics;
  /** a token, or a function that asks the app's server for one; the function is called for each connection */
  token?:
    | ClientSubscriptionToken
    | TokenOf<TChannel, TTopics>
    | (() => Promise<string | ClientSubscriptionToken | TokenOf<TChannel, TTopics>>);
  /** another one begins anew */
  key?: string;
  /** Default true */
  enabled?: boolean;
  /** milliseconds for which messages are collected before the component sees them. Default 0: each at once */
  bufferInterval?: number;
  /** whether data passes its topic's schema. Default true */
  validate?: boolean;
  /** how many messages `messages.all` keeps; null keeps all. Default 100 */
  historyLimit?: number | null;
  /** where the platform is. Default: what the token says, else the page's own origin */
  apiBaseUrl?: string;
  /** connect again when a connection ends. Default true */
  reconnect?: boolean;
  /** first pause, in milliseconds; each is twice the one before, and up to this much more. Default 250 */
  reconnectMinMs?: number;
  /** longest pause, in milliseconds. Default 5,000 */
  reconnectMaxMs?: number;
  /** disconnect while the page is hidden; what is published then is missed. Default true */
  pauseOnHidden?: boolean;
  /** disconnect once a message says that the run has ended. Default true */
  autoCloseOnTerminal?: boolean;
}

export interface UseRealtimeResult<
  TChannel extends Realtime.ChannelInput = Realtime.ChannelInput,
  TTopics extends Topics = Topics,
> {
  connectionStatus: UseRealtimeConnectionStatus;
  /** what is known of the run, from its own messages */
  runStatus: UseRealtimeRunStatus;
  isPaused: boolean;
  pauseReason: PauseReason;
  messages: {
    /** the latest of each topic */
    byTopic: LatestByTopic<TChannel, TTopics>;
    /** oldest first */
    all: MessageOf<TChannel, TTopics>[];
    last: MessageOf<TChannel, TTopics> | null;
    /** those that came with the latest change */
    delta: MessageOf<TChannel, TTopics>[];
  };
  /** of the run, from its own messages */
  result: unknown;
  error: Error | null;
  /** forgets all messages */
  reset: () => void;
}

/**
 * Subscribes a component to topics of a channel for as long as it is mounted.
 *
 * @example
 * const { messages } = useRealtime({ channel: chat("42"), topics: ["messages"], token: () => getTokenFromServer("42") });
 */
export function useRealtime<
  TChannel extends Realtime.ChannelInput = Realtime.ChannelInput,
  const TTopics extends Topics = Topics,
>(options: UseRealtimeOptions<TChannel, TTopics>): UseRealtimeResult<TChannel, TTopics> {
  const {
    channel,
    topics,
    token,
    key,
    apiBaseUrl,
    enabled = true,
    bufferInterval = 0,
    validate = true,
    historyLimit = 100,
    reconnect = true,
    reconnectMinMs = 250,
    reconnectMaxMs = 5000,
    pauseOnHidden = true,
    autoCloseOnTerminal = true,
  } = options;
  const [connection] = useState(() => new RealtimeConnection());
  const isVisible = useIsVisible(pauseOnHidden);
  const subject = JSON.stringify([nameOf(channel), topics, key]);
  const latest = useRef({ ...options, historyLimit, reconnect, reconnectMinMs, reconnectMaxMs, autoCloseOnTerminal });

  useEffect(() => {
    latest.current = { ...options, historyLimit, reconnect, reconnectMinMs, reconnectMaxMs, autoCloseOnTerminal };
  });
  useEffect(() => connection.reset(), [connection, subject]);
  useEffect(() => connection.bufferEvery(bufferInterval), [connection, bufferInterval]);
  useEffect(() => {
    if (!enabled) return connection.pause("disabled");
    if (!isVisible) return connection.pause("hidden");
    return connection.run(() => latest.current);
  }, [
    connection,
    subject,
    tokenId(token),
    apiBaseUrl,
    enabled,
    isVisible,
    validate,
    reconnect,
    reconnectMinMs,
    reconnectMaxMs,
    autoCloseOnTerminal,
  ]);

  const { connectionStatus, runStatus, pauseReason, result, error, byTopic, all, last, delta } = useSyncExternalStore(
    connection.onChange,
    connection.snapshot,
    connection.snapshot,
  );
  return {
    connectionStatus,
    runStatus,
    isPaused: connectionStatus === "paused",
    pauseReason,
    messages: { byTopic, all, last, delta } as unknown as UseRealtimeResult<TChannel, TTopics>["messages"], // of its topics
    result,
    error,
    reset: connection.reset,
  };
}

/** Whether the page can be seen; always where there is none, and where nobody asks. */
function useIsVisible(isAsked: boolean): boolean {
  const isVisible = useSyncExternalStore(onVisibilityChange, isPageVisible, () => true);
  return !isAsked || isVisible;
}

interface Page {
  visibilityState: string;
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

function page(): Page | undefined {
  return (globalThis as { document?: Page }).document;
}

function isPageVisible(): boolean {
  return page()?.visibilityState !== "hidden";
}

function onVisibilityChange(listener: () => void): () => void {
  const seen = page();
  seen?.addEventListener("visibilitychange", listener);
  return () => seen?.removeEventListener("visibilitychange", listener);
}

function nameOf(channel: Realtime.ChannelInput | undefined): string | undefined {
  return typeof channel === "object" ? channel.name : channel;
}

/** Tells tokens apart. A function is the same whenever the component is rendered, though each time another object. */
function tokenId(token: UseRealtimeOptions["token"]): string {
  if (typeof token !== "object") return typeof token;
  const named = "channel" in token ? [nameOf(token.channel), token.topics] : [];
  return JSON.stringify([token.key, token.apiBaseUrl, ...named]);
}
