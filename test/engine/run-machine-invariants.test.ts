/** Random inputs, in any order a host can produce them, never break the invariants at the top of `run-machine.ts`. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { Call, Reply } from "../../src/engine/run-machine.ts";
import { entryDueAt, isEnded, type Entry, type Run } from "../../src/engine/run.ts";
import type { Op } from "../../src/engine/step-ops.ts";
import { boom, done, failed, invoke, plan, RunUnderTest, sleep, wait } from "../helpers/run-builder.ts";

vi.setConfig({ testTimeout: 60_000 }); // on a machine that does other things

interface Command {
  what: string;
  /** which step */
  step: number;
  /** which of several outstanding things, or which ops */
  pick: number;
  more: number[];
}

const WHAT = [
  "op",
  "op",
  "op",
  "op",
  "reply",
  "reply",
  "reply",
  "reply",
  "checkpoint",
  "checkpoint",
  "due",
  "due",
  "due",
  "answer",
  "wake",
  "advance",
  "subscribed",
  "begin",
  "begin",
  "rest",
  "threw",
  "lost",
  "mark",
  "late",
  "returned",
  "cancel",
];
const RARE = new Set(["returned", "cancel"]);

const commandArbitrary: fc.Arbitrary<Command> = fc.record({
  what: fc.constantFrom(...WHAT),
  step: fc.nat(5),
  pick: fc.nat(1000),
  more: fc.array(fc.nat(1000), { maxLength: 3 }),
});

/** Any op about a step; two steps of six race. */
function anyOp(run: RunUnderTest, stepNumber: number, pick: number, isHttp: boolean): Op {
  const id = `s${stepNumber}`;
  const until = run.now + 1000 * (pick % 7);
  const more = { race: stepNumber >= 4 };
  const ops: Op[] = [
    done(id, pick, more),
    done(id, pick, more),
    failed(id, false, more),
    failed(id, pick % 3 === 0, more),
    sleep(id, until, more),
    wait(id, until, { events: pick % 2 === 0 ? ["a"] : ["a", "b"] }),
    invoke(id, until),
  ];
  if (isHttp) ops.push(plan(id, more), plan(id, more), plan(id, more), plan(id, more), { kind: "discover" });
  return ops[pick % ops.length] ?? done(id);
}

class Host {
  readonly run: RunUnderTest;
  readonly isHttp: boolean;
  readonly #answered: { call: Call; reply: Reply }[] = [];

  constructor(version: number | null) {
    this.isHttp = version !== null;
    this.run = version === null ? RunUnderTest.local() : RunUnderTest.http(version);
  }

  /** Calls that count: of this epoch, and for steps that are planned with that attempt. */
  live(): Call[] {
    return this.run.calls.filter((call) => {
      const entry = call.stepId === null ? undefined : this.run.journal.get(call.stepId);
      const isOpen = call.stepId === null || (entry?.status.kind === "planned" && entry.attempt === call.attempt);
      return call.epoch === this.run.run.epoch && isOpen;
    });
  }

