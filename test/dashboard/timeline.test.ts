import { describe, expect, test } from "vitest";
import type { RunDetail, Span, Step } from "../../dashboard/src/api/runs.ts";
import { barsWithin, extentOf, moved, ticksOf, timelineOf, zoomed } from "../../dashboard/src/model/timeline.ts";

const T0 = Date.parse("2026-01-31T12:00:00.000Z");
const at = (ms: number) => new Date(T0 + ms).toISOString();

function step(id: string, from: number, to: number | null, more: Partial<Step> = {}): Step {
  return {
    id,
    hash: `hash-${id}`,
    name: id,
    kind: "run",
    type: "StepRun",
    status: to === null ? "running" : "completed",
    position: 0,
    attempt: 0,
    failures: [],
    input: null,
    output: null,
    error: null,
    child_run_id: null,
    created_at: at(from),
    ended_at: to === null ? null : at(to),
    until: null,
    ...more,
  };
}

function span(id: string, from: number, to: number | null, more: Partial<Span> = {}): Span {
  return {
    id: `span-${id}`,
    name: id,
    status: to === null ? "RUNNING" : "COMPLETED",
    stepId: `hash-${id}`,
    queuedAt: at(from),
    startedAt: at(from),
    ...(to === null ? {} : { endedAt: at(to) }),
    children: [],
    ...more,
  };
}

function detail(steps: Step[], spans: Span[], to: number | null): RunDetail {
  const trace = { ...span("run", 100, to), stepId: undefined, children: spans };
  return { run: { steps, attempt: 0, queued_at: at(0) } as unknown as RunDetail["run"], trace };
}

test("the time in the queue is apart from the time of running, for the run and for each step", () => {
  const [run, charge] = timelineOf(
    detail([step("charge", 200, 900)], [span("charge", 200, 900, { startedAt: at(500) })], 1_000),
    T0 + 5_000,
  ).bars;
  expect(run).toMatchObject({ kind: "run", queuedAt: T0, startedAt: T0 + 100, endedAt: T0 + 1_000, depth: 0 });
  expect(charge).toMatchObject({ queuedAt: T0 + 200, startedAt: T0 + 500, endedAt: T0 + 900, depth: 1 });
});

test("attempts are bars below their step, counted from 1", () => {
  const failures = [{ attempt: 0, ended_at: at(300), error: {} }];
  const attempts = [0, 1].map((n) =>
    span("ask", 200, 300 + n * 100, { id: `a${n}`, name: `Attempt ${n}`, status: n === 0 ? "FAILED" : "COMPLETED" }),
  );
  const { bars } = timelineOf(
    detail([step("ask", 200, 400, { failures })], [span("ask", 200, 400, { children: attempts })], 500),
    T0 + 500,
  );
  expect(bars.map(({ label, kind, status, depth, attempts: tries }) => [label, kind, status, depth, tries])).toEqual([
    ["Run", "run", "completed", 0, 1],
    ["ask", "step", "completed", 1, 2],
    ["Attempt 1", "attempt", "failed", 2, 1],
    ["Attempt 2", "attempt", "completed", 2, 1],
  ]);
  expect(bars.slice(1).every(({ stepHash }) => stepHash === "hash-ask")).toBe(true);
});

test("steps that began together and lasted are below one bar, from the first that begins to the last that ends", () => {
  const steps = [step("a", 200, 300), step("b", 200, 900), step("c", 950, 950), step("d", 950, 950)];
  const spans = [
    span("a", 200, 300),
    span("b", 200, 900, { status: "FAILED" }),
    span("c", 950, 950),
    span("d", 950, 950),
  ];
  const timeline = timelineOf(detail(steps, spans, null), T0 + 1_000);
  expect(timeline.bars.map(({ label, depth, group }) => [label, depth, group])).toEqual([
    ["Run", 0, null],
    ["2 side by side", 1, null],
    ["a", 2, at(200)],
    ["b", 2, at(200)],
    ["c", 1, null],
    ["d", 1, null],
  ]);
  expect(timeline.bars[1]).toMatchObject({ kind: "group", status: "failed", startedAt: T0 + 200, endedAt: T0 + 900 });
  const labels = (folded: string[], from = 0, to = 1_000) =>
    barsWithin(timeline, { from: T0 + from, to: T0 + to }, new Set(folded), T0 + 1_000).map(({ label }) => label);
  expect(labels([at(200)])).toEqual(["Run", "2 side by side", "c", "d"]);
  expect(labels([], 400, 900)).toEqual(["Run", "2 side by side", "b"]);
  expect(labels([], 901, 1_000)).toEqual(["Run", "c", "d"]);
});

