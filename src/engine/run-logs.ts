/**
 * Lines that a run's code has logged: kept with what the code tells, in the same decision, until the run has enough of them. What
 * is kept comes first, what is dropped is counted.
 */
import type { JsonValue } from "../protocol/json.ts";
import { byteLength } from "../protocol/json.ts";
import { LOGS_PER_RUN_MAX_BYTES } from "../protocol/limits.ts";
import type { LogBatch, LogLine } from "../protocol/logs.ts";
import { type Draft, attemptOf } from "./decision.ts";
import type { Entry, Extra } from "./run.ts";
import type { Input } from "./run-input.ts";

/** What a run knows of its lines without reading them. */
export interface RunLogs {
  /** number of the batch that was stored last */
  seq: number;
  bytes: number;
  /** lines of batches of which nothing was stored */
  dropped: number;
}

/** How many lines a step has logged. */
export interface LogCount {
  lines: number;
  dropped: number;
}

/** Lines as they are stored, in the order of `seq`. */
export interface StoredLogs {
  seq: number;
  /** hash of the step whose code wrote them; null: code around steps */
  step: string | null;
  /** as the app's code names that step */
  id: string | null;
  /** of the step, or of the function */
  attempt: number;
  lines: LogLine[];
  dropped: number;
}

export const NO_LOGS: RunLogs = { seq: 0, bytes: 0, dropped: 0 };

/** What the code around steps has logged since it was heard of last. What is told a second time replaces what was stored. */
export function keepLogsAround(draft: Draft, input: Input): void {
  const call = input.kind === "reply" || input.kind === "checkpoint" ? input.call : null;
  for (const logs of input.logs ?? []) {
    const { seq } = draft.run.logs ?? NO_LOGS;
    const id = call && logs.part !== undefined ? `${call.epoch}.${call.number}.${logs.part}` : String(seq + 1);
    keep(draft, `@${id}`, { step: null, id: null, attempt: attemptOf(draft.run) }, logs);
  }
}

/** An entry whose attempt is over, with what its code has logged. */
export function withLogs(draft: Draft, entry: Entry, logs: LogBatch | undefined): Entry {
  if (!logs) return entry;
  const { id, userId, attempt } = entry;
  const kept = keep(draft, `${id}/${attempt}`, { step: id, id: userId, attempt }, logs);
  const { lines, dropped } = entry.logs ?? { lines: 0, dropped: 0 };
  return { ...entry, logs: { lines: lines + kept.lines, dropped: dropped + kept.dropped } };
}

function keep(draft: Draft, id: string, of: Pick<StoredLogs, "step" | "id" | "attempt">, given: LogBatch): LogCount {
  const { run } = draft;
  const { seq, bytes, dropped } = run.logs ?? NO_LOGS;
  let room = LOGS_PER_RUN_MAX_BYTES - bytes;
  const end = given.lines.findIndex((line) => (room -= byteLength(JSON.stringify(line))) < 0);
  const lines = end < 0 ? given.lines : given.lines.slice(0, end);
  const left = given.lines.length - lines.length + given.dropped;
  if (lines.length === 0) {
    run.logs = { seq, bytes, dropped: dropped + left };
    draft.saveRun = true;
  } else {
    const stored: StoredLogs = { seq: seq + 1, ...of, lines, dropped: left };
    const value = stored as unknown as JsonValue;
    run.logs = { seq: seq + 1, bytes: bytes + byteLength(JSON.stringify(value)), dropped };
    draft.extras.push({ list: "log", id, value });
  }
  return { lines: lines.length, dropped: left };
}

/** One batch as {@link keep} has stored it. */
export function readStoredLogs(value: JsonValue): StoredLogs {
  return value as unknown as StoredLogs;
}

/** All that is stored, in the order in which it was told. */
export function storedLogs(stored: { extras(list: "log"): Extra[] }): StoredLogs[] {
  return stored
    .extras("log")
    .map(({ value }) => readStoredLogs(value))
    .sort((a, b) => a.seq - b.seq);
}
