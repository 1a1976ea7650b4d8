/** A history that nobody lived through: waits and index rows that are written to their stores in bulk. */
import { EventDO } from "../../../src/durable-objects/event-do.ts";
import { HistoryDO } from "../../../src/durable-objects/history-do.ts";
import { logOf, type RunPlace } from "../../../src/durable-objects/objects.ts";
import { NO_TERM } from "../../../src/durable-objects/storage/stores.ts";
import { objects, workerdHost } from "../../../src/durable-objects/workerd-host.ts";
import { prepareWait, termKey } from "../../../src/engine/expression.ts";
import { MAIN_ENV } from "../../../src/environment.ts";
import { ulidOf } from "../../../src/protocol/ids.ts";

/** Waiting runs that the benchmark only pretends to have; none of their events ever comes. */
export class FilledEventDO extends EventDO {
  async fill(from: number, count: number): Promise<void> {
    const store = workerdHost(this.ctx).stores.waits();
    const [since, until] = [Date.now(), Date.now() + HOUR_MS];
    for (let i = from; i < from + count; i++) {
      const data = { key: `nobody-${i}` };
      const wait = prepareWait("event.data.key == async.data.key", { name: "bench/waiter", data, ts: since });
      const [term] = wait.terms;
      const key = term ? termKey(term.path, term.value) : NO_TERM;
      store.put({ runId: `nobody-${i}`, stepId: "answer", wait, since, until }, key, term?.path ?? "");
    }
  }
}

const endedRun = {
  functionId: "embedded-one",
  appId: "embedded",
  eventName: "embedded/one",
  status: "Completed",
  createdAt: 0,
  startedAt: 0,
  endedAt: 0,
  dueAt: null,
} as const;

/** Ended runs that are in the index alone. */
export class FilledHistoryDO extends HistoryDO {
  /** @returns the one in the middle */
  async fill(shard: number, from: number, count: number): Promise<RunPlace> {
    const { stores } = workerdHost(this.ctx);
    const store = stores.log();
    const places = Array.from({ length: count }, (_, i) => placeOf(shard, from + i));
    for (const { eventId, runId } of places) store.putRun({ ...endedRun, eventId, runId });
    return places[Math.floor(count / 2)] ?? { eventId: "", runId: "" };
  }
}

const HOUR_MS = 3_600_000;
const SHARDS = 4;
/** Rows that one request writes: it is answered within a second. */
const ROWS_PER_REQUEST = 10_000;

export async function fillWaits(name: string, from: number, count: number): Promise<void> {
  const waits = objects.waits(MAIN_ENV, name) as unknown as FilledEventDO;
  for (let done = 0; done < count; done += ROWS_PER_REQUEST)
    await waits.fill(from + done, Math.min(ROWS_PER_REQUEST, count - done));
}

/** @returns a run about in the middle of those that were written */
export async function fillRuns(from: number, count: number): Promise<RunPlace> {
  let middle: RunPlace = { eventId: "", runId: "" };
  for (let shard = 0; shard < SHARDS; shard++) {
    const first = placeOf(shard, from);
    const log = logOf(first.eventId);
    await objects.registry(MAIN_ENV).openLog(log);
    const history = objects.log(MAIN_ENV, log) as unknown as FilledHistoryDO;
    await history.read(0, 0); // as any other request would find it
    await history.index({ ...endedRun, ...first });
    const share = count / SHARDS;
    for (let done = 0; done < share; done += ROWS_PER_REQUEST)
      middle = await history.fill(shard, from + done, Math.min(ROWS_PER_REQUEST, share - done));
  }
  return middle;
}

const DIGITS = 7;

/** Ids of this day's log, one per number: its digits are the last of the id. */
function placeOf(shard: number, i: number): RunPlace {
  const id = baseOf(shard).slice(0, -DIGITS) + String(i).padStart(DIGITS, "0");
  return { eventId: id, runId: id };
}

function baseOf(shard: number): string {
  return (bases[shard] ??= ulidOf({ timeMs: today(), entropy: new Uint8Array(10).with(0, shard) }));
}

const bases: string[] = [];

/** Noon, so that no id is of another day. */
function today(): number {
  const DAY_MS = 24 * HOUR_MS;
  return Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
}
