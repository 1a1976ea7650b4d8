/**
 * One connection to `GET /v1/stream` for all that is on screen: browsers allow a page few of them. It is there while something
 * on screen follows the platform and the tab is in sight; without it, as before it and while it is broken, pages ask now and then.
 */
import { EventReader, type ServerEvent } from "../model/sse.ts";
import { query } from "./request.ts";

/** What is followed; `run:<id>` is one run. */
export type Topic = "runs" | "events" | "apps" | "lines" | `run:${string}`;

interface Follower {
  topic: Topic;
  /** something of it has changed */
  changed: () => void;
}

/** Pages change what they follow several times while they are drawn. */
const SETTLE_MS = 30;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** The platform says something every 15 s: a connection that is silent for longer is dead. */
const SILENCE_MAX_MS = 40_000;

const followers = new Set<Follower>();
const watchers = new Set<() => void>();
let isLive = false;
let connection: { topics: string; abort: AbortController } | null = null;
let lastId: { topics: string; id: string } | null = null;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Calls back when something of a topic has changed, and when that may have been missed. @returns what ends it */
export function follow(topic: Topic, changed: () => void): () => void {
  const follower = { topic, changed };
  followers.add(follower);
  settle();
  return () => {
    followers.delete(follower);
    settle();
  };
}

/** Whether changes are told. */
export function isStreaming(): boolean {
  return isLive;
}

/** Calls back when that has changed. @returns what ends it */
export function onStreaming(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

document.addEventListener("visibilitychange", () => settle());

function settle(ms = SETTLE_MS): void {
  clearTimeout(timer);
  timer = setTimeout(connect, ms);
}

/** Connects for what is followed now, if that is not what there is a connection for. */
function connect(): void {
  const topics = document.visibilityState === "hidden" ? "" : wanted();
  if (connection?.topics === topics || (connection === null && topics === "")) return;
  connection?.abort.abort();
  connection = null;
  if (topics === "") return say(false);
  const abort = new AbortController();
  const own = { topics, abort };
  connection = own;
  void read(topics, abort)
    .then(
      () => (failures = 0),
      () => (failures += 1),
    )
    .finally(() => {
      if (connection !== own) return; // another has taken its place
      connection = null;
      say(false);
      settle(Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS));
    });
}

/** What is followed, as a query. */
function wanted(): string {
  const all = new Set([...followers].map(({ topic }) => topic));
  const run = [...all].find((topic) => topic.startsWith("run:"))?.slice("run:".length);
  const topics = [...all].filter((topic) => !topic.startsWith("run:")).toSorted();
  return query({ topics: topics.join(","), run });
}

async function read(topics: string, abort: AbortController): Promise<void> {
  let silence = setTimeout(() => abort.abort(), SILENCE_MAX_MS);
  try {
    const answer = await fetch(`/v1/stream${topics}`, {
      signal: abort.signal,
      headers: {
        accept: "text/event-stream",
        ...(lastId?.topics === topics ? { "last-event-id": lastId.id } : {}),
      },
    });
    if (!answer.ok || !answer.body) throw new Error(`the stream of changes was answered ${answer.status}`);
    const events = new EventReader();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENCE_MAX_MS);
      const told = events.take(value);
      for (const { id } of told) if (id !== undefined) lastId = { topics, id };
      tell(told);
    }
  } finally {
    clearTimeout(silence);
  }
}

function tell(events: readonly ServerEvent[]): void {
  const topics = new Set(events.map(topicOf));
  const isAnew = topics.has("all");
  for (const { topic, changed } of followers) if (isAnew || topics.has(topic)) changed();
  if (events.some(({ event }) => event === "ready")) {
    failures = 0;
    say(true);
  }
}

/** Of which topic an event speaks; `all`: what was missed is not known. */
function topicOf({ event, data }: ServerEvent): string {
  if (event === "ready" || event === "reset") return "all";
  const { run_id: runId, topic } = data as { run_id?: string; topic?: string };
  if (event === "event") return "events";
  if (event === "change") return topic ?? "";
  // a list of runs and the page of one are not on screen together
  return [...followers].some((follower) => follower.topic === `run:${runId}`) ? `run:${runId}` : "runs";
}

function say(isNow: boolean): void {
  if (isLive === isNow) return;
  isLive = isNow;
  for (const changed of watchers) changed();
}
