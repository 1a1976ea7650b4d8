/**
 * The most that a run of five steps needs, with its event. `test/workers/cost.test.ts` counts and holds the platform to it,
 * `npm run bench -- --only=cost` counts with real apps, and the pages' prices are made of these.
 */
import { ASSUMED, type Counts } from "./price.ts";

const BATCH = 50;
/** The event's HTTP request and the batch of the queue that it comes in. */
const OF_EVENT = { workerRequests: 2, queueMessages: 1 };
const OF_BATCH = { workerRequests: 2 / BATCH, queueMessages: 1 / BATCH };
const STEPS = 5;

/** Rows that SQLite reports for the making of a run's table, in all of the counts; whether they are billed is not said anywhere. */
export const DEFINITION_ROWS = 2;

export interface CountedRun {
  /** its event comes alone, a few seconds after another */
  idle: Counts;
  /** its event is one of 50 in a request */
  batched: Counts;
}

export const counted = {
  embedded: {
    idle: { rows: 13, objectRequests: 6, ...OF_EVENT, ...ASSUMED.embedded },
    batched: { rows: 11.1, objectRequests: 3.1, ...OF_BATCH, ...ASSUMED.embedded },
  },
  binding: {
    idle: { rows: 13, objectRequests: 6, ...OF_EVENT, ...ASSUMED.binding },
    batched: { rows: 11.1, objectRequests: 3.1, ...OF_BATCH, ...ASSUMED.binding },
  },
  /** over HTTP, told of each step while the call goes on */
  checkpoints: {
    idle: { rows: 13, objectRequests: 12, ...told(OF_EVENT), ...ASSUMED.http },
    batched: { rows: 11.5, objectRequests: 10.1, ...told(OF_BATCH), ...ASSUMED.http }, // a busy app may be called once more
  },
  /** over HTTP, each step the end of a call */
  calls: {
    idle: { rows: 18, objectRequests: 12, ...OF_EVENT, ...ASSUMED.http },
    batched: { rows: 16.5, objectRequests: 9.5, ...OF_BATCH, ...ASSUMED.http },
  },
} as const satisfies Record<string, CountedRun>;

function told({ workerRequests, queueMessages }: typeof OF_EVENT) {
  return { workerRequests: workerRequests + STEPS, queueMessages };
}

/** The columns of README.md's table. */
export const readmeColumns: Record<string, Counts> = {
  "one event at a time": counted.embedded.idle,
  "50 events per request": counted.embedded.batched,
};

/** The columns of docs/performance.md's table. */
export const pageColumns: Record<string, Counts> = {
  embedded: counted.embedded.idle,
  "embedded, of 50": counted.embedded.batched,
  binding: counted.binding.idle,
  "binding, of 50": counted.binding.batched,
  "HTTP, checkpoints": counted.checkpoints.idle,
  "HTTP, a call per step": counted.calls.idle,
};
