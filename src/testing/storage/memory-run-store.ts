import { readableRun } from "../../durable-objects/storage/run-schema.ts";
import type { MemoText, RunCounters, RunStore } from "../../durable-objects/storage/stores.ts";
import type { Lease } from "../../engine/lease.ts";
import { entryDueAt, type Effect, type Entry, type Extra, type ExtraList, type Run } from "../../engine/run.ts";
import { readStoredLogs } from "../../engine/run-logs.ts";
import type { EventRecord } from "../../protocol/event.ts";
import { byteLength, type JsonValue } from "../../protocol/json.ts";
import { numberKey, type DiskAccess } from "./memory-disk.ts";

/**
 * A run in memory. Tables: `run` (header under `run`, trigger events under `events`), `step` (journal entries by step id,
 * as JSON), `effect`, `lease` (by number), `answered`, `defer`, `metadata`, `span`, `log`, and the open deadlines: `due` (step ids in the order of their deadlines) and `deadline`
 * (a step's key in `due`).
 */
export class MemoryRunStore implements RunStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  transaction<T>(body: () => T): T {
    return this.#disk.transaction(body);
  }

  run(): Run | null {
    const text = this.#disk.text("run", "run");
    return text === undefined ? null : readableRun(JSON.parse(text));
  }

  create(run: Run, events: EventRecord[]): { inline: boolean } {
    this.#disk.transaction(() => {
      this.#disk.put("run", "events", JSON.stringify(events));
      this.putRun(run);
    });
    return { inline: false };
  }

  /** The header carries no events: they stay where they are. */
  putRun(run: Run): void {
    this.#disk.put("run", "run", JSON.stringify(run));
  }

  events(): { records: EventRecord[]; inline: boolean } {
    return { records: JSON.parse(this.#disk.text("run", "events") ?? "[]"), inline: false };
  }

  entry(stepId: string): Entry | undefined {
    const text = this.#disk.text("step", stepId);
    return text === undefined ? undefined : JSON.parse(text);
  }

  putEntry(entry: Entry): void {
    this.#disk.transaction(() => {
      const known = this.#disk.text("deadline", entry.id);
      const dueAt = entryDueAt(entry);
      const due = dueAt === null ? undefined : `${numberKey(dueAt)}${numberKey(entry.position)}${entry.id}`;
      if (known !== undefined && known !== due) this.#disk.delete("due", known);
      if (due === undefined) this.#disk.delete("deadline", entry.id);
      else {
        this.#disk.put("due", due, JSON.stringify([dueAt, entry.id]));
        this.#disk.put("deadline", entry.id, due);
      }
      this.#disk.put("step", entry.id, JSON.stringify(entry));
    });
  }

  entries(): Entry[] {
    return this.#entries().sort((a, b) => a.position - b.position);
  }

  settledCount(): number {
    return this.#entries().filter((entry) => entry.status.kind === "settled").length;
  }

  memosAfter(position: number): MemoText[] {
    return this.entries().flatMap(({ id, position: at, status }) =>
      status.kind === "settled" && at > position ? { id, position: at, text: JSON.stringify(status.memo) } : [],
    );
  }

  page(after: number, maxBytes: number): { entries: Entry[]; next: number | null } {
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.entries()) {
      if (entry.position <= after) continue;
      if (bytes > maxBytes) return { entries, next: entries.at(-1)?.position ?? null };
      bytes += byteLength(JSON.stringify(entry));
      entries.push(entry);
    }
    return { entries, next: null };
  }

  dueEntries(now: number, limit: number): Entry[] {
    const due: Entry[] = [];
    for (const [dueAt, stepId] of this.#deadlines()) {
      if (dueAt > now || due.length >= limit) break;
      due.push(...this.#found(stepId));
    }
    return due;
  }

  nextDueAt(): number | null {
    for (const [dueAt] of this.#deadlines()) return dueAt;
    return null;
  }

  openEntries(): Entry[] {
    return [...this.#deadlines()].flatMap(([, stepId]) => this.#found(stepId));
  }

  counters(): RunCounters {
    const counters = { position: 0, steps: 0, bytes: 0, logs: { seq: 0, bytes: 0 } };
    for (const text of this.#disk.values("step")) {
      const entry: Entry = JSON.parse(String(text));
      counters.position = Math.max(counters.position, entry.position);
      counters.steps += 1;
      counters.bytes += byteLength(String(text));
    }
    for (const text of this.#disk.values("log")) {
      counters.logs.seq = Math.max(counters.logs.seq, readStoredLogs(JSON.parse(String(text))).seq);
      counters.logs.bytes += byteLength(String(text));
    }
    return counters;
  }

  putEffect(effect: Effect): void {
    this.#disk.put("effect", effect.id, JSON.stringify(effect));
  }

  effects(): Effect[] {
    return [...this.#disk.from("effect")].map(([, text]) => JSON.parse(String(text)));
  }

  hasEffects(): boolean {
    return this.#disk.count("effect") > 0;
  }

  deleteEffect(id: string): void {
    this.#disk.delete("effect", id);
  }

  leases(): Lease[] {
    return [...this.#disk.from("lease")].map(([, text]) => JSON.parse(String(text)));
  }

  putLease(lease: Lease): void {
    this.#disk.put("lease", numberKey(lease.seq), JSON.stringify(lease));
  }

  deleteLease(seq: number): void {
    this.#disk.delete("lease", numberKey(seq));
  }

  answeredAt(internalId: string): number | undefined {
    const position = this.#disk.get("answered", internalId);
    return position === undefined ? undefined : Number(position);
  }

  putAnswered(internalId: string, position: number): void {
    this.#disk.put("answered", internalId, position);
  }

  putExtra({ list, id, value }: Extra): void {
    this.#disk.put(list, id, JSON.stringify(value));
  }

  extra(list: ExtraList, id: string): JsonValue | undefined {
    const text = this.#disk.text(list, id);
    return text === undefined ? undefined : JSON.parse(text);
  }

  extras(list: ExtraList): Extra[] {
    return [...this.#disk.from(list)].map(([id, text]) => ({ list, id, value: JSON.parse(String(text)) }));
  }

  #entries(): Entry[] {
    return this.#disk.values("step").map((text) => JSON.parse(String(text)));
  }

  #found(stepId: string): Entry[] {
    const entry = this.entry(stepId);
    return entry ? [entry] : [];
  }

  *#deadlines(): Generator<[dueAt: number, stepId: string]> {
    for (const [, text] of this.#disk.from("due")) yield JSON.parse(String(text));
  }
}
