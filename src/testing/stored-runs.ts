import type { Stores } from "../durable-objects/storage/stores.ts";
import { leaseSeqOf, type Lease } from "../engine/lease.ts";
import { storedLogs, type StoredLogs } from "../engine/run-logs.ts";
import { isEnded, type Entry } from "../engine/run.ts";
import type { ObjectKind } from "./host/faults.ts";
import type { World } from "./host/world.ts";
import { keyHasWork } from "./key-work.ts";
import type { StoredRun } from "./run.ts";
import { DiskAccess, type MemoryDisk } from "./storage/memory-disk.ts";
import { memoryStores } from "./storage/memory-stores.ts";

/** What the objects of a world have stored, as it is now: read without waking anybody. */
export class StoredRuns {
  readonly #world: World;
  /** what was read of runs, and at which change of their disks */
  readonly #known = new Map<string, { changes: number; stored: StoredRun | undefined }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Ids of all runs, in the order in which they began. */
  ids(): string[] {
    return this.#world.names("run");
  }

  has(runId: string): boolean {
    return this.#world.disk("run", runId)?.isEmpty === false;
  }

  /** A run. Its journal is read when it is asked for: most questions are about the run alone. */
  read(runId: string): StoredRun | undefined {
    const disk = this.#world.disk("run", runId);
    if (!disk) return undefined;
    const known = this.#known.get(runId);
    if (known?.changes === disk.changes) return known.stored;
    const stored = storedRun(disk);
    this.#known.set(runId, { changes: disk.changes, stored });
    return stored;
  }

  hasEnded(runId: string): boolean {
    const stored = this.read(runId);
    return stored !== undefined && isEnded(stored.run.state);
  }

  /** Steps without a result, of one run or of all, as far as they have not ended. */
  *openEntries(only?: string): Iterable<{ runId: string; entry: Entry }> {
    for (const runId of only === undefined ? this.ids() : [only]) {
      const stored = this.read(runId);
      if (!stored || isEnded(stored.run.state)) continue;
      for (const entry of stored.entries) if (entry.status.kind !== "settled") yield { runId, entry };
    }
  }

  /** Whether a run's steps have a deadline. */
  hasDeadline(runId: string): boolean {
    return (this.#stores("run", runId)?.run().nextDueAt() ?? null) !== null;
  }

  /** Whether the waits for an event name have events to offer. */
  hasDeliveries(eventName: string): boolean {
    return (this.#stores("waits", eventName)?.waits().deliveries().length ?? 0) > 0;
  }

  /** Whether time brings on something at a flow-control key. */
  keyHasWork(name: string): boolean {
    const store = this.#stores("key", name)?.key();
    return store !== undefined && keyHasWork(name, store, ({ id }) => this.#holds(id));
  }

  /** Whether a run has a lease; it begins with the run's id. */
  #holds(leaseId: string): boolean {
    const run = this.#stores("run", leaseId.slice(0, leaseId.lastIndexOf(".")))?.run();
    return run?.leases().some(({ seq }) => seq === leaseSeqOf(leaseId)) ?? false;
  }

  #stores(kind: ObjectKind, name: string): Stores | undefined {
    const disk = this.#world.disk(kind, name);
    return disk && storesOf(disk);
  }
}

/** Stores over a disk, for looking at what is there. */
export function storesOf(disk: MemoryDisk): Stores {
  return memoryStores(new DiskAccess(disk, unwatched));
}

/** @returns undefined for an object that has stored no run */
function storedRun(disk: MemoryDisk): StoredRun | undefined {
  const store = storesOf(disk).run();
  const run = store.run();
  const events = run ? store.events().records.map((record) => record.event) : [];
  const [trigger] = events;
  if (!run || !trigger) return undefined;
  let entries: Entry[] | undefined;
  let leases: Lease[] | undefined;
  let logs: StoredLogs[] | undefined;
  return {
    run,
    trigger,
    events,
    get leases() {
      return (leases ??= run.admission ? store.leases() : []);
    },
    get logs() {
      return (logs ??= storedLogs(store));
    },
    get entries() {
      return (entries ??= store.entries());
    },
  };
}

const unwatched = { access: () => undefined, committing: () => undefined, committed: () => undefined };
