import type { StandardSchemaV1 } from "../schema.ts";

type Simplify<T> = { [Key in keyof T]: T[Key] } & {};

/** Types of channels, topics and messages, under their names in Inngest's SDK. */
export declare namespace Realtime {
  /** A channel: its name, or what `channel()` made of it. */
  type ChannelInput = string | ChannelInstance;

  /** How a topic's data is described: by any library that speaks Standard Schema, or by `staticSchema<…>()`. */
  type TopicConfig = { schema: StandardSchemaV1 };
  type TopicsConfig = Record<string, TopicConfig>;

  /** Data of a topic as it is published. */
  type InferTopicData<TTopic extends TopicConfig> = StandardSchemaV1.InferInput<TTopic["schema"]>;

  /** One topic of one channel: where to publish. */
  interface TopicRef<
    // oxlint-disable-next-line no-unused-vars -- what `publish` takes for it
    _TData = unknown,
  > {
    channel: string;
    topic: string;
    config: TopicConfig;
  }

  // oxlint-disable-next-line no-unused-vars -- Inngest's SDK has it too
  type TopicAccessors<_TName extends string, TTopics extends TopicsConfig> = {
    [Topic in string & keyof TTopics]: TopicRef<InferTopicData<TTopics[Topic]>>;
  };

  /** A channel with its topics: `chat.messages` is where to publish. */
  type ChannelInstance<TName extends string = string, TTopics extends TopicsConfig = {}> = {
    name: TName;
    topics: TTopics;
  } & TopicAccessors<TName, TTopics>;

  /** Channels whose names have parameters: called with them it gives the channel. */
  type ChannelDef<
    // oxlint-disable-next-line typescript/no-explicit-any -- whatever parameters
    TNameFn extends (...args: any[]) => string = (...args: any[]) => string,
    TTopics extends TopicsConfig = TopicsConfig,
  > = ((...args: Parameters<TNameFn>) => ChannelInstance<ReturnType<TNameFn>, TTopics>) & {
    topics: TTopics;
    /** types only */
    $params: Parameters<TNameFn>[0];
  };

  type TypedPublishFn = <TData>(topicRef: TopicRef<TData>, data: TData) => Promise<void>;

  namespace Channel {
    type InferId<TChannel extends ChannelInstance | ChannelDef | string> =
      TChannel extends ChannelInstance<infer TName, TopicsConfig>
        ? TName
        : TChannel extends ChannelDef<infer TNameFn, TopicsConfig>
          ? ReturnType<TNameFn>
          : TChannel extends string
            ? TChannel
            : string;

    type InferTopics<TChannel extends ChannelInstance | ChannelDef | string> =
      TChannel extends ChannelDef<infer _TNameFn, infer TTopics>
        ? TTopics
        : TChannel extends ChannelInstance<infer _TName, infer TTopics>
          ? TTopics
          : Record<string, unknown>;
  }

  namespace Subscribe {
    /** What is subscribed to, and by what right. */
    interface Token<TChannel extends ChannelInput = ChannelInput, TTopics extends string[] = string[]> {
      /** the platform's token; good for connecting within a minute */
      key?: string | undefined;
      channel: TChannel;
      topics: TTopics;
      /** where the platform is */
      apiBaseUrl?: string;
    }

    /** A token for a browser that knows channel and topics itself. */
    interface ClientToken {
      key: string;
      apiBaseUrl?: string;
    }

    /** Data of a topic as subscribers get it: after its schema's transforms. */
    type InferTopicSubscribeData<TTopic> = TTopic extends TopicConfig
      ? StandardSchemaV1.InferOutput<TTopic["schema"]>
      : // oxlint-disable-next-line typescript/no-explicit-any -- a topic without a schema, as in Inngest's SDK
        any;

    /** Messages as they come, from now on; and more ways to read and to end them. */
    type StreamSubscription<
      TToken extends Token = Token,
      TData extends Simplify<Token.InferMessage<TToken>> = Simplify<Token.InferMessage<TToken>>,
    > = ReadableStream<TData> & {
      /** One more stream of the messages that come from now on. */
      getJsonStream(): ReadableStream<TData>;
      /** As {@link getJsonStream}, as server-sent events: to be handed on to a browser. */
      getEncodedStream(): ReadableStream<Uint8Array>;
      /** Ends the connection and all streams. */
      close(reason?: string): void;
      /** As `close`. */
      unsubscribe(reason?: string): void;
    };

    type Callback<TToken extends Token = Token> = (message: Token.InferMessage<TToken>) => void | Promise<void>;

    type CallbackSubscription = {
      close(reason?: string): void;
      unsubscribe(reason?: string): void;
    };

    namespace Token {
      type InferChannel<TToken extends Token> =
        // oxlint-disable-next-line typescript/no-explicit-any -- whatever topics
        TToken extends Token<infer TChannel, any> ? TChannel : ChannelInput;

      type InferTopicData<
        TToken extends Token,
        TTopics extends Record<string, unknown> = Channel.InferTopics<InferChannel<TToken>>,
      > =
        // oxlint-disable-next-line typescript/no-explicit-any -- whatever channel
        TToken extends Token<any, infer TNames> ? { [Name in TNames[number]]: TTopics[Name] } : never;

      type InferMessage<TToken extends Token> = Simplify<
        Message<Channel.InferId<InferChannel<TToken>>, InferTopicData<TToken>>
      >;
    }
  }

  /** What a subscriber gets: messages of its topics, streams and their chunks, and what becomes of a run. */
  type Message<TChannelId extends string = string, TTopics extends Record<string, unknown> = Record<string, unknown>> =
    | {
        [Topic in keyof TTopics]:
          | {
              kind: "data";
              channel: TChannelId;
              topic: Topic;
              data: Subscribe.InferTopicSubscribeData<TTopics[Topic]>;
              /** the run that published it */
              runId?: string;
              fnId?: string;
              createdAt: Date;
              envId?: string;
            }
          | {
              kind: "datastream-start" | "datastream-end" | "chunk";
              channel: TChannelId;
              topic: Topic;
              data: Subscribe.InferTopicSubscribeData<TTopics[Topic]>;
              runId?: string;
              fnId?: string;
              streamId: string;
              /** the whole stream, also in the message that begins it */
              stream: ReadableStream<Subscribe.InferTopicSubscribeData<TTopics[Topic]>>;
            };
      }[keyof TTopics]
    | {
        kind: "run";
        channel?: TChannelId;
        topic?: string;
        data: unknown;
        runId?: string;
        fnId?: string;
        createdAt: Date;
        envId?: string;
      };

  namespace Message {
    // oxlint-disable-next-line typescript/no-explicit-any -- as in Inngest's SDK
    type Input<TChannelId extends string = string, TTopicId extends string = string, TData = any> = {
      channel: TChannelId;
      topic: TTopicId;
      data: TData;
    };

    /** A message as the platform sends it. */
    type Raw<TChannelId extends string = string, TTopics extends Record<string, unknown> = Record<string, unknown>> = {
      [Topic in keyof TTopics]: {
        kind:
          | "data"
          | "datastream-start"
          | "datastream-end"
          | "chunk"
          | "run"
          | "step"
          | "event"
          | "ping"
          | "pong"
          | "closing"
          | "sub"
          | "unsub";
        channel?: TChannelId;
        topic?: Topic;
        data: Subscribe.InferTopicSubscribeData<TTopics[Topic]>;
        stream_id?: string;
        run_id?: string;
        fn_id?: string;
        env_id?: string;
        created_at?: Date;
      };
    }[keyof TTopics];
  }
}
