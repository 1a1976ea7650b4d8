import type { LoggedEvent, Subscription } from "../../durable-objects/objects.ts";
import type { Cursor, Delivery, WaitStore } from "../../durable-objects/storage/stores.ts";
import type { EventRecord } from "../../protocol/event.ts";
import type { DiskAccess } from "./memory-disk.ts";

const DELIVERIES_MAX = 10;

interface StoredWait {
  subscription: Subscription;
  term: string;
  path: string;
}

/**
 * Waits in memory. Tables: `wait` (by run and step), `term` (keys of `wait` in the order of their terms), `path` (how many
 * waits name it), `delivery` (its cursor by event id), `event`.
 */
export class MemoryWaitStore implements WaitStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  put({ runId, stepId, wait, since, until }: Subscription, term: string, path: string): void {
    const stored: StoredWait = { subscription: { runId, stepId, wait, since, until }, term, path };
    const key = waitKey(runId, stepId);
    this.#disk.transaction(() => {
      this.delete(runId, stepId);
      this.#disk.put("wait", key, JSON.stringify(stored));
      this.#disk.put("term", termPrefix(term) + key, key);
      this.#count(path, 1);
    });
  }

  delete(runId: string, stepId: string): void {
    const key = waitKey(runId, stepId);
    const known = this.#wait(key);
    if (!known) return;
    this.#disk.transaction(() => {
      this.#disk.delete("wait", key);
      this.#disk.delete("term", termPrefix(known.term) + key);
      this.#count(known.path, -1);
    });
  }

  paths(): string[] {
    return [...this.#disk.from("path")].flatMap(([path]) => path || []);
  }

  page(term: string, runId: string, stepId: string, limit: number): Subscription[] {
    const page: Subscription[] = [];
    const prefix = termPrefix(term);
    for (const [key, wait] of this.#disk.from("term", `${prefix}${waitKey(runId, stepId)}\0`)) {
      if (page.length >= limit || !key.startsWith(prefix)) break;
      const found = this.#wait(String(wait));
      if (found) page.push(found.subscription);
    }
    return page;
  }

  putDelivery({ record, receivedAt }: LoggedEvent, cursor: Cursor): void {
    const id = record.internalId;
    this.#disk.transaction(() => {
      if (this.#disk.get("event", id) === undefined)
        this.#disk.put("event", id, JSON.stringify({ record, receivedAt }));
      this.#disk.put("delivery", id, JSON.stringify(cursor));
    });
  }

  deleteDelivery(internalId: string): void {
    this.#disk.transaction(() => {
      this.#disk.delete("delivery", internalId);
      this.#disk.delete("event", internalId);
    });
  }

  deliveries(): Delivery[] {
    const found: Delivery[] = [];
    for (const [id, cursor] of this.#disk.from("delivery")) {
      if (found.length >= DELIVERIES_MAX) break;
      const logged: { record: EventRecord; receivedAt: number } = JSON.parse(this.#disk.text("event", id) ?? "");
      found.push({ logged, cursor: JSON.parse(String(cursor)) });
    }
    return found;
  }

  isEmpty(): boolean {
    return this.#disk.count("wait") === 0 && this.#disk.count("delivery") === 0;
  }

  #wait(key: string): StoredWait | undefined {
    const text = this.#disk.text("wait", key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  #count(path: string, by: number): void {
    const count = Number(this.#disk.get("path", path) ?? 0) + by;
    if (count > 0) this.#disk.put("path", path, count);
    else this.#disk.delete("path", path);
  }
}

/** Neither id has a NUL in it. */
function waitKey(runId: string, stepId: string): string {
  return `${runId}\0${stepId}`;
}

/** A term's text may have any character, its JSON has no NUL. */
function termPrefix(term: string): string {
  return `${JSON.stringify(term)}\0`;
}
