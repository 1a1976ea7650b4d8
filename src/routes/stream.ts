import { Hono } from "hono";
import * as z from "zod";
import { logDay, type EventHead, type Objects, type RunIndexRow } from "../durable-objects/objects.ts";
import { isEnded, type Entry, type Run, type RunStatus } from "../engine/run.ts";
import { isUlid, uuidOf } from "../protocol/ids.ts";
import { byteLength } from "../protocol/json.ts";
import {
  STREAM_BEAT_MS,
  STREAM_LOOK_MS,
  STREAM_LOOKS_MAX,
  STREAM_MAX_MS,
  STREAM_STEP_MAX_BYTES,
  STREAMS_MAX,
} from "../protocol/limits.ts";
import { ApiError } from "./api-error.ts";
import { EventWriter, type Frame } from "./event-writer.ts";
import { checkFields } from "./fields.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { rowOf, statusesOf, type WireStatus } from "./run-rows.ts";
import { runRowView, stepView } from "./run-view.ts";
import { findRun } from "./runs.ts";

const TOPICS = ["runs", "events", "apps", "lines"] as const;
const STATUSES = [
  "QUEUED",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "SKIPPED",
] as const satisfies readonly WireStatus[];

const NAMES_MAX = 100;
const LAST_EVENT_ID_MAX = 4_000;
/** An object that changes all the time is asked no more often than this. */
const PACE_MS = 100;
const DAY_MS = 86_400_000;
/** Runs of yesterday go on today: so far into the day their log is watched, too. */
const DAY_BEFORE_MS = 3_600_000;

function listOf<Item extends z.ZodType<unknown, string>>(item: Item) {
  return z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(item).max(NAMES_MAX));
}

/** What a stream tells of. */
export const streamSchema = z
  .object({
    topics: listOf(z.enum(TOPICS)).optional(),
    run: z.string().refine(isUlid, "must be the id of a run").optional(),
    // these narrow `runs`
    app_id: listOf(z.string().min(1)).optional(),
    function_id: listOf(z.string().min(1)).optional(),
    status: listOf(z.enum(STATUSES)).optional(),
  })
  .refine(({ topics, run }) => topics !== undefined || run !== undefined, {
    path: ["topics"],
    message: `must name what to tell of (${TOPICS.join(",")}), or run=<id> one run`,
  });

/** When streams of this isolate were last alive: one whose reader was cut off does not always say so. */
const alive = new Map<EventWriter, number>();

/**
 * `GET /v1/stream`: changes as server-sent events. The stream asks objects, which answer as soon as something has changed;
 * so a run or an event costs nothing more for being watched, and nobody pays while nobody watches.
 */
export function streamRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/stream", signingKeyGuard(settings));

  app.get("/v1/stream", async (c) => {
    const asked = checkFields(c.req.query(), streamSchema);
    if (asked.run !== undefined) await findRun(objects, env, asked.run);
    const writer = openWriter();
    const stream = new ChangeStream({ objects, env, asked, writer, places: readPlaces(c.req.header("last-event-id")) });
    void stream.run();
    return c.body(writer.body, 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no", // nginx would hold events back
    });
  });
  return app;
}

/** @throws ApiError 503 when there are as many as may be */
function openWriter(): EventWriter {
  const now = Date.now();
  for (const [writer, seenAt] of alive) if (seenAt + 3 * STREAM_BEAT_MS < now) alive.delete(writer);
  if (alive.size >= STREAMS_MAX)
    throw new ApiError(
      503,
      "too_many_streams",
      `${STREAMS_MAX} streams are open here, which is the bound; close one, or read the lists now and then instead`,
    );
  const writer = new EventWriter(() => alive.delete(writer));
  alive.set(writer, now);
  return writer;
}

interface Parts {
  objects: Objects;
  env: string;
  asked: z.infer<typeof streamSchema>;
  writer: EventWriter;
  /** how far the reader knows what has changed, by name of the object */
  places: Map<string, string>;
}

/** An object that is asked what has changed, for one reader. */
interface Look {
  name: string;
  /** `place` null: nothing more will come */
  ask(place: string | null, withinMs: number): Promise<{ place: string | null; frames: Frame[] }>;
}

const REGISTRY = "registry";
const RESET: Frame = { event: "reset", data: {} };
/** A place that no object knows: it answers with a gap. */
const BEFORE_ALL = "0";

