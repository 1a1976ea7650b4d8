import type { LoggedEvent, RunCount, RunIndexRow, RunListFilter } from "../../durable-objects/objects.ts";
import { isListed } from "../../durable-objects/run-filter.ts";
import type { AppendPart } from "../../durable-objects/storage/append-parts.ts";
import type { Append, LogStore, ResendState } from "../../durable-objects/storage/stores.ts";
import type { EventRecord } from "../../protocol/event.ts";
import { byBytes, numberKey, type DiskAccess, type DiskValue } from "./memory-disk.ts";

/** A stored part and the watermark that the log knew when it took it. */
interface Part extends Append {
  ackedBefore: number;
}

/**
 * A log in memory. Tables: `log` (that it exists), `append` (parts of appends by their first id), `events` (theirs), `seq`
 * (first ids in the order of seqs), `resend`, `run`.
 */
export class MemoryLogStore implements LogStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  exists(): boolean {
    return this.#disk.get("log", "exists") !== undefined;
  }

  create(): void {
    if (!this.exists()) this.#disk.put("log", "exists", 1);
  }

  append(parts: readonly AppendPart[], seq: number, receivedAt: number, ackedBefore: number): void {
    this.#disk.transaction(() => {
      let next = seq;
      for (const { firstId, names, texts } of parts) {
        if (this.#disk.get("append", firstId) !== undefined)
          throw new Error(`an append that begins with event ${firstId} is here already`);
        const part: Part = { firstId, seq: next, count: texts.length, receivedAt, names, ackedBefore };
        this.#disk.put("append", firstId, JSON.stringify(part));
        this.#disk.put("events", firstId, `[${texts.join(",")}]`);
        this.#disk.put("seq", numberKey(next), firstId);
        next += texts.length;
      }
    });
  }

  end(): { next: number; ackedBefore: number } {
    for (const [, firstId] of this.#disk.below("seq")) {
      const { seq, count, ackedBefore } = this.#part(firstId);
      return { next: seq + count, ackedBefore };
    }
    return { next: 0, ackedBefore: 0 };
  }

  partOf(firstId: string): Append | undefined {
    const text = this.#disk.text("append", firstId);
    return text === undefined ? undefined : toAppend(JSON.parse(text));
  }

  find(internalId: string): { row: Append; event: LoggedEvent } | undefined {
    for (const [, text] of this.#disk.below("append", `${internalId}\0`)) {
      const part: Part = JSON.parse(String(text));
      const event = this.#events(part).find((logged) => logged.record.internalId === internalId);
      return event && { row: toAppend(part), event };
    }
    return undefined;
  }

  read(from: number, to: number): LoggedEvent[] {
    const found: LoggedEvent[] = [];
    for (const part of this.#partsFrom(from)) {
      if (part.seq >= to) break;
      found.push(...this.#events(part));
    }
    return found;
  }

  appendsBefore(id: string | null, limit: number): Append[] {
    const appends: Append[] = [];
    for (const [, text] of this.#disk.below("append", id ?? undefined)) {
      if (appends.length >= limit) break;
      appends.push(toAppend(JSON.parse(String(text))));
    }
    return appends;
  }

  firstSince(receivedAt: number): number {
    let first = this.end().next;
    // receipt times rise with seq, and what is asked for is seldom old
    for (const [, firstId] of this.#disk.below("seq")) {
      const part = this.#part(firstId);
      if (part.receivedAt < receivedAt) break;
      first = part.seq;
    }
    return first;
  }

  appendsFrom(seq: number, limit: number): Append[] {
    const appends: Append[] = [];
    for (const part of this.#partsFrom(seq)) {
      if (appends.length >= limit) break;
      appends.push(toAppend(part));
    }
    return appends;
  }

  hasIdBetween(low: string, high: string): boolean {
    const [append] = this.#disk.from("append", low);
    if (append && byBytes(append[0], high) <= 0) return true;
    const [run] = this.#runs(low);
    return run !== undefined && byBytes(run.eventId, high) <= 0;
  }

  deleteEvents(): void {
    this.#disk.transaction(() => {
      for (const table of ["append", "events", "seq"]) this.#disk.deleteAll(table);
    });
  }

  resends(from = 0, to: number = Number.MAX_SAFE_INTEGER): ResendState[] {
    const ranges: ResendState[] = [];
    for (const [, text] of this.#disk.from("resend", numberKey(from))) {
      const range: ResendState = JSON.parse(String(text));
      if (range.seq >= to) break;
      ranges.push(range);
    }
    return ranges;
  }

  putResend({ seq, upto, times, isParked, error }: ResendState): void {
    this.#disk.put("resend", numberKey(seq), JSON.stringify({ seq, upto, times, isParked, error }));
  }

  deleteResend(seq: number): void {
    this.#disk.delete("resend", numberKey(seq));
  }

  putRun(row: RunIndexRow): void {
    const key = `${row.eventId}\0${row.runId}`;
    const text = this.#disk.text("run", key);
    const known: RunIndexRow | undefined = text === undefined ? undefined : JSON.parse(text);
    const { status, startedAt, endedAt, dueAt, waiting } = row;
    const isSame = known && known.status === status && known.endedAt === endedAt && known.dueAt === dueAt;
    if (isSame && JSON.stringify(known.waiting) === JSON.stringify(waiting)) return;
    const stored: RunIndexRow = { ...(known ?? row), status, startedAt, endedAt, dueAt, waiting };
    this.#disk.put("run", key, JSON.stringify(stored));
  }

  runsOf(eventId: string): RunIndexRow[] {
    const found: RunIndexRow[] = [];
    for (const row of this.#runs(`${eventId}\0`)) {
      if (row.eventId !== eventId) break;
      found.push(row);
    }
    return found;
  }

  runsAfter(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[] {
    const found: RunIndexRow[] = [];
    for (const row of this.#runs(place ? `${place.eventId}\0${place.runId}\0` : undefined)) {
      if (found.length >= limit) break;
      found.push(row);
    }
    return found;
  }

  runsBefore(place: Pick<RunIndexRow, "eventId" | "runId"> | null, limit: number): RunIndexRow[] {
    const isBefore = ({ eventId, runId }: RunIndexRow) =>
      place === null || (byBytes(eventId, place.eventId) || byBytes(runId, place.runId)) < 0;
    return [...this.#runs()].filter(isBefore).reverse().slice(0, limit);
  }

  countRuns(filter: RunListFilter, max: number, looksMax: number): RunCount {
    const rows = this.runsBefore(null, looksMax);
    const found = rows.filter((row) => isListed(row, filter)).length;
    return { count: Math.min(found, max), looked: rows.length, isWhole: rows.length < looksMax && found <= max };
  }

  overdueRuns(before: number, limit: number): RunIndexRow[] {
    const due = [...this.#runs()].filter((row) => row.dueAt !== null && row.dueAt < before);
    return due.sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)).slice(0, limit);
  }

  deleteRun(eventId: string, runId: string): void {
    this.#disk.delete("run", `${eventId}\0${runId}`);
  }

  isEmpty(): boolean {
    return ["append", "run", "resend"].every((table) => this.#disk.count(table) === 0);
  }

  *#partsFrom(seq: number): Generator<Part> {
    for (const [, firstId] of this.#disk.from("seq", numberKey(seq))) yield this.#part(firstId);
  }

  #part(firstId: DiskValue): Part {
    return JSON.parse(this.#disk.text("append", String(firstId)) ?? "");
  }

  #events({ firstId, receivedAt }: Part): LoggedEvent[] {
    const records: EventRecord[] = JSON.parse(this.#disk.text("events", firstId) ?? "[]");
    return records.map((record) => ({ record, receivedAt }));
  }

  *#runs(key?: string): Generator<RunIndexRow> {
    for (const [, text] of this.#disk.from("run", key)) yield JSON.parse(String(text));
  }
}

function toAppend({ firstId, seq, count, receivedAt, names }: Part): Append {
  return { firstId, seq, count, receivedAt, names };
}
