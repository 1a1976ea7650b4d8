/** The rows of the table: what is measured, what is asked for, and below what no engine can come on the same machine. */
import type { FloorId } from "./floors.ts";
import type { TargetName } from "./stage.ts";

/** Who ran the functions; `any`: none were; `sdk …`: a client with a server that answers at once. */
export type By = TargetName | "any" | `sdk ${TargetName}` | `client ${string}`;

export interface Row {
  says: string;
  /** `%`, `MiB`, `×` and `$`: as they are; empty: a number */
  unit: "ms" | "/s" | "%" | "MiB" | "×" | "$" | "";
  /** the same whatever else the machine does */
  isCount?: true;
  /** of all passes, instead of their median */
  fold?: "sum" | "max";
  /** what Inngest's dev server takes with the same clients, by default and (with its fastest tick) */
  inngest?: string;
  /** at most so many, or for what is counted per second, and for shares, at least; on the machine of cloudflare-facts */
  asked?: Partial<Record<By, number>>;
  /** their sum is the floor */
  floor?: Partial<Record<By, FloorPart[]>>;
}

/** A floor, so many times, or a client's own figure for the same row. */
export type FloorPart = FloorId | [times: number, FloorId] | "sdk";

const event: FloorPart[] = ["event"];
const eventAndCall: FloorPart[] = ["event", "call"];
const none = { embedded: 0, binding: 0, http: 0, v4: 0, v3: 0, workflows: 0 };

