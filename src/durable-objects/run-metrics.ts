/** What index rows say of how a function does: a log sums up its own, and the sums of several logs are joined. */
import type { RunStatus } from "../engine/run.ts";
import type { RunIndexRow } from "./objects.ts";

export interface MetricsQuery {
  functionId: string;
  /** the buckets begin here */
  from: number;
  /** exclusive; a whole number of buckets after `from` */
  until: number;
  bucketMs: number;
  /** runs of events that came before are not looked at */
  eventsFrom: number;
  /** of a log, so many rows are looked at, the newest first */
  rowsMax: number;
}

export interface MetricsBucket {
  started: number;
  ended: Partial<Record<RunStatus, number>>;
  /** of the runs that completed or failed in it, from the first start of their code to their end */
  durationsMs: number[];
  /** runs that had been created and had not begun when it ended */
  backlog: number;
}

export interface Metrics {
  buckets: MetricsBucket[];
  /** runs that have not begun, and those that have and have not ended, now */
  queued: number;
  running: number;
  looked: number;
  /** when not all rows were looked at: runs of events that came before this instant were not */
  cutAt: number | null;
}

export class MetricsSum {
  readonly #query: MetricsQuery;
  readonly #buckets: MetricsBucket[];
  /** by how much the backlog of a bucket differs from that of the one before */
  readonly #changes: number[];
  #queued = 0;
  #running = 0;
  #looked = 0;

  constructor(query: MetricsQuery) {
    this.#query = query;
    const count = Math.ceil((query.until - query.from) / query.bucketMs);
    this.#buckets = Array.from({ length: count }, () => ({ started: 0, ended: {}, durationsMs: [], backlog: 0 }));
    this.#changes = Array.from({ length: count }, () => 0);
  }

  get looked(): number {
    return this.#looked;
  }

  add(row: RunIndexRow): void {
    this.#looked += 1;
    if (row.functionId !== this.#query.functionId) return;
    const { createdAt, startedAt, endedAt, status } = row;
    if (endedAt === null && startedAt === null) this.#queued += 1;
    if (endedAt === null && startedAt !== null) this.#running += 1;
    const begun = startedAt === null ? undefined : this.#bucketAt(startedAt);
    if (begun) begun.started += 1;
    const over = endedAt === null ? undefined : this.#bucketAt(endedAt);
    if (over && endedAt !== null) {
      over.ended[status] = (over.ended[status] ?? 0) + 1;
      const isRun = status === "Completed" || status === "Failed";
      if (isRun && startedAt !== null) over.durationsMs.push(Math.max(endedAt - startedAt, 0));
    }
    this.#wait(createdAt, 1);
    this.#wait(startedAt ?? endedAt ?? Number.POSITIVE_INFINITY, -1);
  }

  /** @param cutAt as in {@link Metrics} */
  sum(cutAt: number | null): Metrics {
    let backlog = 0;
    const buckets = this.#buckets.map((bucket, index) => {
      backlog += this.#changes[index] ?? 0;
      return { ...bucket, backlog };
    });
    return { buckets, queued: this.#queued, running: this.#running, looked: this.#looked, cutAt };
  }

  /** A run joins the backlog, or leaves it: what was before the first bucket holds from that one on. */
  #wait(at: number, change: 1 | -1): void {
    const index = Math.max(this.#indexOf(at), 0);
    if (index < this.#changes.length) this.#changes[index] = (this.#changes[index] ?? 0) + change;
  }

  #bucketAt(at: number): MetricsBucket | undefined {
    return this.#buckets[this.#indexOf(at)];
  }

  #indexOf(at: number): number {
    return Math.floor((at - this.#query.from) / this.#query.bucketMs);
  }
}

/** The metrics of several logs as those of one. All have the same buckets. */
export function joined(parts: readonly Metrics[]): Metrics {
  const [first] = parts;
  const sumOf = (of: (part: Metrics) => number) => parts.reduce((sum, part) => sum + of(part), 0);
  const cuts = parts.flatMap(({ cutAt }) => cutAt ?? []);
  return {
    buckets: (first?.buckets ?? []).map((_, index) => joinedBucket(parts.flatMap((part) => part.buckets[index] ?? []))),
    queued: sumOf(({ queued }) => queued),
    running: sumOf(({ running }) => running),
    looked: sumOf(({ looked }) => looked),
    cutAt: cuts.length === 0 ? null : Math.max(...cuts),
  };
}

function joinedBucket(parts: readonly MetricsBucket[]): MetricsBucket {
  const ended: MetricsBucket["ended"] = {};
  for (const part of parts)
    for (const [status, count] of Object.entries(part.ended) as [RunStatus, number][])
      ended[status] = (ended[status] ?? 0) + count;
  return {
    started: parts.reduce((sum, part) => sum + part.started, 0),
    ended,
    durationsMs: parts.flatMap((part) => part.durationsMs),
    backlog: parts.reduce((sum, part) => sum + part.backlog, 0),
  };
}

/** The smallest value that so large a share of all is not above; null when there is none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? null;
}
