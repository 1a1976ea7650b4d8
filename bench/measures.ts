/** What is measured, how often, and in which order: idle latencies first, floods later, long histories last. */
import { admissions } from "./admissions.ts";
import { countPerRun } from "./counting.ts";
import { scrollRuns } from "./dashboard.ts";
import { type FloorId, measureFloors } from "./floors.ts";
import { footprint, listPages, resumeAmong } from "./history.ts";
import { clientBurst, clientPerStep, type ClientApp } from "./interop.ts";
import { eventsToResume, eventToFirstLine, eventToResume } from "./latency.ts";
import { ASSUMED, priceOf } from "./price.ts";
import type { By, RowId } from "./rows.ts";
import type { Stage, StageKind, Target, TargetName } from "./stage.ts";
import { quantile } from "./statistics.ts";
import { parallelSteps, perInvoke, perStep } from "./steps.ts";
import { burst, eventsAccepted, keyedLimit, paced } from "./throughput.ts";
import { cpuSecondsOf } from "./usage.ts";

export interface Value {
  id: RowId | FloorId;
  by: By;
  value: number;
}

export interface Measure {
  name: string;
  stage: StageKind;
  /** on a platform of its own, which has no history */
  isFresh: boolean;
  /** that are counted */
  passes: number;
  /** one pass before them that is not */
  isWarmedUp: boolean;
  measure(stage: Stage): Promise<Value[]>;
}

/** Functions whose runs take one request for each step, and so longer with each step. */
const PER_REQUEST: TargetName[] = ["v3", "python"];
const CHECKPOINTED: TargetName[] = ["embedded", "binding", "http", "v4"];

const SOME: TargetName[] = ["embedded", "v4"];

const BRANCHES = 100;
const LEVELS = 5;
const WAITS_AT_ONCE = 60;
const BURST_RUNS = 500;
const LIMIT = { lanes: 4, holdMs: 50 };

