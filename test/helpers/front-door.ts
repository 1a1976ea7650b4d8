/** The platform as its users see it, over HTTP; the same for every host that serves it. */
import { expect } from "vitest";
import type { EventPayload } from "../../src/sdk/index.ts";

export interface RunJson {
  run_id: string;
  function_slug: string;
  event_name: string;
  status: "Scheduled" | "Running" | "Completed" | "Failed" | "Cancelled" | "Skipped";
  run_started_at: string;
  ended_at: string | null;
  // oxlint-disable-next-line typescript/no-explicit-any -- outputs are whatever the fixture returns
  output: any;
}

export interface StepJson {
  id: string;
  hash: string;
  kind: string;
  type: string;
  status: string;
  attempt: number;
  failures: { attempt: number; ended_at: string; error: { name: string; message: string; code?: string } }[];
  input: unknown;
  output: unknown;
  error: { name: string; message: string; code?: string } | null;
  until: string | null;
  by_hand: boolean;
  carried_from: string | null;
  metadata: MetadataJson[];
  logs: { lines: number; dropped: number };
}

export interface MetadataJson {
  kind: string;
  values: Record<string, unknown>;
}

export interface RunDetail extends RunJson {
  attempt: number;
  error: { name: string; message: string; code?: string } | null;
  last_error: { message: string } | null;
  cancel_reason: string | null;
  skip_reason: string | null;
  skipped_by_run_id: string | null;
  clock_offset_ms: number;
  paused_at: string | null;
  rerun_of: { run_id: string; from_step: { id: string; hash: string } | null } | null;
  metadata: MetadataJson[];
  warnings: string[];
  waiting_for: {
    kind: string;
    step?: string;
    on?: unknown;
    since?: string;
    earliest_at?: string;
    until?: string;
    error?: { message: string };
  }[];
  steps: StepJson[];
}

/** Where a platform lives. */
export interface PlatformHost {
  fetch(request: Request): Promise<Response>;
  /** Lets things happen, as much as may happen between two looks. @throws Error when looking again is in vain */
  meanwhile(looks: Looks): Promise<void>;
}

/** What somebody looks for who finds nothing yet. */
export interface Looks {
  /** looks so far */
  count: number;
  /** of the first look, by performance.now() */
  since: number;
  withinMs: number;
}

/** Requests of a platform's users, and what they wait for. */
export type FrontDoor = ReturnType<typeof frontDoor>;

const WITHIN_MS = 15_000;
const ORIGIN = "http://localhost";

export function frontDoor(host: PlatformHost) {
  function request(path: string, init?: RequestInit): Promise<Response> {
    return host.fetch(new Request(ORIGIN + path, init));
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- JSON of any route
  async function json(path: string, init?: RequestInit): Promise<{ status: number; body: any }> {
    const response = await request(path, init);
    return { status: response.status, body: await response.json() };
  }

  function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: any }> {
    return json(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  }

  /** Sends events in one request; answers with their ids. */
  async function sendAll(events: EventPayload[]): Promise<string[]> {
    const { status, body } = await post("/e/key", events);
    expect(body).toMatchObject({ status: 200 });
    expect(status).toBe(200);
    return body.ids;
  }

  async function send(event: EventPayload): Promise<string> {
    const [id] = await sendAll([event]);
    if (id === undefined) throw new Error("the event got no id");
    return id;
  }

  /** Looks again and again until there is something, at most for a while. */
  async function until<T>(
    look: () => Promise<T | null | undefined | false>,
    what: string,
    withinMs = WITHIN_MS,
  ): Promise<T> {
    const since = performance.now();
    for (let count = 1; ; count++) {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
      try {
        await host.meanwhile({ count, since, withinMs });
      } catch (error) {
        throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  }

  async function runsOf(eventId: string): Promise<RunJson[]> {
    const { body } = await json(`/v1/events/${eventId}/runs`);
    return body.data;
  }

  async function readRun(runId: string): Promise<RunDetail> {
    const { body } = await json(`/v1/runs/${runId}`);
    return body.data;
  }

  /** The run that an event started, once it is there. */
  async function started(eventId: string): Promise<RunDetail> {
    const run = await until(async () => (await runsOf(eventId))[0], `a run of event ${eventId}`);
    return readRun(run.run_id);
  }

  /** The run that an event started, once it is as wanted. */
  async function runWhen(
    eventId: string,
    isSo: (run: RunDetail) => boolean,
    what: string,
    withinMs?: number,
  ): Promise<RunDetail> {
    const { run_id } = await started(eventId);
    let last: RunDetail | undefined;
    try {
      return await until(async () => isSo((last = await readRun(run_id))) && last, what, withinMs);
    } catch (error) {
      throw new Error(
        `${error instanceof Error ? error.message : error}; last seen: ${JSON.stringify(last)?.slice(0, 1500)}`,
      );
    }
  }

  /** The run that an event started, once it has ended. */
  function ended(eventId: string, withinMs?: number): Promise<RunDetail> {
    return runWhen(eventId, (run) => run.ended_at !== null, "the end of the run", withinMs);
  }

  /** Output of the one run that the event started, which must complete. */
  async function outputOf(eventId: string, withinMs?: number): Promise<any> {
    const run = await ended(eventId, withinMs);
    expect(run, JSON.stringify(run.error ?? run.waiting_for)).toMatchObject({ status: "Completed" });
    return run.output;
  }

  return { request, json, post, sendAll, send, until, runsOf, readRun, started, runWhen, ended, outputOf };
}
