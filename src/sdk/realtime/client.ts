import { ambient } from "../ambient.ts";
import type { Inngest } from "../client.ts";
import { publish } from "./service.ts";
import { getSubscriptionToken, type TopicsInput } from "./token.ts";
import type { Realtime } from "./types.ts";

/** What `client.realtime` does. */
export interface ClientRealtime {
  /**
   * Publishes to those who subscribe at this moment. Not a step: it happens as often as its code runs; `step.realtime.publish`
   * happens once. Inside a run the message says which.
   *
   * @throws EventValidationError for data that the topic's schema does not take
   * @throws RangeError for data over 512 KiB
   * @throws RealtimeError when the platform refuses the message or cannot be reached
   * @example
   * await inngest.realtime.publish(chat("42").messages, { text: "hello" });
   */
  publish: Realtime.TypedPublishFn;
  /** Subscribes with the client's own token: on a server. See `subscribe` of `@dotdo/inngest/realtime`. */
  subscribe: {
    <
      const TChannel extends Realtime.ChannelInput,
      const TTopics extends TopicsInput<TChannel>,
      const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
    >(options: {
      channel: TChannel;
      topics: TTopics;
      validate?: boolean;
      onMessage: Realtime.Subscribe.Callback<TToken>;
      onError?: (error: unknown) => void;
    }): Promise<Realtime.Subscribe.CallbackSubscription>;
    <
      const TChannel extends Realtime.ChannelInput,
      const TTopics extends TopicsInput<TChannel>,
      const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
    >(options: {
      channel: TChannel;
      topics: TTopics;
      validate?: boolean;
    }): Promise<Realtime.Subscribe.StreamSubscription<TToken>>;
  };
  /**
   * A token for a browser: good for these topics alone, to connect within a minute.
   *
   * @throws TypeError when no topic is named, RealtimeError when the platform gives none
   */
  token: <
    const TChannel extends Realtime.ChannelInput,
    const TTopics extends TopicsInput<TChannel>,
    const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
  >(options: {
    channel: TChannel;
    topics: TTopics;
  }) => Promise<TToken>;
}

export function clientRealtime(client: Inngest): ClientRealtime {
  // most apps never subscribe: they need not carry the code
  const subscribeLater = async (options: { channel: Realtime.ChannelInput; topics: string[] }): Promise<unknown> => {
    const { subscribe } = await import("./subscribe.ts");
    return subscribe({ ...options, app: client });
  };
  return {
    publish: (topicRef, data) =>
      publish(client, topicRef, data, { what: "inngest.realtime.publish", runId: ambient()?.runId }),
    subscribe: subscribeLater as ClientRealtime["subscribe"], // the same function, of one client
    token: (options) => getSubscriptionToken(client, options),
  };
}