  perform({ what, step, pick, more }: Command): void {
    const { run } = this;
    run.now += pick % 500;
    if (RARE.has(what) && pick % 6 !== 0) return;
    const executing = run.state.kind === "executing";
    switch (what) {
      case "op":
        if (!this.isHttp && (executing || run.isEnded)) run.op(anyOp(run, step, pick, false));
        return;
      case "reply":
        return this.#reply(step, pick, more);
      case "checkpoint": {
        const call = run.calls[pick % (run.calls.length || 1)];
        if (!call) return;
        const isLive = this.live().includes(call) && !run.isEnded;
        expect(run.checkpointOf(call, ...more.map((each) => this.#ran(each))).stale).toBe(!isLive);
        return;
      }
      case "late": {
        const late = this.#answered[pick % (this.#answered.length || 1)];
        const isFenced = late && (late.call.stepId !== null || late.call.epoch !== run.run.epoch);
        if (isFenced) expect(run.replyTo(late.call, late.reply).stale).toBe(true);
        return;
      }
      case "due": {
        const open = run.open().sort((a, b) => (entryDueAt(a) ?? 0) - (entryDueAt(b) ?? 0));
        const entry = open[pick % 3];
        if (!entry) return;
        run.now = Math.max(run.now, entryDueAt(entry) ?? 0);
        run.due(entry.id);
        return;
      }
      case "answer":
        if (run.journal.has(`s${step}`)) run.answer(`s${step}`, { data: pick });
        return;
      case "wake":
        if (run.journal.has(`s${step}`)) run.wake(`s${step}`);
        return;
      case "advance":
        run.advance(1 + pick);
        return;
      case "subscribed":
        if (run.journal.has(`s${step}`)) run.subscribed(`s${step}`);
        return;
      case "begin":
        if (run.state.kind !== "blocked") run.begin();
        return;
      case "rest": // the code of a local activation waits for open steps only
        if (this.isHttp || !executing) return;
        if (run.open().length > 0) run.idle();
        else run.yield();
        return;
      case "threw":
        if (!this.isHttp && executing) run.threw(pick % 5 === 0);
        return;
      case "mark":
        if (!this.isHttp && executing && run.run.losses > 0) run.mark(`s${step}`);
        return;
      case "lost":
        run.lost();
        return;
      case "returned":
        if (!this.isHttp && executing) run.returned(pick);
        return;
      case "cancel":
        run.cancel();
    }
  }

  /** What a call may tell of while it goes on. */
  #ran(pick: number): Op {
    const id = `s${pick % 6}`;
    const ops: Op[] = [done(id, pick), done(id, pick), failed(id, true), plan(id)];
    return ops[pick % ops.length] ?? done(id);
  }

  #reply(stepNumber: number, pick: number, more: number[]): void {
    const { run } = this;
    const call = run.calls[pick % (run.calls.length || 1)];
    if (!call) return;
    const ops = more.map((each, index) => anyOp(run, (stepNumber + each + index) % 6, each, true));
    if (call.stepId !== null && pick % 4 !== 0) ops.push(anyOp(run, Number(call.stepId.slice(1)), pick % 4, true));
    const version = run.run.http?.version ?? 2;
    const kind = pick % 11;
    const reply: Reply =
      kind === 0
        ? { kind: "returned", data: pick, version }
        : kind <= 2
          ? { kind: "error", error: boom(), final: pick % 9 === 0, version }
          : { kind: "ops", ops, version };
    run.calls.splice(run.calls.indexOf(call), 1);
    run.replyTo(call, reply);
    this.#answered.push({ call, reply });
  }
}

const isPending = ({ status }: Entry) =>
  ["planned", "sleeping", "registering", "waiting", "invoking"].includes(status.kind) ||
  (status.kind === "retrying" && status.at !== null);

function checkInvariants(host: Host, before: Run, settledBefore: Map<string, Entry>): void {
  const { run } = host;
  const { state } = run;
  // 1: a settled entry never changes (G2)
  for (const [id, entry] of settledBefore) expect(run.journal.get(id)).toBe(entry);
  // 2: an ended run never changes (G4)
  if (isEnded(before.state)) expect(run.run).toBe(before);
  expect(run.run.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect(run.run.position).toBeGreaterThanOrEqual(before.position);
  if (run.isEnded) return;
  // 3: it can say why it waits (G5)
  if (state.kind === "blocked") expect(run.open().length).toBeGreaterThan(0);
  if (state.kind === "scheduled") expect(Number.isFinite(state.at)).toBe(true);
  for (const entry of run.open()) expect(Number.isFinite(entryDueAt(entry))).toBe(true);
  // the header counts what the journal holds
  expect(run.run.steps).toBe(run.journal.size);
  if (!host.isHttp) return;
  // calls: what the run believes to be outstanding is, and the next discovery waits for what is open
  const live = host.live();
  const discoveries = live.filter((call) => call.stepId === null).length;
  expect(discoveries).toBeLessThanOrEqual(1);
  expect(run.run.http?.pending).toBe([...run.journal.values()].filter(isPending).length);
  if (state.kind !== "executing") return expect(live).toEqual([]);
  expect(live.length).toBeGreaterThan(0);
  expect([state.discovery ? 1 : 0, state.targeted]).toEqual([discoveries, live.length - discoveries]);
}

test.each([
  ["local", null],
  ["http, version 1", 1],
  ["http, version 2", 2],
])("[G2, G4, G5] %s", (_, version) => {
  fc.assert(
    fc.property(fc.array(commandArbitrary, { maxLength: 60, size: "max" }), (commands) => {
      const host = new Host(version);
      for (const command of commands) {
        const { run } = host.run;
        const settled = new Map([...host.run.journal].filter(([, entry]) => entry.status.kind === "settled"));
        host.perform(command);
        checkInvariants(host, run, settled);
      }
    }),
    { seed: 20_260_101, numRuns: 300 },
  );
});

test("what a decision does not store may be lost: only counters differ", () => {
  fc.assert(
    fc.property(
      fc.array(commandArbitrary, { maxLength: 40, size: "max" }),
      fc.constantFrom(null, 1, 2),
      (commands, version) => {
        const host = new Host(version);
        const { apply } = host.run;
        host.run.apply = function (input) {
          const before: Run = this.run;
          const decision = apply.call(this, input);
          if (!decision.saveRun) {
            const { position, steps, bytes } = decision.run;
            expect(decision.run).toEqual({ ...before, position, steps, bytes });
          }
          return decision;
        };
        for (const command of commands) host.perform(command);
      },
    ),
    { seed: 7, numRuns: 500 },
  );
});

test("[G6] every wait is subscribed once, and withdrawn when the run ends before it", () => {
  fc.assert(
    fc.property(
      fc.array(commandArbitrary, { maxLength: 60, size: "max" }),
      fc.constantFrom(null, 1, 2),
      (commands, version) => {
        const host = new Host(version);
        let openWaits: string[] = [];
        for (const command of commands) {
          if (!host.run.isEnded)
            openWaits = host.run
              .open()
              .filter((entry) => entry.wait !== undefined && entry.status.kind !== "retrying")
              .map((entry) => entry.id);
          const known = host.run.effects.length;
          const wasEnded = host.run.isEnded;
          host.perform(command);
          if (wasEnded) expect(host.run.effects.length).toBe(known);
          if (wasEnded || !host.run.isEnded) continue;
          const withdrawn = host.run.effects
            .filter((effect) => effect.kind === "unsubscribe")
            .map((effect) => effect.stepId);
          for (const id of openWaits) if (host.run.memo(id) === undefined) expect(withdrawn).toContain(id);
        }
        const subscribed = host.run.effects.filter((effect) => effect.kind === "subscribe").map((effect) => effect.id);
        expect(new Set(subscribed).size).toBe(subscribed.length);
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});
