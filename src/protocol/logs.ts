/** Lines that the code of a run has logged: what they are, and how many are kept of what is logged at a time. */
import { byteLength, fitsBytes, isObject } from "./json.ts";
import { LOG_LINE_MAX_BYTES, LOG_LINES_MAX, LOG_MAX_BYTES } from "./limits.ts";

export const LOG_LINE_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLineLevel = (typeof LOG_LINE_LEVELS)[number];

export interface LogLine {
  /** epoch ms */
  at: number;
  level: LogLineLevel;
  text: string;
  /** the text is the beginning of a longer one */
  isCut?: true;
}

/** Lines of one attempt of a step, or of the code around steps since the last time. */
export interface LogBatch {
  lines: LogLine[];
  /** of those for which there was no room */
  dropped: number;
  /** which of its call's it is: told twice, it is kept once */
  part?: number;
}

/** Field of an error that an app answers with, and a platform of ours takes out again: batches of the code around steps. */
export const LOGS_FIELD = "@dotdo/logs";

const encoder = new TextEncoder();

/** Takes lines as far as there is room: the first ones stay. */
export class LogLines {
  #lines: LogLine[] = [];
  #bytes = 0;
  #dropped = 0;
  #isFull = false;

  /**
   * @param text called only while there is room
   * @param isCut it is the beginning of a longer one already
   */
  add(level: LogLineLevel, at: number, text: () => string, isCut = false): void {
    if (this.#isFull) this.#dropped += 1;
    else this.#put(cutLine(level, at, text(), isCut));
  }

  /** What came since the last time; undefined for nothing. */
  take(): LogBatch | undefined {
    if (this.#lines.length === 0 && this.#dropped === 0) return undefined;
    const batch = { lines: this.#lines, dropped: this.#dropped };
    this.#lines = [];
    this.#bytes = 0;
    this.#dropped = 0;
    this.#isFull = false;
    return batch;
  }

  #put(line: LogLine): void {
    const bytes = byteLength(JSON.stringify(line));
    this.#isFull = this.#lines.length >= LOG_LINES_MAX || this.#bytes + bytes > LOG_MAX_BYTES;
    if (this.#isFull) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
  }
}

function cutLine(level: LogLineLevel, at: number, text: string, isCut: boolean): LogLine {
  if (fitsBytes(text, LOG_LINE_MAX_BYTES)) return { at, level, text, ...(isCut && { isCut }) };
  const { read } = encoder.encodeInto(text, new Uint8Array(LOG_LINE_MAX_BYTES));
  return { at, level, text: text.slice(0, read), isCut: true };
}

/** Lines as an app tells them, within the bounds. What is no line is left out: it must not cost the app its step. */
export function readLogs(value: unknown): LogBatch | undefined {
  if (!isObject(value) || !Array.isArray(value.lines)) return undefined;
  const lines = new LogLines();
  for (const line of value.lines) {
    if (!isObject(line)) continue;
    const { at, level, text, isCut } = line;
    const known = LOG_LINE_LEVELS.find((one) => one === level);
    if (typeof at !== "number" || !Number.isFinite(new Date(at).getTime()) || !known || typeof text !== "string")
      continue;
    lines.add(known, at, () => text, isCut === true);
  }
  const kept = lines.take() ?? { lines: [], dropped: 0 };
  const dropped = kept.dropped + countOf(value.dropped);
  if (kept.lines.length === 0 && dropped === 0) return undefined;
  return { lines: kept.lines, dropped, ...(typeof value.part === "number" && { part: countOf(value.part) }) };
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
