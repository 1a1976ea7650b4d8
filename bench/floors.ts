/**
 * What the machine and the runtime take for the parts of a run, with no engine on top. Disks of machines that look alike
 * differ by five times; beside its floor a figure says what of it is ours.
 */
import { fdatasyncSync, mkdtempSync, openSync, closeSync, rmSync, writeSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventsToResume, eventToFirstLine } from "./latency.ts";
import type { Stage } from "./stage.ts";
import { median, quantile } from "./statistics.ts";
import { inParallel, keyedLimit, paced } from "./throughput.ts";

export interface Floor {
  says: string;
  unit: "ms" | "/s" | "%";
  /** on the machine on which the figures that are asked for were chosen */
  there?: number;
}

export const floors = {
  sync: { says: "4 KiB to the disk (`fdatasync`)", unit: "ms" },
  text: { says: "HTTP request, answered with a text", unit: "/s", there: 24_000 },
  insert: { says: "HTTP request → row in one of 4 objects", unit: "/s", there: 2_800 },
  insertMs: { says: "… one at a time", unit: "ms" },
  insert50: { says: "… 50 rows each: rows", unit: "/s" },
  create: { says: "HTTP request → new object with a row", unit: "/s", there: 580 },
  createMs: { says: "new object with a row, from a Worker, one at a time", unit: "ms", there: 3.2 },
  rpc: { says: "RPC of a Worker to an object", unit: "ms", there: 0.018 },
  rpcInsert: { says: "… that writes a row", unit: "ms", there: 0.17 },
  commit: { says: "row in an object, awaited on the disk", unit: "ms" },
  turn: { says: "row in an object, with a turn of the event loop", unit: "ms" },
  queue: { says: "queue: send → consumer", unit: "ms", there: 1.75 },
  call: { says: "HTTP call of a Worker to a server in Node.js, and back", unit: "ms" },
  event: { says: "event → row → queue → new object with a row", unit: "ms" },
  waits60: { says: "60 events → rows → queue → row in each of 60 objects that wait, p99", unit: "ms" },
  pacedEvents: { says: "100 events/s → rows → queue → new objects with a row, p99", unit: "ms" },
  lanes: { says: "4 keys × limit 2 × 50 ms: rows of log, run and key alone, share of the ideal rate", unit: "%" },
} as const satisfies Record<string, Floor>;

export type FloorId = keyof typeof floors;

export interface FloorSize {
  /** operations that are counted per second */
  many: number;
  /** operations one after the other */
  few: number;
}

const LOOPS = ["rpc", "commit", "turn", "queue"] as const;
const ROWS = 50;

export async function measureFloors(stage: Stage, { many, few }: FloorSize): Promise<Record<FloorId, number>> {
  const { client } = stage;
  const loop = (name: string, times: number, query = "") => client.get<number>(`/loop/${name}/${times}${query}`);
  const perSecond = async (times: number, act: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await inParallel(Array.from({ length: times }), act);
    return (times * 1000) / (performance.now() - startedAt);
  };
  const row = JSON.stringify({ name: "bench/nobody", data: { text: "x".repeat(100) } });
  const loops: Partial<Record<FloorId, number>> = {};
  for (const name of LOOPS) loops[name] = await loop(name, few);
  const target = await stage.target("floor");
  const answering = await answeringServer();
  const call = await loop("call", few, `?to=${encodeURIComponent(answering.url)}`).finally(answering.close);

  return {
    rpc: 0,
    commit: 0,
    turn: 0,
    queue: 0,
    ...loops,
    sync: syncMs(few),
    text: await perSecond(many, () => client.get("/text")),
    insert: await perSecond(many, () => client.post("/insert", row)),
    insertMs: await each(few, () => client.post("/insert", row)),
    insert50: ROWS * (await perSecond(many / 10, () => client.post(`/insert/${ROWS}`, row))),
    create: await perSecond(many / 4, () => client.get("/new")),
    createMs: await loop("new", Math.ceil(few / 4)),
    rpcInsert: await loop("insert", few),
    call,
    event: quantile(await eventToFirstLine(target, Math.ceil(few / 10)), 0.5),
    waits60: quantile(await eventsToResume(target, 60), 0.99),
    pacedEvents: (await paced(target, 100, few / 40)).p99,
    lanes: 100 * (await keyedLimit(target, 4, 50, 80)).shareOfIdeal,
  };
}

/** A server in this process that reads a call and answers. */
async function answeringServer(): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on("end", () => outgoing.setHeader("content-type", "application/json").end('{"ok":true}'));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Median milliseconds, one after the other. */
async function each(times: number, act: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < times; i++) {
    const startedAt = performance.now();
    await act();
    samples.push(performance.now() - startedAt);
  }
  return median(samples);
}

/** In the folder in which platforms keep their state here. */
function syncMs(times: number): number {
  const folder = mkdtempSync(join(tmpdir(), "inngest-bench-"));
  const file = openSync(join(folder, "file"), "w");
  const page = Buffer.alloc(4096, 1);
  const samples: number[] = [];
  for (let i = 0; i < times; i++) {
    writeSync(file, page);
    const startedAt = performance.now();
    fdatasyncSync(file);
    samples.push(performance.now() - startedAt);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  return median(samples);
}