export const rows = {
  firstLine: {
    says: "event sent → first line, idle, p50",
    unit: "ms",
    inngest: "197 (145)",
    asked: { embedded: 8, binding: 8, http: 12, v4: 12 },
    floor: { embedded: event, binding: event, http: eventAndCall, v4: eventAndCall },
  },
  step10: {
    says: "per step, run of 10",
    unit: "ms",
    inngest: "v4 1.8 (1.6), v3 150 (7.5)",
    asked: { v3: 3, python: 3 },
    floor: {
      embedded: ["turn"],
      binding: ["rpcInsert"],
      http: ["insertMs"],
      v4: ["sdk"],
      v3: ["sdk"],
      python: ["sdk"],
    },
  },
  step100: {
    says: "per step, run of 100",
    unit: "ms",
    inngest: "v4 1.6 (1.7), v3 150 (14)",
    asked: { embedded: 0.25, binding: 0.5, http: 0.8, v4: 0.9, v3: 6, python: 6 },
    floor: {
      embedded: ["turn"],
      binding: ["rpcInsert"],
      http: ["insertMs"],
      v4: ["sdk"],
      v3: ["sdk"],
      python: ["sdk"],
    },
  },
  step500: {
    says: "per step, run of 500",
    unit: "ms",
    inngest: "v4 1.4 (1.5), v3 150 (49)",
    asked: { v4: 0.9, v3: 25, python: 25 },
    floor: { v4: ["sdk"], v3: ["sdk"], python: ["sdk"] },
  },
  step10000: {
    says: "per step, run of 10,000",
    unit: "ms",
    floor: { embedded: ["turn"], binding: ["rpcInsert"], http: ["insertMs"] },
  },
  stepGrowth: { says: "… 10,000 steps ÷ 10 steps", unit: "×", asked: { embedded: 1.2, binding: 1.2, http: 1.2 } },
  parallel: {
    says: "100 parallel steps in one run",
    unit: "ms",
    inngest: "769 (606)",
    asked: { embedded: 25, binding: 25, http: 150, v4: 150 },
    floor: { embedded: [[2, "turn"]], binding: ["rpcInsert"], http: ["sdk"], v4: ["sdk"] },
  },
  invoke: {
    says: "invoke, per level",
    unit: "ms",
    inngest: "510 (502)",
    asked: { embedded: 20, binding: 20, http: 20, v4: 20 },
    floor: {
      embedded: [[2, "event"]],
      binding: [[2, "event"]],
      http: [[2, "event"], "call"],
      v4: [[2, "event"], "call"],
    },
  },
  resume: {
    says: "event → waiting run resumes, p50",
    unit: "ms",
    inngest: "219 (98)",
    asked: { embedded: 10, binding: 10, http: 10, v4: 10 },
    floor: { embedded: event, binding: event, http: eventAndCall, v4: eventAndCall },
  },
  resume60: {
    says: "60 waits at once, p99",
    unit: "ms",
    inngest: "486",
    asked: { embedded: 60, binding: 60, http: 60, v4: 60 },
    floor: { embedded: ["waits60"], binding: ["waits60"], http: ["waits60", "call"], v4: ["waits60", "call"] },
  },
  resumeFew: { says: "event → resumes beside 10 waits on its name, p50", unit: "ms" },
  resumeMany: { says: "… beside 100,000", unit: "ms" },
  resumeGrowth: { says: "… 100,000 ÷ 10", unit: "×", asked: { embedded: 1.5 } },
  burst: {
    says: "500 one-step runs in a burst",
    unit: "/s",
    inngest: "148 (154)",
    asked: { embedded: 350, binding: 350, http: 250, v4: 250 },
    floor: { embedded: ["create"], binding: ["create"], http: ["create"], v4: ["create"], workflows: ["create"] },
  },
  burstCpu: { says: "… CPU of the server per run", unit: "ms", inngest: "10.8" },
  accepted: {
    says: "events accepted, 1 per request",
    unit: "/s",
    inngest: "5,122 (5,915), in memory",
    asked: { any: 2_500 },
    floor: { any: ["insert"] },
  },
  accepted50: {
    says: "events accepted, 50 per request",
    unit: "/s",
    inngest: "24,128 (39,135), in memory",
    asked: { any: 30_000 },
    floor: { any: ["insert50"] },
  },
  paced: {
    says: "100 events/s of 3-step runs: start, p99",
    unit: "ms",
    inngest: "483; 7.7 s without checkpointing",
    asked: { embedded: 60, binding: 60, http: 60, v4: 60, v3: 60 },
    floor: {
      embedded: ["pacedEvents"],
      binding: ["pacedEvents"],
      http: ["pacedEvents", "call"],
      v4: ["pacedEvents", "call"],
      v3: ["pacedEvents", "call"],
    },
  },
  limitShare: {
    says: "4 keys × limit 2 × 50 ms: share of the ideal rate",
    unit: "%",
    inngest: "31 (53)",
    asked: { embedded: 90, binding: 90, http: 90, v4: 90 },
    floor: { embedded: ["lanes"], binding: ["lanes"], http: ["lanes"], v4: ["lanes"] },
  },
  limitMost: {
    says: "… most at once for a key",
    unit: "",
    fold: "max",
    inngest: "2",
    asked: { embedded: 2, http: 2, v4: 2 },
  },
  leasesHot: { says: "leases given and taken back, one key", unit: "/s" },
  leasesMany: { says: "… one of each of many keys", unit: "/s" },
  memory: { says: "server's memory after 5,000 runs", unit: "MiB", inngest: "1,000–1,800", asked: { http: 350 } },
  memoryStart: { says: "… before them", unit: "MiB", inngest: "93" },
  idleCpu: { says: "… CPU when idle, of a core", unit: "%", inngest: "9–44", asked: { http: 1 } },
  rowsIdle: {
    says: "5-step run alone, with its event: rows written",
    unit: "",
    isCount: true,
    asked: { embedded: 14 },
  },
  requestsIdle: { says: "… object requests", unit: "", isCount: true, asked: { embedded: 6 } },
  workerRequestsIdle: { says: "… Worker requests", unit: "", isCount: true },
  messagesIdle: { says: "… queue messages", unit: "", isCount: true, asked: { embedded: 1 } },
  priceIdle: { says: "… list price per million", unit: "$", isCount: true, asked: { embedded: 16 } },
  rowsBatched: { says: "… of 50 in one request: rows written", unit: "", isCount: true },
  requestsBatched: { says: "… object requests", unit: "", isCount: true },
  priceBatched: { says: "… list price per million", unit: "$", isCount: true, asked: { embedded: 13 } },
  listFew: { says: "list of runs, a page of 100 of 1,000", unit: "ms" },
  listFirst: { says: "… of 1,000,000, the first", unit: "ms" },
  listMiddle: { says: "… one in the middle", unit: "ms" },
  dashboardOpen: { says: "dashboard, list of 100,000 runs: its first rows", unit: "ms" },
  dashboardRate: { says: "… rows in scrolling on, to the 10,000th", unit: "/s" },
  dashboardFrame: { says: "… from frame to frame in scrolling back, p99", unit: "ms" },
  dashboardFilter: { says: "… filter chosen → rows, p50", unit: "ms" },
  dashboardElements: { says: "… elements of the page then", unit: "", isCount: true },
  lost: { says: "runs lost, of all floods", unit: "", fold: "sum", asked: none },
  repeated: { says: "runs that ran twice, of all floods", unit: "", fold: "sum", asked: none },
  clientStep: { says: "per step, run of 5 steps", unit: "ms" },
  clientBurst: { says: "one-step runs in a burst", unit: "/s" },
} as const satisfies Record<string, Row>;

export type RowId = keyof typeof rows;

/** Whether more is better. */
export function isRate({ unit }: Pick<Row, "unit">): boolean {
  return unit === "/s" || unit === "%";
}