export function measures(isQuick: boolean): Measure[] {
  const size = isQuick ? QUICK : FULL;
  const { passes } = size;
  const floods = { passes: Math.ceil(passes / 2), isWarmedUp: !isQuick };
  /** what few are enough of when time is short */
  const some = (targets: TargetName[]) => (isQuick ? targets.filter((name) => SOME.includes(name)) : targets);
  return [
    floorsAt("start", isQuick),
    ...sdkFloors(isQuick),

    ...each("event to first line", CHECKPOINTED, { passes }, async (target) => [
      ["firstLine", quantile(await eventToFirstLine(target, size.events), 0.5)],
    ]),
    // 10 and 10,000 next to each other: their ratio must not depend on what else the machine does
    ...each("steps", ["embedded"], { passes }, async (target) => {
      const short = await perStep(target, 10, size.shortRuns);
      const long = await perStep(target, 10_000, 1);
      return [
        ["step10", short],
        ["step10000", long],
        ["stepGrowth", long / short],
        ["step100", await perStep(target, 100, size.shortRuns / 10)],
      ];
    }),
    ...each("steps", ["binding", "http", "v4"], { passes }, async (target) => [
      ["step10", await perStep(target, 10, size.shortRuns / 4)],
      ["step100", await perStep(target, 100, 2)],
    ]),
    ...each("steps", PER_REQUEST, floods, async (target) => [
      ["step10", await perStep(target, 10, 4)],
      ["step100", await perStep(target, 100, 1)],
    ]).filter(({ name }) => !isQuick || !name.includes("python")),
    ...(isQuick ? [] : longRuns()),

    ...each("cost", isQuick ? ["embedded"] : CHECKPOINTED, { passes: 1, isWarmedUp: false }, async (target) => {
      await countPerRun(target, 1); // registry and logs exist from here on
      const assumed = ASSUMED[target.name === "embedded" || target.name === "binding" ? target.name : "http"];
      const idle = await countPerRun(target, 1);
      const batched = await countPerRun(target, 50);
      return [
        ["rowsIdle", idle.rows],
        ["requestsIdle", idle.objectRequests],
        ["workerRequestsIdle", idle.workerRequests],
        ["messagesIdle", idle.queueMessages],
        ["priceIdle", priceOf({ ...idle, ...assumed }).total],
        ["rowsBatched", batched.rows],
        ["requestsBatched", batched.objectRequests],
        ["priceBatched", priceOf({ ...batched, ...assumed }).total],
      ];
    }),

    ...each("parallel steps", CHECKPOINTED, { passes }, async (target) => [
      ["parallel", await parallelSteps(target, BRANCHES)],
    ]),
    ...each("invoke", CHECKPOINTED, { passes }, async (target) => [["invoke", await perInvoke(target, LEVELS)]]),
    ...each("event to resume", some(CHECKPOINTED), floods, async (target) => [
      ["resume", quantile(await eventToResume(target, Math.ceil(size.events / 2)), 0.5)],
      ["resume60", quantile(await eventsToResume(target, WAITS_AT_ONCE), 0.99)],
    ]),
    ...each("keyed concurrency", some(CHECKPOINTED), floods, async (target) => {
      const { shareOfIdeal, mostAtOnce, lost, repeated } = await keyedLimit(target, LIMIT.lanes, LIMIT.holdMs, 80);
      return [
        ["limitShare", 100 * shareOfIdeal],
        ["limitMost", mostAtOnce],
        ["lost", lost],
        ["repeated", repeated],
      ];
    }),
    one("leases", floods, async ({ client }) => [
      { id: "leasesHot", by: "any", value: await admissions(client, size.leases, 1) },
      { id: "leasesMany", by: "any", value: await admissions(client, size.leases, size.leases) },
    ]),
    one("events accepted", floods, async ({ client }) => [
      { id: "accepted", by: "any", value: await eventsAccepted(client, size.requests, 1) },
      { id: "accepted50", by: "any", value: await eventsAccepted(client, size.requests / 10, 50) },
    ]),
    ...each("burst", some(CHECKPOINTED), { ...floods, isFresh: !isQuick }, async (target, stage) => {
      const before = cpuSecondsOf(stage.pid);
      const { perSecond, lost, repeated } = await burst(target, BURST_RUNS);
      const cpuMs = ((cpuSecondsOf(stage.pid) - before) * 1000) / BURST_RUNS;
      return [
        ["burst", perSecond],
        ["burstCpu", cpuMs],
        ["lost", lost],
        ["repeated", repeated],
      ];
    }),
    ...each(
      "paced",
      isQuick ? ["embedded", "v4"] : [...CHECKPOINTED, "v3"],
      { passes: Math.ceil(passes / 3), isWarmedUp: false, isFresh: !isQuick },
      async (target) => {
        const { p99, lost, repeated } = await paced(target, 100, size.pacedSeconds);
        return [
          ["paced", p99],
          ["lost", lost],
          ["repeated", repeated],
        ];
      },
    ),
    peer("workflows: first line and steps", { passes }, async (target) => [
      ["firstLine", quantile(await eventToFirstLine(target, size.events), 0.5)],
      ["step10", await perStep(target, 10, size.shortRuns / 4)],
      ["step100", await perStep(target, 100, 1)],
    ]),
    peer("workflows: burst", { passes: 1 }, async (target) => {
      const { perSecond, lost, repeated } = await burst(target, BURST_RUNS);
      return [
        ["burst", perSecond],
        ["lost", lost],
        ["repeated", repeated],
      ];
    }),
    ...(isQuick ? [] : [...histories(), ofClients(), floorsAt("end", isQuick)]),
  ];
}

const FULL = {
  passes: 5,
  events: 20,
  shortRuns: 80,
  leases: 10_000,
  requests: 3_000,
  pacedSeconds: 6,
};

const QUICK: typeof FULL = {
  passes: 1,
  events: 8,
  shortRuns: 20,
  leases: 2_000,
  requests: 800,
  pacedSeconds: 3,
};

/** Runs so long that one pass is enough of them. */
function longRuns(): Measure[] {
  const once = { passes: 1, isWarmedUp: false };
  return [
    ...each("500 steps", [...PER_REQUEST, "v4"], once, async (target) => [["step500", await perStep(target, 500, 1)]]),
    ...each("10,000 steps", ["binding", "http"], once, async (target) => {
      const short = await perStep(target, 10, 20);
      const long = await perStep(target, 10_000, 1);
      return [
        ["step10000", long],
        ["stepGrowth", long / short],
      ];
    }),
  ];
}

