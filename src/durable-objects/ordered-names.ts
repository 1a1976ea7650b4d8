import { isOrdered } from "../flow-control/fifo.ts";
import type { EventRecord } from "../protocol/event.ts";
import { orderedUlid } from "../protocol/ids.ts";
import type { Objects } from "./objects.ts";

/** How old what is known may be: a function that is new has its order from here on. */
const REFRESH_MS = 5_000;

/** Which event names have to stay in order, as far as this isolate knows. Asked before its first event, then meanwhile. */
export class OrderedNames {
  readonly #read: () => Promise<string[]>;
  #names: ReadonlySet<string> | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(read: () => Promise<string[]>) {
    this.#read = read;
  }

  /** Records as they are to be accepted: those of a request go into the log of order together when one of them has to. */
  async place(records: EventRecord[], now: number): Promise<EventRecord[]> {
    if (this.#readAt + REFRESH_MS <= now) {
      this.#reading ??= this.#refresh(now);
      if (this.#names === null) await this.#reading;
      else this.#reading.catch(() => undefined); // what is known serves until the next
    }
    const names = this.#names ?? new Set();
    return records.some(({ event }) => isOrdered(event.name, names)) ? records.map(inOrderLog) : records;
  }

  async #refresh(now: number): Promise<void> {
    try {
      this.#names = new Set(await this.#read());
      this.#readAt = now;
    } finally {
      this.#reading = null;
    }
  }
}

const byObjects = new WeakMap<Objects, Map<string, OrderedNames>>();

/** The names of an environment of these objects. */
export function orderedNamesOf(objects: Objects, env: string): OrderedNames {
  const byEnv = byObjects.get(objects) ?? new Map<string, OrderedNames>();
  byObjects.set(objects, byEnv);
  const known = byEnv.get(env) ?? new OrderedNames(() => objects.registry(env).ordered());
  byEnv.set(env, known);
  return known;
}

function inOrderLog(record: EventRecord): EventRecord {
  const internalId = orderedUlid(record.internalId);
  const { event } = record;
  return { ...record, internalId, event: event.id === record.internalId ? { ...event, id: internalId } : event };
}
