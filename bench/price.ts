/** What runs cost on Cloudflare's price list, from what they are counted to need. */

/** USD for a million, without what a month includes (Workers Paid; cloudflare's pages as of November 2026). */
export const PRICES = {
  /** of SQLite in an object; deletes and `setAlarm` are rows too */
  row: 1,
  /** RPC, `fetch` or alarm of an object */
  objectRequest: 0.15,
  /** HTTP request or batch of a queue; not what goes over a service binding */
  workerRequest: 0.3,
  /** write, read or delete of a message of up to 64 KB */
  queueOperation: 0.4,
  cpuMs: 0.02,
  /** an object that is awake has 128 MB for as long */
  gigabyteSecond: 12.5,
} as const;

const OPERATIONS_PER_MESSAGE = 3;
const OBJECT_GIGABYTES = 0.128;

/** What one run needs, with the event that starts it. */
export interface Counts {
  /** alarms that are set included, and what a table costs by being made */
  rows: number;
  objectRequests: number;
  workerRequests: number;
  queueMessages: number;
  /** not counted but assumed: a machine's CPU is not Cloudflare's */
  cpuMs: number;
  /** that objects are awake, all together; assumed */
  awakeSeconds: number;
}

/** A commit's way to the replicas that acknowledge it, in production: 5 to 30 ms are to be reckoned with. */
const GATE_SECONDS = 0.015;
/** A request to an app elsewhere, there and back, without the time of its code. */
const CALL_SECONDS = 0.025;

/**
 * What nobody can count here, of a 5-step run whose steps take no time. Objects are awake for the gates that something waits
 * for (append, start and end; over a binding and over HTTP each step's) and the requests between them.
 */
export const ASSUMED = {
  embedded: { cpuMs: 10, awakeSeconds: 4 * GATE_SECONDS },
  binding: { cpuMs: 12, awakeSeconds: 9 * GATE_SECONDS },
  http: { cpuMs: 15, awakeSeconds: 9 * GATE_SECONDS + 5 * CALL_SECONDS },
} as const;

export interface Price {
  rows: number;
  objectRequests: number;
  workerRequests: number;
  queue: number;
  cpu: number;
  awake: number;
  total: number;
}

/** USD per million such runs. */
export function priceOf(counts: Counts): Price {
  const parts = {
    rows: counts.rows * PRICES.row,
    objectRequests: counts.objectRequests * PRICES.objectRequest,
    workerRequests: counts.workerRequests * PRICES.workerRequest,
    queue: counts.queueMessages * OPERATIONS_PER_MESSAGE * PRICES.queueOperation,
    cpu: counts.cpuMs * PRICES.cpuMs,
    awake: counts.awakeSeconds * OBJECT_GIGABYTES * PRICES.gigabyteSecond,
  };
  return { ...parts, total: Object.values(parts).reduce((total, part) => total + part, 0) };
}

/** A Markdown table with a column for each kind of run: how many → USD per million runs. */
export function priceTable(columns: Record<string, Counts>): string {
  const all = Object.values(columns);
  const cell = (count: number, usd: number) => `${round(count)} → $${usd.toFixed(2)}`;
  const lines: [string, (counts: Counts, price: Price) => string][] = [
    ["rows written, alarms included ($1.00 per million)", (counts, price) => cell(counts.rows, price.rows)],
    ["object requests ($0.15)", (counts, price) => cell(counts.objectRequests, price.objectRequests)],
    [
      "Worker requests: HTTP and queue batches ($0.30)",
      (counts, price) => cell(counts.workerRequests, price.workerRequests),
    ],
    ["queue messages, three operations each ($0.40)", (counts, price) => cell(counts.queueMessages, price.queue)],
    ["CPU, ms ($0.02 per million)", (counts, price) => cell(counts.cpuMs, price.cpu)],
    ["objects awake, s ($12.50 per million GB-s, 128 MB)", (counts, price) => cell(counts.awakeSeconds, price.awake)],
    ["**per million runs**", (_, price) => `**$${price.total.toFixed(2)}**`],
  ];
  return [
    `| | ${Object.keys(columns).join(" | ")} |`,
    `|---|${"---|".repeat(all.length)}`,
    ...lines.map(([says, show]) => `| ${says} | ${all.map((counts) => show(counts, priceOf(counts))).join(" | ")} |`),
  ].join("\n");
}

function round(count: number): string {
  return String(Number(count.toFixed(2)));
}
