/** The official clients beside our own: the apps of the interop suite, each in a process of its own. */
import { randomUUID } from "node:crypto";
import type { Note } from "../test/interop/apps/typescript/trace.ts";
import { clients, own, runtimes } from "../test/interop/clients.ts";
import { startApp, sync } from "../test/interop/setup.ts";
import { until } from "../test/helpers/platform-api.ts";
import type { Client } from "./client.ts";
import { sum } from "./statistics.ts";
import { countLost } from "./throughput.ts";

export interface ClientApp {
  id: string;
  /** what its bodies have noted of events with a key, in order */
  notes(key: string): Promise<Note[]>;
  stop(): Promise<void>;
}

const MEASURED = ["ts4", "ts4-plain", "ts3", "py-fastapi", "py-flask", "go", "go-checkpoint"];
const WITHIN_MS = 120_000;
const BURST_REQUEST_EVENTS = 50;

/** Clients whose runtime this machine does not have are left out, with a word. */
export async function startClients(platformUrl: string): Promise<ClientApp[]> {
  const started: ClientApp[] = [];
  for (const client of [own, ...clients.filter(({ id }) => MEASURED.includes(id))]) {
    let runtime: string;
    try {
      runtime = runtimes[client.runtime]();
    } catch (error) {
      process.stderr.write(`${client.id} is left out: ${error instanceof Error ? error.message : error}\n`);
      continue;
    }
    const app = await startApp(client, runtime, { INNGEST_DEV: platformUrl });
    await sync(app);
    started.push({
      id: client.id,
      notes: async (key) => (await (await fetch(`${app.url}/trace?key=${key}`)).json()) as Note[],
      stop: app.stop,
    });
  }
  return started;
}

/** Milliseconds per sequential step, from the first body to the last, over runs one after the other. */
export async function clientPerStep(app: ClientApp, platform: Client, runs: number): Promise<number> {
  const totals: number[] = [];
  let steps = 0;
  for (let i = 0; i < runs; i++) {
    const notes = await notesOf(app, platform, "steps", 1, 5);
    steps = notes.length - 1;
    totals.push((notes.at(-1)?.at ?? 0) - (notes[0]?.at ?? 0));
  }
  return sum(totals) / (runs * steps);
}

/** Runs of one step per second: events sent together, until the last body has begun. */
export async function clientBurst(app: ClientApp, platform: Client, runs: number): Promise<number> {
  const sentAt = Date.now();
  const notes = await notesOf(app, platform, "callee", runs, runs);
  return (notes.length * 1000) / (Math.max(...notes.map(({ at }) => at)) - sentAt);
}

/** What bodies have noted once `count` have, and all runs are over: the next client must not meet their ends. */
async function notesOf(app: ClientApp, platform: Client, fn: string, events: number, count: number): Promise<Note[]> {
  const key = randomUUID();
  const rest = Array.from({ length: events }, () => ({ name: `${app.id}/${fn}`, data: { key, n: 1 } }));
  const ids: string[] = [];
  while (rest.length > 0) ids.push(...(await platform.send(rest.splice(0, BURST_REQUEST_EVENTS))));
  const found = await until(`${count} bodies of ${app.id}`, WITHIN_MS, async () => {
    const notes = await app.notes(key);
    return notes.length >= count && notes;
  });
  const lost = await countLost(platform, ids);
  if (lost > 0) throw new Error(`${lost} of ${events} runs of ${app.id} did not complete`);
  return found;
}
