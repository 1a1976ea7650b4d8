import type { Realtime } from "./types.ts";

type NameInput = string | ((...args: never[]) => string);

interface ChannelOptions<TName extends NameInput, TTopics extends Realtime.TopicsConfig> {
  /** its name, or a function that makes names: `(userId: string) => \`user:${userId}\`` */
  name: TName;
  /** what is published on it, by topic */
  topics: TTopics;
}

type Inferred<TTopics extends Realtime.TopicsConfig> = {
  /** types only: data by topic */
  $infer: { [Topic in keyof TTopics]: Realtime.InferTopicData<TTopics[Topic]> };
};

/** What {@link channel} gives for a name, or for a function that makes names. */
export type ChannelOf<TName extends NameInput, TTopics extends Realtime.TopicsConfig> = TName extends string
  ? Realtime.ChannelInstance<TName, TTopics> & Inferred<TTopics>
  : TName extends (...args: infer TArgs) => string
    ? Realtime.ChannelDef<(...args: TArgs) => string, TTopics> & Inferred<TTopics> & { $params: TArgs[0] }
    : never;

/**
 * Describes a channel: what may be published on it, and under which topics. Nothing is registered.
 *
 * @throws TypeError when it has no name, or a topic no schema
 * @example
 * const chat = channel({
 *   name: (roomId: string) => `chat:${roomId}`,
 *   topics: { messages: { schema: z.object({ text: z.string() }) } },
 * });
 * await inngest.realtime.publish(chat("42").messages, { text: "hello" });
 */
export function channel<const TName extends NameInput, const TTopics extends Realtime.TopicsConfig>(
  options: ChannelOptions<TName, TTopics>,
): ChannelOf<TName, TTopics>;
export function channel({ name, topics }: ChannelOptions<NameInput, Realtime.TopicsConfig>): unknown {
  for (const [topic, config] of Object.entries(topics))
    if (typeof config?.schema?.["~standard"]?.validate !== "function")
      throw new TypeError(`channel: topics.${topic}: schema: not a schema of a library that speaks Standard Schema`);
  if (typeof name !== "function") return instance(name, topics);
  const make = name as (...args: unknown[]) => string; // its parameters are the caller's
  return Object.assign((...args: unknown[]) => instance(make(...args), topics), {
    topics,
    $infer: topics,
    $params: undefined,
  });
}

function instance(name: string, topics: Realtime.TopicsConfig) {
  if (typeof name !== "string" || name === "")
    throw new TypeError(`channel: name: ${JSON.stringify(name)} is not the name of a channel`);
  const refs = Object.entries(topics).map(([topic, config]) => [topic, { channel: name, topic, config }]);
  const made = { name, topics, ...Object.fromEntries(refs) };
  return Object.defineProperty(made, "$infer", { value: topics });
}

/** As Inngest's SDK exports it. */
export const realtime = { channel } as const;

/** The name of a channel. */
export function channelNameOf(input: Realtime.ChannelInput): string {
  return typeof input === "string" ? input : input.name;
}