test("a group goes on while one of its steps does; of thousands of steps each has its bar", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => String(i));
  const steps = many.map((id, i) => step(id, 200, i === 7 ? null : 300));
  const spans = many.map((id, i) => span(id, 200, i === 7 ? null : 300));
  const { bars } = timelineOf(detail(steps, spans, null), T0 + 500);
  expect(bars).toHaveLength(20_002);
  expect(bars[1]).toMatchObject({ label: "20000 side by side", status: "running", endedAt: null });
});

test("an invoke leads to the run that it has started, a sleep says when it is over", () => {
  const steps = [
    step("ship", 200, null, { kind: "invoke", child_run_id: "CHILD" }),
    step("nap", 300, null, { kind: "sleep", until: at(900) }),
  ];
  const { bars } = timelineOf(detail(steps, [span("ship", 200, null), span("nap", 300, null)], null), T0 + 500);
  expect(bars[1]).toMatchObject({ kind: "invoke", childRunId: "CHILD" });
  expect(bars[2]).toMatchObject({ kind: "sleep", dueAt: T0 + 900, childRunId: null });
});

test("an app's own spans stand where they are nested; the run's end is told from a step", () => {
  const own = { ...span("db", 250, 300), stepId: undefined };
  const end = { ...span("Finalization", 400, 500), stepId: undefined };
  const { bars } = timelineOf(
    detail([step("charge", 200, 400)], [span("charge", 200, 400, { children: [own] }), end], 500),
    T0 + 500,
  );
  expect(bars.map(({ label, kind, stepHash }) => [label, kind, stepHash])).toEqual([
    ["Run", "run", null],
    ["charge", "step", "hash-charge"],
    ["db", "span", "hash-charge"],
    ["Finalization", "end", null],
  ]);
});

describe("the axis", () => {
  test("goes on to now while the run does, and is never empty", () => {
    expect(timelineOf(detail([], [], null), T0 + 700)).toMatchObject({ from: T0, to: T0 + 700 });
    const atOnce = detail([], [], 0);
    atOnce.trace.startedAt = at(0);
    expect(timelineOf(atOnce, T0)).toMatchObject({ from: T0, to: T0 + 10 });
  });

  test("places a stretch in percent, visible however short, within the axis however long", () => {
    const axis = { from: 0, to: 1_000 };
    expect(extentOf(axis, 250, 750)).toEqual({ left: 25, width: 50 });
    expect(extentOf(axis, 1_000, 1_000)).toEqual({ left: 99.5, width: 0.5 });
    expect(extentOf(axis, -500, 5_000)).toEqual({ left: 0, width: 100 });
  });

  test("a part of it is zoomed and moved within the whole", () => {
    const whole = { from: 0, to: 1_000 };
    expect(zoomed(whole, 0.5, whole)).toEqual({ from: 250, to: 750 });
    expect(zoomed({ from: 0, to: 200 }, 2, whole)).toEqual({ from: 0, to: 400 });
    expect(zoomed({ from: 100, to: 700 }, 2, whole)).toEqual(whole);
    expect(zoomed({ from: 500, to: 510 }, 0.5, whole)).toEqual({ from: 500, to: 510 });
    expect(moved({ from: 100, to: 300 }, -1, whole)).toEqual({ from: 0, to: 200 });
    expect(moved({ from: 700, to: 900 }, 1, whole)).toEqual({ from: 800, to: 1_000 });
    expect(ticksOf({ from: 1_250, to: 1_750 }, 4, 1_000)).toEqual([400, 600]);
  });

  test.each([
    [950, 4, [0, 500]],
    [1_000, 5, [0, 200, 400, 600, 800, 1_000]],
    [30 * 86_400_000, 5, [0, 604_800_000, 1_209_600_000, 1_814_400_000, 2_419_200_000]],
  ])("of %d ms has at most %d round steps", (to, count, ticks) => {
    expect(ticksOf({ from: 0, to }, count)).toEqual(ticks);
  });
});