/** What one reader is told. */
class ChangeStream {
  readonly #parts: Parts;
  readonly #endsAt = Date.now() + STREAM_MAX_MS;
  readonly #logs = new Set<string>();
  #looks = 0;
  #isReady = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { asked, writer, objects } = this.#parts;
    const beat = () => {
      alive.set(writer, Date.now());
      return Date.now() < this.#endsAt;
    };
    void writer.beat((ms) => objects.pause(ms), beat);
    try {
      // each object is asked for its place first: what changes after `ready` is told
      const run = asked.run === undefined ? [] : [this.#runLook(asked.run)];
      const registry = asked.topics ? [this.#registryLook()] : [];
      await Promise.all([...run, ...registry].map((look) => this.#once(look, 0)));
      const logs = [...this.#logs].map((log) => this.#logLook(log));
      await Promise.all(logs.map((look) => this.#once(look, 0)));
      writer.write([{ event: "ready", data: {} }], this.#id);
      this.#isReady = true;
      await Promise.all([...run, ...registry, ...logs].map((look) => this.#follow(look)));
    } catch {
      writer.end(); // an object was reset: the reader connects anew, and goes on where it was
    }
  }

  async #follow(look: Look): Promise<void> {
    const { writer, objects } = this.#parts;
    while (!writer.isOver && (await this.#once(look, STREAM_LOOK_MS))) await objects.pause(PACE_MS);
  }

  /** Whether more may come. */
  async #once({ name, ask }: Look, withinMs: number): Promise<boolean> {
    const { writer, places } = this.#parts;
    await writer.room();
    this.#looks += 1;
    if (this.#looks > STREAM_LOOKS_MAX) writer.end();
    if (writer.isOver) return false;
    const { place, frames } = await ask(places.get(name) ?? null, withinMs);
    if (place === null) places.delete(name);
    else places.set(name, place);
    writer.write(frames, this.#id);
    return place !== null;
  }

  /** Where a reader goes on that has got everything so far. */
  get #id(): string {
    return [...this.#parts.places].map(([name, place]) => `${name}=${place}`).join(",");
  }

  #runLook(id: string): Look {
    const { objects, env } = this.#parts;
    return {
      name: id,
      ask: async (place, withinMs) => {
        const found = await objects.run(env, id).changes(place, withinMs);
        if (!found) return { place: null, frames: [RESET] };
        const { run, entries, isGap } = found;
        const frames = isGap ? [RESET] : entries.map((entry) => stepFrame(run, entry));
        const isNews = place === null || place !== found.place;
        return {
          place: isEnded(run.state) ? null : found.place,
          frames: isNews ? [...frames, runFrame({ ...rowOf(run), eventId: run.eventIds[0] ?? "", dueAt: null })] : [],
        };
      },
    };
  }

  /** Apps and functions; and new logs, which are followed from then on. */
  #registryLook(): Look {
    const { objects, env, asked, places } = this.#parts;
    return {
      name: REGISTRY,
      ask: async (place, withinMs) => {
        const { isGap, hasApps, logs, ...found } = await objects.registry(env).changes(place, withinMs);
        for (const log of logs) {
          if (this.#logs.has(log) || !isWatched(log, Date.now())) continue;
          this.#logs.add(log);
          if (place === null) continue; // it begins with the stream
          if (!places.has(log)) places.set(log, BEFORE_ALL);
          if (this.#isReady) void this.#follow(this.#logLook(log)).catch(() => this.#parts.writer.end());
        }
        const isTold = asked.topics?.includes("apps") && (hasApps || isGap);
        return { ...found, frames: isTold ? [changeFrame("apps")] : [] };
      },
    };
  }

  #logLook(log: string): Look {
    const { objects, env, asked } = this.#parts;
    const topics = new Set(asked.topics);
    const interest = { runs: topics.has("runs") || topics.has("lines"), events: topics.has("events") };
    const isListed = rowFilter(asked);
    return {
      name: log,
      ask: async (place, withinMs) => {
        const { isGap, runs, events, ...found } = await objects.log(env, log).changes(place, withinMs, interest);
        const frames = isGap ? [RESET] : [];
        frames.push(...events.map(eventFrame));
        if (topics.has("runs")) frames.push(...runs.filter(isListed).map(runFrame));
        // who stands in a line or leaves it is a run that waits or ends: nobody is asked which line it was
        if (topics.has("lines") && runs.length > 0) frames.push(changeFrame("lines"));
        return { place: isWatched(log, Date.now()) ? found.place : null, frames };
      },
    };
  }
}

/** Whether a log is of today, or of yesterday and its runs may well go on. */
function isWatched(log: string, now: number): boolean {
  return logDay(log) + DAY_MS + DAY_BEFORE_MS > now;
}

/** Functions are named by slug, uuid, or their app's own name for them. */
function rowFilter({ app_id: apps, function_id: functions, status }: Parts["asked"]): (row: RunIndexRow) => boolean {
  const statuses: readonly RunStatus[] | undefined = status && statusesOf(status);
  return (row) =>
    (apps?.some((id) => id === row.appId || id === uuidOf(row.appId)) ?? true) &&
    (functions?.some(
      (id) => [row.functionId, uuidOf(row.functionId)].includes(id) || `${row.appId}-${id}` === row.functionId,
    ) ??
      true) &&
    (statuses?.includes(row.status) ?? true);
}

/** A row of `GET /v1/runs`. */
function runFrame(row: RunIndexRow): Frame {
  return { event: "run", data: runRowView(row, Date.now()) };
}

/** A step as `GET /v1/runs/:id` has it, but for what is large. */
function stepFrame(run: Run, entry: Entry): Frame {
  const step = stepView(run, entry);
  const [inputBytes, outputBytes] = [step.input, step.output].map((value) => byteLength(JSON.stringify(value)));
  return {
    event: "step",
    data: { run_id: run.id, ...step, ...omitted("input", inputBytes), ...omitted("output", outputBytes) },
  };
}

function omitted(field: "input" | "output", bytes = 0): Record<string, unknown> {
  return bytes <= STREAM_STEP_MAX_BYTES ? {} : { [field]: null, [`${field}_omitted_bytes`]: bytes };
}

function eventFrame({ internalId, name, ts, receivedAt }: EventHead): Frame {
  return { event: "event", data: { internal_id: internalId, name, ts, received_at: iso(receivedAt) } };
}

/** Something of this topic has changed: what, is read. */
function changeFrame(topic: (typeof TOPICS)[number]): Frame {
  return { event: "change", data: { topic } };
}

/** Places of `Last-Event-ID`; what is none of ours is as if the reader had seen nothing. */
function readPlaces(text = ""): Map<string, string> {
  if (text.length > LAST_EVENT_ID_MAX) return new Map();
  const pairs = text.split(",").map((pair) => pair.split("="));
  return new Map(pairs.flatMap(([name = "", place]) => (place === undefined ? [] : [[name, place] as const])));
}
