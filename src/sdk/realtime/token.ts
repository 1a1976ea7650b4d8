import type { ApiClient } from "../api.ts";
import type { Inngest } from "../client.ts";
import { channelNameOf } from "./channel.ts";
import { boundRealtime, subscriptionKey } from "./service.ts";
import type { Realtime } from "./types.ts";

type TopicNames<TChannel extends Realtime.ChannelInput> = Extract<keyof Realtime.Channel.InferTopics<TChannel>, string>;

/** Topics of a channel by name; any names for a channel that is known by its name alone. */
export type TopicsInput<TChannel extends Realtime.ChannelInput> = [TopicNames<TChannel>] extends [never]
  ? string[]
  : string extends TopicNames<TChannel>
    ? string[]
    : TopicNames<TChannel>[];

/**
 * A token to subscribe with, to be handed to a browser. Good for connecting within a minute, for nothing but these topics;
 * the connection outlives it.
 *
 * @throws TypeError when no topic is named, RealtimeError when the platform gives none
 */
export async function getSubscriptionToken<
  const TChannel extends Realtime.ChannelInput,
  const TTopics extends TopicsInput<TChannel>,
  const TToken extends Realtime.Subscribe.Token<TChannel, TTopics>,
>(app: Inngest.Like, args: { channel: TChannel; topics: TTopics }): Promise<TToken> {
  const client = clientOf(app);
  const key = await subscriptionKey(client, channelNameOf(args.channel), args.topics, "getSubscriptionToken");
  const token = { channel: args.channel, topics: args.topics, key, apiBaseUrl: apiUrlOf(client) };
  return token as unknown as TToken; // the names of channel and topics are the caller's
}

/** As {@link getSubscriptionToken}, without channel and topics: for `useRealtime`, which has them. */
export async function getClientSubscriptionToken<
  const TChannel extends Realtime.ChannelInput,
  const TTopics extends TopicsInput<TChannel>,
>(app: Inngest.Like, args: { channel: TChannel; topics: TTopics }): Promise<Realtime.Subscribe.ClientToken> {
  const client = clientOf(app);
  const key = await subscriptionKey(client, channelNameOf(args.channel), args.topics, "getClientSubscriptionToken");
  return { key, apiBaseUrl: apiUrlOf(client) };
}

export type Client = ApiClient & { readonly givenApiBaseUrl?: string };

/** A client of any copy of this package. */
export function clientOf(app: Inngest.Like): Client {
  return app as Inngest.Like & Client;
}

/** Where browsers reach the platform; unknown inside its own Worker, unless somebody has said it. */
function apiUrlOf(client: Client): string | undefined {
  return boundRealtime(client) ? client.givenApiBaseUrl : client.apiBaseUrl;
}