function histories(): Measure[] {
  const once = { passes: 1, isWarmedUp: false, isFresh: true };
  return [
    ...each("waits on one name", ["embedded"], { ...once, passes: 2 }, async (target, stage) => {
      const { few, many } = await resumeAmong(stage, target, 100_000, 15);
      return [
        ["resumeFew", few],
        ["resumeMany", many],
        ["resumeGrowth", many / few],
      ];
    }),
    one("list of runs", once, async (stage) => {
      const { few, first, middle } = await listPages(stage, 1_000_000, 25);
      return [
        { id: "listFew", by: "any", value: few },
        { id: "listFirst", by: "any", value: first },
        { id: "listMiddle", by: "any", value: middle },
      ];
    }),
    one("dashboard", once, async (stage) => {
      const { open, rate, frame, filter, elements } = await scrollRuns(stage, 100_000);
      return [
        { id: "dashboardOpen", by: "any", value: open },
        { id: "dashboardRate", by: "any", value: rate },
        { id: "dashboardFrame", by: "any", value: frame },
        { id: "dashboardFilter", by: "any", value: filter },
        { id: "dashboardElements", by: "any", value: elements },
      ];
    }),
    ...each("memory", ["http"], once, async (target, stage) => {
      const { startMib, afterMib, idleCpu, lost, repeated } = await footprint(stage, target, 5_000, 10_000);
      return [
        ["memoryStart", startMib],
        ["memory", afterMib],
        ["idleCpu", 100 * idleCpu],
        ["lost", lost],
        ["repeated", repeated],
      ];
    }),
  ];
}

/** The official clients of all languages, each in a process of its own. */
function ofClients(): Measure {
  return one("clients", { passes: 1, isWarmedUp: false, isFresh: true }, async (stage) => {
    const values: Value[] = [];
    for (const app of await stage.clients()) values.push(...(await ofClient(app, stage)));
    return values;
  });
}

async function ofClient(app: ClientApp, { client }: Stage): Promise<Value[]> {
  const by = `client ${app.id}` as const;
  await clientPerStep(app, client, 2); // warms it up
  return [
    { id: "clientStep", by, value: await clientPerStep(app, client, 20) },
    { id: "clientBurst", by, value: await clientBurst(app, client, BURST_RUNS / 2) },
  ];
}

function floorsAt(when: string, isQuick: boolean): Measure {
  const size = isQuick ? { many: 400, few: 80 } : { many: 2_000, few: 300 };
  const passes = isQuick ? 1 : 2;
  return {
    ...one(`floors at the ${when}`, { passes, isFresh: true }, async (stage) => {
      const found = await measureFloors(stage, size);
      return Object.entries(found).map(([id, value]) => ({ id: id as FloorId, by: "any", value }));
    }),
    stage: "floor",
  };
}

/** What clients take with a server that answers at once. */
function sdkFloors(isQuick: boolean): Measure[] {
  const ofSdk = (name: string, targets: TargetName[], passes: number, measure: PerTarget) =>
    each(name, targets, { passes, isWarmedUp: passes > 1 }, measure).map((one) => ({ ...one, stage: "sdk" as const }));
  const passes = isQuick ? 1 : 3;
  const shorts: PerTarget = async (target) => [
    ["step10", await perStep(target, 10, 10)],
    ["step100", await perStep(target, 100, 2)],
  ];
  const all: TargetName[] = ["http", "v4", "v3", ...(isQuick ? [] : ["python" as const])];
  const measured = [
    ...ofSdk("sdk: steps", all, passes, shorts),
    ...ofSdk("sdk: parallel steps", ["http", "v4"], passes, async (target) => [
      ["parallel", await parallelSteps(target, BRANCHES)],
    ]),
    ...(isQuick
      ? []
      : ofSdk("sdk: 500 steps", ["v4", ...PER_REQUEST], 1, async (target) => [
          ["step500", await perStep(target, 500, 1)],
        ])),
  ];
  return measured.map((measure) => ({
    ...measure,
    measure: async (stage) =>
      (await measure.measure(stage)).map((value) => ({ ...value, by: `sdk ${value.by as TargetName}` as const })),
  }));
}

type PerTarget = (target: Target, stage: Stage) => Promise<[RowId, number][]>;
type How = Partial<Pick<Measure, "isFresh" | "isWarmedUp">> & Pick<Measure, "passes">;

function one(name: string, how: How, measure: Measure["measure"]): Measure {
  return { name, stage: "platform", isFresh: false, isWarmedUp: true, ...how, measure };
}

/** One measure for each transport, so that what fails over one is measured over the others. */
function each(name: string, targets: TargetName[], how: How, measure: PerTarget): Measure[] {
  return targets.map((by) =>
    one(`${name}, ${by}`, how, async (stage) => {
      const values = await measure(await stage.target(by), stage);
      return values.map(([id, value]) => ({ id, by, value }));
    }),
  );
}

function peer(name: string, how: How, measure: PerTarget): Measure {
  const [made] = each(name, ["workflows"], how, measure);
  if (!made) throw new Error("there is no peer");
  return { ...made, name, stage: "workflows" };
}
