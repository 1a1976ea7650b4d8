/** A client's app and the platform, from the side of a test: over HTTP only. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { RunDetail, RunJson } from "../helpers/front-door.ts";
import type { Note } from "./apps/typescript/trace.ts";

/** Generous: the machine may be slow, and eight tests share it. */
const WITHIN_MS = 150_000;
const POLL_FIRST_MS = 25;
const POLL_LAST_MS = 400;
const DETAILS_EVERY_MS = 20_000;

export interface Sent {
  name: string;
  data?: object;
  id?: string;
  ts?: number;
}

export interface Access {
  eventKey: string;
  signingKey?: string;
}

export type Stage = ReturnType<typeof stageOf>;

/**
 * @param client the id of the app's client, first part of its events' names
 * @param access the keys of a platform that asks for them
 */
export function stageOf(client: string, platform: string, app: string, access: Access = { eventKey: "key" }) {
  async function ask(url: string, init?: RequestInit): Promise<Response> {
    const headers = new Headers(init?.headers);
    if (access.signingKey !== undefined) headers.set("authorization", `Bearer ${access.signingKey}`);
    const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(60_000) });
    if (!response.ok)
      throw new Error(`${init?.method ?? "GET"} ${url} answered ${response.status}: ${await response.text()}`);
    return response;
  }
  const read = async <T>(url: string): Promise<T> => (await ask(url)).json() as Promise<T>;
  const api = async <T>(path: string) => (await read<{ data: T }>(platform + path)).data;
  const post = (path: string, body: unknown = {}) =>
    ask(platform + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });

  /** Looks until there is something. What is asked may fail meanwhile; the last failure is the cause. */
  async function until<T>(look: () => Promise<T | null | undefined | false>, what: () => string): Promise<T> {
    let failure: unknown;
    const giveUpAt = performance.now() + WITHIN_MS;
    for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(pauseMs * 1.4, POLL_LAST_MS)) {
      const found = await look().catch((error: unknown) => void (failure = error));
      if (found !== null && found !== undefined && found !== false) return found;
      if (performance.now() > giveUpAt)
        throw new Error(`not within ${WITHIN_MS / 1000} s: ${what()}`, { cause: failure });
      await delay(pauseMs);
    }
  }

  /** Sends events in one request; answers with their ids. */
  async function sendAll(events: Sent[]): Promise<string[]> {
    return ((await (await post(`/e/${access.eventKey}`, events)).json()) as { ids: string[] }).ids;
  }
  async function send(event: Sent): Promise<string> {
    const [id = ""] = await sendAll([event]);
    return id;
  }

  const runsOf = (eventId: string) => api<RunJson[]>(`/v1/events/${eventId}/runs`);
  const readRun = (runId: string) => api<RunDetail>(`/v1/runs/${runId}`);

  /** The run that an event started, once it is as wanted. */
  async function runWhen(
    eventId: string,
    isSo: (run: RunDetail) => boolean,
    what: string,
    mayBeSo: (run: RunJson) => boolean = () => true,
  ): Promise<RunDetail> {
    let last: RunDetail | undefined;
    let lastAt = performance.now();
    return until(
      async () => {
        const [run] = await runsOf(eventId);
        // its details may be megabytes: for the message alone they are read now and then
        if (run === undefined || (!mayBeSo(run) && performance.now() < lastAt + DETAILS_EVERY_MS)) return undefined;
        last = await readRun(run.run_id);
        lastAt = performance.now();
        return isSo(last) && last;
      },
      () => `${what}; last seen: ${JSON.stringify(last)?.slice(0, 1500)}`,
    );
  }
  const hasEnded = (run: RunJson) => run.ended_at !== null;
  const ended = (eventId: string) => runWhen(eventId, hasEnded, "the end of the run", hasEnded);

  /** The end of a run whose tries come without the pause between them: its clock leaps over it. */
  const endedInHaste = (eventId: string) => {
    let leaping = Promise.resolve();
    return runWhen(
      eventId,
      (run) => {
        if (isRetrying(run)) leaping = leaping.then(() => leap(run, "2h")).catch(() => {}); // it went on by itself
        return run.ended_at !== null;
      },
      "the end of the run",
    );
  };
  const isRetrying = (run: RunDetail) => run.waiting_for.some(({ kind }) => kind.startsWith("retry"));

  /** Moves the clock of one run. */
  async function leap(run: RunJson, advance: string): Promise<void> {
    await post(`/v1/runs/${run.run_id}/clock`, { advance });
  }

  /** The run, once it rests at a step in this way. */
  const resting = (eventId: string, kind: "sleeping" | "waiting" | "invoking", step: string) =>
    runWhen(
      eventId,
      (run) => run.waiting_for.some((reason) => reason.kind === kind && reason.step === step),
      `the run to be ${kind} at ${step}`,
    );
  const inLine = (eventId: string) =>
    runWhen(eventId, (run) => run.waiting_for.some(({ kind }) => kind === "line"), "the run to stand in a line");

  const trace = (run: RunJson) => read<Note[]>(`${app}/trace?run=${run.run_id}`);
  const traceOf = (key: string) => read<Note[]>(`${app}/trace?key=${encodeURIComponent(key)}`);
  const calls = (run: RunJson) => read<{ step: string; status?: number }[]>(`${app}/calls?run=${run.run_id}`);
  const open = async (gate: string) => void (await ask(`${app}/open?gate=${gate}`, { method: "POST" }));

  /** Sends an event to one function of the app, with a key of its own. */
  async function start(
    name: string,
    data: object = {},
    more: Partial<Sent> = {},
  ): Promise<{ key: string; id: string }> {
    const key = crypto.randomUUID();
    return { key, id: await send({ name: `${client}/${name}`, data: { key, ...data }, ...more }) };
  }

  /** Output of a run that completes. */
  async function outputOf(eventId: string, end = ended): Promise<unknown> {
    const run = await end(eventId);
    expect(run, JSON.stringify(run.error ?? run.steps).slice(0, 1500)).toMatchObject({ status: "Completed" });
    return run.output;
  }
  const outputFrom = async (name: string, data?: object) => outputOf((await start(name, data)).id);

  return {
    client,
    platform,
    app,
    api,
    ask,
    post,
    until,
    send,
    sendAll,
    start,
    runsOf,
    readRun,
    runWhen,
    ended,
    endedInHaste,
    leap,
    resting,
    inLine,
    trace,
    traceOf,
    calls,
    open,
    outputOf,
    outputFrom,
  };
}
