/**
 * What a run of five steps is counted to need, with its event. `test/workers/cost.test.ts` holds the embedded figures to what
 * it counts, `npm run bench -- --only=cost` counts all of them, and the pages' prices are made of these.
 */
import { ASSUMED, type Counts } from "./price.ts";
import type { TargetName } from "./stage.ts";

export const BATCH = 50;

/** Alone, and as one of {@link BATCH} whose events come in one request. */
export interface CountedRun {
  idle: Counts;
  batched: Counts;
}

export const counted = {
  embedded: {
    idle: { rows: 14, objectRequests: 6, workerRequests: 2, queueMessages: 1, ...ASSUMED.embedded },
    batched: {
      rows: 11.06,
      objectRequests: 3.06,
      workerRequests: 2 / BATCH,
      queueMessages: 1 / BATCH,
      ...ASSUMED.embedded,
    },
  },
  http: {
    idle: { rows: 14, objectRequests: 12, workerRequests: 7, queueMessages: 1, ...ASSUMED.http },
    batched: {
      rows: 11.06,
      objectRequests: 9.06,
      workerRequests: 5 + 2 / BATCH,
      queueMessages: 1 / BATCH,
      ...ASSUMED.http,
    },
  },
} as const satisfies Partial<Record<TargetName, CountedRun>>;

/** The columns of README.md's table. */
export const readmeColumns: Record<string, Counts> = {
  "embedded, one event at a time": counted.embedded.idle,
  "embedded, 50 events per request": counted.embedded.batched,
};

/** The columns of docs/performance.md's table. */
export const pageColumns: Record<string, Counts> = {
  "embedded, alone": counted.embedded.idle,
  "embedded, of 50": counted.embedded.batched,
  "HTTP, alone": counted.http.idle,
  "HTTP, of 50": counted.http.batched,
};
