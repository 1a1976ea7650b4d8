/** What is measured, how often, and in which order: idle latencies first, floods last. */
import { admissions } from "./admissions.ts";
import { eventToFirstLine, eventToResume } from "./latency.ts";
import { clientBurst, clientPerStep } from "./interop.ts";
import type { Series } from "./report.ts";
import type { Stage, Target } from "./stage.ts";
import { quantile } from "./statistics.ts";
import { parallelSteps, perInvoke, perStep } from "./steps.ts";
import { burst, eventsAccepted } from "./throughput.ts";

export type Value = Omit<Series, "samples"> & { value: number };

export interface Measure {
  name: string;
  repeats: number;
  /** one repeat */
  measure(stage: Stage): Promise<Value[]>;
}

const BRANCHES = 100;
const LEVELS = 10;
const BURST_RUNS = 500;
const EVENTS_PER_REQUEST = 50;

const LONG_RUN_STEPS = 10_000;

export function measures(quick: boolean): Measure[] {
  const repeats = quick ? 2 : 7;
  const latencyEvents = quick ? 10 : 50;
  const shortRuns = quick ? 40 : 100;
  return [
    {
      name: "event to first line",
      repeats,
      measure: perTarget(async (target) => {
        const latencies = await eventToFirstLine(target, latencyEvents);
        return [
          { measure: "event sent → first line, p50", unit: "ms", value: quantile(latencies, 0.5) },
          { measure: "event sent → first line, p95", unit: "ms", value: quantile(latencies, 0.95) },
        ];
      }),
    },
    {
      name: "event to resume",
      repeats,
      measure: perTarget(async (target) => {
        const latencies = await eventToResume(target, Math.ceil(latencyEvents / 5));
        return [{ measure: "event sent → waiting run resumes", unit: "ms", value: quantile(latencies, 0.5) }];
      }),
    },
    {
      name: "steps",
      repeats,
      measure: perTarget(async (target) => {
        // 10 and 10,000 next to each other: their ratio must not depend on what else the machine does
        const short = await perStep(target, 10, target.name === "local" ? shortRuns : Math.ceil(shortRuns / 4));
        const long = target.name === "local" ? await perStep(target, LONG_RUN_STEPS, 1) : null;
        const hundred = await perStep(target, 100, target.name === "local" ? Math.ceil(shortRuns / 10) : 2);
        const thousand = quick && target.name === "http" ? null : await perStep(target, 1000, 1);
        const values: (Omit<TargetValue, "value"> & { value: number | null })[] = [
          { measure: "per step, run of 10 steps", unit: "ms", value: short },
          { measure: "per step, run of 100 steps", unit: "ms", value: hundred },
          { measure: "per step, run of 1,000 steps", unit: "ms", value: thousand },
          { measure: "per step, run of 10,000 steps", unit: "ms", value: long },
          { measure: "per step, 10,000 steps ÷ 10 steps", unit: "×", value: long && long / short },
        ];
        return values.flatMap(({ value, ...what }) => (value === null ? [] : [{ ...what, value }]));
      }),
    },
    {
      name: "parallel",
      repeats,
      measure: perTarget(async (target) => [
        { measure: `${BRANCHES} parallel steps, total`, unit: "ms", value: await parallelSteps(target, BRANCHES) },
      ]),
    },
    {
      name: "invoke",
      repeats,
      measure: perTarget(async (target) => [
        { measure: `invoke, per level of ${LEVELS}`, unit: "ms", value: await perInvoke(target, LEVELS) },
      ]),
    },
    {
      name: "burst",
      repeats: Math.ceil(repeats / 2),
      measure: perTarget(async (target) => {
        const { perSecond, lost, repeated } = await burst(target, BURST_RUNS);
        return [
          { measure: `one-step runs, burst of ${BURST_RUNS}`, unit: "/s", value: perSecond },
          { measure: "… runs lost", unit: "", value: lost },
          { measure: "… runs that ran twice", unit: "", value: repeated },
        ];
      }),
    },
    {
      name: "flow control: keys",
      repeats: Math.ceil(repeats / 2),
      async measure({ client }) {
        const leases = quick ? 2_000 : 10_000;
        const hot = await admissions(client, leases, 1);
        const many = await admissions(client, leases, leases);
        return [
          { measure: "leases given and taken back, one key", transport: "any", unit: "/s", value: hot },
          {
            measure: `… one of each of ${leases.toLocaleString("en")} keys`,
            transport: "any",
            unit: "/s",
            value: many,
          },
        ];
      },
    },
    {
      name: "flow control: runs",
      repeats: Math.ceil(repeats / 2),
      measure: perTarget(async (target) => {
        const lanes = await burst(target, BURST_RUNS, BURST_RUNS / 10);
        const hot = await burst(target, BURST_RUNS / 5, 1);
        return [
          { measure: `one-step runs, limit 1, ${BURST_RUNS / 10} keys`, unit: "/s", value: lanes.perSecond },
          { measure: "one-step runs, limit 1, one key", unit: "/s", value: hot.perSecond },
        ];
      }),
    },
    {
      name: "interop",
      repeats: Math.ceil(repeats / 2),
      async measure(stage) {
        const values: Value[] = [];
        for (const app of await stage.clients()) {
          const transport = `client ${app.id}` as const;
          const step = await clientPerStep(app, stage.client, shortRuns / 4);
          const perSecond = await clientBurst(app, stage.client, quick ? BURST_RUNS / 5 : BURST_RUNS);
          values.push({ measure: "per step, run of 5 steps", transport, unit: "ms", value: step });
          values.push({ measure: "one-step runs in a burst", transport, unit: "/s", value: perSecond });
        }
        return values;
      },
    },
    {
      name: "events",
      repeats,
      async measure({ client }) {
        const single = await eventsAccepted(client, quick ? 1000 : 3000, 1);
        const batched = await eventsAccepted(client, quick ? 60 : 200, EVENTS_PER_REQUEST);
        return [
          { measure: "events accepted, 1 per request", transport: "any", unit: "/s", value: single },
          {
            measure: `events accepted, ${EVENTS_PER_REQUEST} per request`,
            transport: "any",
            unit: "/s",
            value: batched,
          },
        ];
      },
    },
  ];
}

type TargetValue = Omit<Value, "transport">;

function perTarget(measure: (target: Target) => Promise<TargetValue[]>): Measure["measure"] {
  return async ({ targets }) => {
    const values: Value[] = [];
    for (const target of targets)
      for (const value of await measure(target)) values.push({ ...value, transport: target.name });
    return values;
  };
}
