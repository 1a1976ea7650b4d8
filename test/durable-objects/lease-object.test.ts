import { describe, expect, it, vi } from "vitest";
import type { GatePolicy } from "../../src/engine/lease.ts";
import type { CallFault, FaultSource } from "../../src/testing/host/faults.ts";
import { noFaults } from "../../src/testing/host/faults.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { LeaseWorld, type PlayedRun } from "../helpers/lease-world.ts";
import { NOW } from "../helpers/run-builder.ts";

vi.setConfig({ testTimeout: 30_000 });

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const CONCURRENCY = "concurrency/run/0-fn/shop-ship/k";
const upTo = (limit: number): GatePolicy => ({ rule: "concurrency", limit, order: "age" });
const single = (mode: "skip" | "cancel" | "queue"): GatePolicy => ({ rule: "singleton", mode });

const concurrency = (faults?: FaultSource) => new LeaseWorld({ object: CONCURRENCY, faults });
const singletons = () => new LeaseWorld({ object: "singleton/shop-ship/k" });
const runsOf = (lease: LeaseWorld, count: number) => Array.from({ length: count }, (_, age) => lease.runOf(age));
const statuses = (...runs: PlayedRun[]) => runs.map(({ status }) => status);

describe("a key of concurrency", () => {
  it("lets in at once while there is room, and then in the order of rank and age", async () => {
    const lease = concurrency();
    const [a, b, c, d, e] = runsOf(lease, 5) as [PlayedRun, PlayedRun, PlayedRun, PlayedRun, PlayedRun];
    expect(await lease.ask(a, upTo(1), { rank: 5 })).toBe("admitted");
    expect(await lease.ask(d, upTo(1), { rank: 5 })).toBe("waiting");
    expect(await lease.ask(c, upTo(1), { rank: 5 })).toBe("waiting");
    expect(await lease.ask(b, upTo(1), { rank: 6 })).toBe("waiting");
    expect(await lease.ask(e, upTo(1), { rank: 4 })).toBe("waiting"); // priority
    for (const [leaves, enters] of [
      [a, e],
      [e, c],
      [c, d],
      [d, b],
    ] as const) {
      await lease.release(leaves);
      expect(enters.status).toBe("held");
    }
    expect(lease.letIn.map(({ leaseId }) => leaseId)).toEqual([a, e, c, d, b].map((run) => run.leaseId));
  });

  it("gives whoever asks again the same answer, and changes nothing", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (let time = 0; time < 3; time++) {
      expect(await lease.ask(a, upTo(1))).toBe("admitted");
      expect(await lease.ask(b, upTo(1))).toBe("waiting");
    }
    expect(await lease.call((key) => key.line())).toMatchObject({ held: 1, waiting: 1 });
    await lease.release(a);
    await lease.release(a);
    expect(await lease.call((key) => key.line())).toMatchObject({ held: 1, waiting: 0 });
  });

  it("takes out of the line whoever gives up waiting", async () => {
    const lease = concurrency();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    for (const run of [a, b, c]) await lease.ask(run, upTo(1));
    await lease.release(b);
    await lease.release(a);
    expect([b.heard, statuses(b, c)]).toEqual([[], ["over", "held"]]);
  });

  it("costs neither an alarm nor a question while nobody waits, and then stays only for a while", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    await lease.ask(a, upTo(2));
    await lease.ask(b, upTo(2));
    expect(lease.alarmIn).toBeNull();
    await lease.pass(HOUR);
    await lease.release(a);
    expect(lease.alarmIn).toBeNull();
    await lease.release(b);
    expect(lease.alarmIn).toBe(10 * MINUTE);
    expect([a.heard, b.heard]).toEqual([[], []]);
    await lease.pass(5 * MINUTE);
    const c = lease.runOf(3);
    await lease.ask(c, upTo(2));
    await lease.release(c);
    await lease.pass(6 * MINUTE);
    expect(lease.world.names("key")).toEqual([CONCURRENCY]); // it was used
    await lease.pass(10 * MINUTE);
    expect([lease.world.names("key"), lease.alarmIn]).toEqual([[], null]);
    expect(await lease.call((key) => key.line())).toBeNull();
    expect(await lease.ask(c, upTo(2))).toBe("admitted");
  });

  it("goes by the latest version of each function, for those too that wait already", async () => {
    const lease = concurrency();
    const runs = runsOf(lease, 6);
    for (const run of runs.slice(0, 4)) await lease.ask(run, upTo(2), { functionVersion: 2 });
    expect(statuses(...runs.slice(0, 4))).toEqual(["held", "held", "waiting", "waiting"]);
    await lease.ask(runs[4]!, upTo(1), { functionVersion: 3 }); // lowered: nobody is stopped, nobody enters
    await lease.release(runs[0]!);
    expect(statuses(...runs.slice(1, 5))).toEqual(["held", "waiting", "waiting", "waiting"]);
    await lease.ask(runs[5]!, upTo(9), { functionVersion: 1 }); // an older version says nothing
    expect(runs[5]!.status).toBe("waiting");
    await lease.ask(lease.runOf(9), upTo(5), { functionVersion: 4 });
    expect(statuses(...runs.slice(1))).toEqual(["held", "held", "held", "held", "held"]);
  });

  it("of several functions lets each in by its own limit, strictly by the line", async () => {
    const lease = concurrency();
    const [a, b, c, d] = runsOf(lease, 4) as [PlayedRun, PlayedRun, PlayedRun, PlayedRun];
    const wide = (run: PlayedRun) => lease.ask(run, upTo(3), { functionId: "shop-wide" });
    const narrow = (run: PlayedRun) => lease.ask(run, upTo(1), { functionId: "shop-narrow" });
    expect(await wide(a)).toBe("admitted");
    expect(await wide(b)).toBe("admitted");
    expect(await narrow(c)).toBe("waiting");
    expect(await wide(d)).toBe("waiting"); // there is room for it, but not for the one before it
    await lease.release(a);
    expect(statuses(c, d)).toEqual(["waiting", "waiting"]);
    await lease.release(b);
    expect(statuses(c, d)).toEqual(["held", "held"]);
  });

  it("lets in the next when a run has no use for its lease any more", async () => {
    const lease = concurrency();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    for (const run of [a, b, c]) await lease.ask(run, upTo(1));
    b.status = "over"; // cancelled, and not given back yet
    await lease.release(a);
    expect([b.heard, statuses(b, c)]).toEqual([["admitted"], ["over", "held"]]);
  });

  it("tells a run until it has heard it, less and less often, and people after a while", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    let isDown = true;
    b.answers = () => isDown && Promise.reject(new Error("it is being deployed"));
    await lease.release(a);
    await lease.pass(10 * SECOND);
    expect(b.heard).toHaveLength(4); // at once, and after 1, 3 and 7 seconds
    expect(lease.world.reports).toEqual([]);
    await lease.pass(HOUR);
    expect(b.heard.length).toBeLessThan(25);
    expect(lease.world.reports).toMatchObject([
      { message: expect.stringContaining(`the run ${b.runId} cannot be told`) },
    ]);
    isDown = false;
    await lease.until(() => b.status === "held", "it is told");
    const { length } = b.heard;
    await lease.pass(HOUR);
    expect(b.heard).toHaveLength(length);
  });

  it("tells others while a run does not answer at all", async () => {
    const lease = concurrency();
    const runs = runsOf(lease, 120);
    const first = lease.runOf(1_000);
    await lease.askAll([first, ...runs], upTo(1));
    const hangs = new Promise<never>(() => undefined);
    for (const run of runs.slice(0, 60)) run.answers = () => hangs; // more than are told at once
    await lease.ask(lease.runOf(2_000), upTo(1_000), { functionVersion: 2 });
    await lease.until(() => runs.slice(60).every(({ status }) => status === "held"), "all others are told");
    expect(lease.now - NOW).toBeLessThan(2 * MINUTE);
    for (const run of runs) run.answers = () => undefined;
    await lease.until(() => runs.every(({ status }) => status === "held"), "all are told");
  });

  it("tells a run whom it has let in after it has lost its memory at any point", async () => {
    for (const when of ["before", "after"] as const)
      for (let at = 0; at < 6; at++) {
        let commits = -1;
        const faults: FaultSource = {
          ...noFaults,
          commit: ({ kind }) => (kind === "key" && commits >= 0 && commits++ === at ? `crash-${when}` : null),
        };
        const lease = concurrency(faults);
        const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
        for (const run of [a, b]) await lease.ask(run, upTo(1));
        commits = 0;
        a.status = "releasing";
        void lease.persist((key) => key.release(a.leaseId)).then(() => (a.status = "over"));
        await lease.until(() => a.status === "over" && b.status === "held", "the next is told");
      }
  });
});

describe("[G7] a lease", () => {
  it("is never taken back by time", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    await lease.pass(4 * HOUR);
    expect(statuses(a, b)).toEqual(["held", "waiting"]);
  });

  it("is asked about while somebody waits, not before it is 15 s old, and less and less often", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    await lease.pass(14 * SECOND);
    expect(a.heard).toEqual([]);
    await lease.pass(2 * SECOND);
    expect(a.heard).toEqual(["holding"]);
    await lease.pass(HOUR);
    expect(a.heard.length).toBeGreaterThan(10);
    expect(a.heard.length).toBeLessThan(20); // at least every five minutes
    await lease.release(b);
    const { length } = a.heard;
    await lease.pass(HOUR);
    expect(a.heard).toHaveLength(length);
  });

  it("that its run does not know of goes to the next", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    await lease.ask(a, upTo(1));
    a.status = "over"; // it has ended, and its lease was lost
    await lease.pass(HOUR);
    expect(await lease.call((key) => key.line())).toMatchObject({ held: 1 });
    await lease.ask(b, upTo(1));
    await lease.pass(2 * SECOND);
    expect(b.status).toBe("held");
  });

  it("stays with a run that does not say", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    a.answers = () => Promise.reject(new Error("no connection"));
    await lease.pass(HOUR);
    expect(statuses(a, b)).toEqual(["held", "waiting"]);
    a.answers = () => new Promise(() => undefined);
    await lease.pass(HOUR);
    expect(statuses(a, b)).toEqual(["held", "waiting"]);
    a.answers = () => undefined;
    a.status = "over";
    await lease.pass(10 * MINUTE);
    expect(b.status).toBe("held");
  });

  it("of very many is asked about a few at a time", async () => {
    const lease = concurrency();
    let [asked, most] = [0, 0];
    const runs = runsOf(lease, 120);
    await lease.askAll(runs, upTo(120));
    for (const run of runs) {
      run.answers = async () => {
        most = Math.max(most, (asked += 1));
        await lease.world.later(10);
        asked -= 1;
      };
    }
    await lease.pass(MINUTE);
    await lease.ask(lease.runOf(1_000), upTo(120));
    await lease.pass(5 * SECOND);
    expect(runs.every(({ heard }) => heard.length === 1)).toBe(true);
    expect(most).toBe(50);
  });
});

describe("a key of throttle", () => {
  const policy: GatePolicy = { rule: "throttle", limit: 2, periodMs: 10 * SECOND, burst: 1 };
  const throttled = (faults?: FaultSource) => new LeaseWorld({ object: "throttle/shop-ship/k", faults });

  it("lets in what it may, then one per interval, at its instant", async () => {
    const lease = throttled();
    const runs = runsOf(lease, 6);
    for (const run of runs) await lease.ask(run, policy);
    await lease.pass(MINUTE);
    expect(lease.letIn.map(({ at }) => at - NOW)).toEqual([0, 0, 0, 5_000, 10_000, 15_000]);
    expect(runs.every(({ status }) => status === "held")).toBe(true);
  });

  it("says in which place a run stands, and when it is let in at the earliest", async () => {
    const lease = throttled();
    const runs = runsOf(lease, 6);
    for (const run of runs) await lease.ask(run, policy);
    await lease.pass(SECOND);
    const places = await Promise.all(runs.map((run) => lease.call((key) => key.place(run.leaseId))));
    expect(places.map((view) => view && [view.place, view.earliestAt])).toEqual([
      null,
      null,
      null,
      [1, NOW + 5_000],
      [2, NOW + 10_000],
      [3, NOW + 15_000],
    ]);
    expect(places[4]).toMatchObject({ policy, held: 0, waiting: 3, oldestSince: NOW, nextAt: NOW + 5_000 });
  });

  it("counts a run once, however often it asks", async () => {
    const twice = (_: string, method: string): CallFault | null => (method === "admit" ? "twice" : null);
    const lease = throttled({ ...noFaults, call: twice });
    const runs = runsOf(lease, 3);
    for (const run of runs) {
      await lease.ask(run, policy);
      await lease.ask(run, policy);
    }
    expect(lease.letIn.map(({ at }) => at - NOW)).toEqual([0, 0, 0]);
    await lease.pass(30 * MINUTE);
    expect(await lease.ask(runs[0]!, policy)).toBe("admitted");
    expect(lease.letIn).toHaveLength(3);
  });

  it("remembers whom it has let in for an hour, and goes when it is as good as new", async () => {
    const lease = throttled();
    for (const run of runsOf(lease, 3)) {
      await lease.ask(run, policy);
      await lease.release(run); // it changes nothing: starts are counted
    }
    await lease.pass(59 * MINUTE);
    expect(lease.stored().filter(({ list }) => list === "decided")).toHaveLength(3);
    await lease.pass(2 * MINUTE);
    expect(lease.world.names("key")).toEqual([]);
  });

  it("whose period is longer than that stays until it is over", async () => {
    const lease = throttled();
    const daily: GatePolicy = { rule: "throttle", limit: 1, periodMs: 24 * HOUR, burst: 0 };
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    await lease.ask(a, daily);
    await lease.pass(12 * HOUR);
    expect(await lease.ask(b, daily)).toBe("waiting");
    await lease.pass(12 * HOUR);
    expect(b.status).toBe("held");
    await lease.pass(23 * HOUR);
    expect(lease.world.names("key")).toEqual(["throttle/shop-ship/k"]);
    await lease.pass(2 * HOUR);
    expect(lease.world.names("key")).toEqual([]);
  });
});

describe("a key of a singleton", () => {
  it("skip: names the run that is in the way, also to whoever asks again when that is gone", async () => {
    const lease = singletons();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, single("skip"));
    await lease.ask(b, single("skip"));
    expect(b.refusal).toEqual({ rule: "singleton", as: "skipped", byRunId: a.runId });
    await lease.release(a);
    expect(await lease.ask(b, single("skip"))).toBe("refused");
    expect(await lease.ask(c, single("skip"))).toBe("admitted");
  });

  it("skip: a holder that is lost is found by the next that comes, though nobody waits", async () => {
    const lease = singletons();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, single("skip"));
    await lease.pass(MINUTE);
    expect(await lease.ask(b, single("skip"))).toBe("refused");
    expect(a.heard).toEqual(["holding"]);
    a.status = "over";
    await lease.pass(MINUTE);
    expect(await lease.ask(c, single("skip"))).toBe("admitted");
  });

  it("cancel: cancels the holder, and lets the newest in once it is gone", async () => {
    const lease = singletons();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, single("cancel"));
    expect(await lease.ask(b, single("cancel"))).toBe("waiting");
    expect(a.cancelReason).toContain(b.runId);
    expect(await lease.ask(c, single("cancel"))).toBe("waiting");
    expect([b.status, b.refusal]).toEqual(["refused", { rule: "singleton", as: "cancelled", byRunId: c.runId }]);
    expect(a.heard).toEqual(["cancel"]); // once it has heard it
    await lease.release(a);
    expect(c.status).toBe("held");
  });

  it("cancel: is repeated until it is heard; a holder that has ended without a word is asked", async () => {
    const lease = singletons();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    await lease.ask(a, single("cancel"));
    a.answers = () => Promise.reject(new Error("no connection"));
    await lease.ask(b, single("cancel"));
    await lease.pass(5 * SECOND);
    expect(a.heard).toEqual(["cancel", "cancel", "cancel"]);
    a.answers = () => undefined;
    a.status = "over";
    await lease.pass(5 * SECOND);
    expect(b.status).toBe("held");
  });

  it("queue: one waits, the newest", async () => {
    const lease = singletons();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, single("queue"));
    expect(await lease.ask(b, single("queue"))).toBe("waiting");
    expect(await lease.ask(c, single("queue"))).toBe("waiting");
    expect([b.status, b.refusal?.as]).toEqual(["refused", "skipped"]);
    expect(a.heard).toEqual([]);
    await lease.release(a);
    expect(c.status).toBe("held");
  });
});

describe("a key of a pause", () => {
  const since = (at: number): GatePolicy => ({ rule: "pause", at });
  const paused = () => new LeaseWorld({ object: "pause/shop-ship/" });

  it("lets in, once it is opened, all that wait, in parts, and those that come late", async () => {
    const lease = paused();
    const runs = runsOf(lease, 210);
    await lease.askAll(runs, since(NOW));
    await lease.pass(HOUR);
    expect(runs.every(({ status, heard }) => status === "waiting" && heard.length === 0)).toBe(true);
    await lease.call((key) => key.open(NOW));
    await lease.pass(SECOND);
    expect(runs.every(({ status }) => status === "held")).toBe(true);
    await lease.pass(24 * HOUR);
    expect(await lease.ask(lease.runOf(999), since(NOW))).toBe("admitted");
  });

  it("holds the runs of a later pause, and of none that is over", async () => {
    const lease = paused();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, since(NOW));
    await lease.ask(b, since(NOW + 10), { rank: 0 }); // whatever its priority
    await lease.call((key) => key.open(NOW + 5));
    await lease.call((key) => key.open(NOW - 5)); // that comes late
    expect(statuses(a, b)).toEqual(["held", "waiting"]);
    expect(await lease.ask(c, since(NOW + 1))).toBe("admitted");
    await lease.call((key) => key.open(NOW + 10));
    expect(b.status).toBe("held");
  });
});

describe("a line", () => {
  const lines = (lease: LeaseWorld, functionId = "shop-ship") => lease.world.objects().lines(ENV, functionId).list();
  const listed = async (lease: LeaseWorld, functionId?: string) => {
    const asked = lines(lease, functionId);
    await lease.rest();
    return asked;
  };

  it("is shown when somebody has waited for a second, to each function whose runs wait, until nobody has for a minute", async () => {
    const lease = concurrency();
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    await lease.ask(a, upTo(1), { key: "user-1" });
    await lease.ask(b, upTo(1), { key: "user-1" });
    await lease.ask(c, upTo(1), { functionId: "shop-pack", key: "user-1" });
    await lease.pass(999);
    expect(await listed(lease)).toEqual([]);
    await lease.pass(1);
    const shown = [{ env: ENV, object: CONCURRENCY, key: "user-1" }];
    expect([await listed(lease), await listed(lease, "shop-pack")]).toEqual([shown, shown]);
    for (const run of [a, b, c]) await lease.release(run);
    await lease.pass(59 * SECOND);
    expect(await listed(lease)).toEqual(shown);
    await lease.pass(2 * SECOND);
    expect([await listed(lease), await listed(lease, "shop-pack")]).toEqual([[], []]);
    await lease.pass(HOUR);
    expect(lease.world.names("key")).toEqual([]); // the lists of lines go too
  });

  it("that is gone again within a second is never shown, and nobody is asked about it", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    await lease.ask(a, upTo(1));
    await lease.pass(HOUR);
    await lease.ask(b, upTo(1));
    await lease.pass(500);
    await lease.release(a);
    await lease.release(b);
    await lease.pass(MINUTE);
    expect([await listed(lease), a.heard, b.heard]).toEqual([[], [], ["admitted"]]);
  });

  it("is told to the list again when that has failed", async () => {
    let isDown = true;
    const call = (_: string, method: string): CallFault | null =>
      isDown && method === "opened" ? "request-lost" : null;
    const lease = concurrency({ ...noFaults, call });
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    await lease.pass(12 * SECOND);
    expect([await listed(lease), lease.world.reports.length]).toEqual([[], 3]);
    isDown = false;
    await lease.pass(5 * SECOND);
    expect(await listed(lease)).toHaveLength(1);
  });

  it("shows its holders, and who has waited longest", async () => {
    const lease = concurrency();
    expect(await lease.call((key) => key.line())).toBeNull();
    const runs = runsOf(lease, 130);
    await lease.askAll(runs.slice(0, 1), upTo(120));
    lease.world.clock.moveTo(NOW + 5);
    await lease.askAll(runs.slice(1, 121), upTo(120));
    lease.world.clock.moveTo(NOW + 7);
    await lease.askAll(runs.slice(121), upTo(120), () => 0); // before the one that has waited longest
    const line = await lease.call((key) => key.line());
    expect(line).toMatchObject({ policy: upTo(120), held: 120, waiting: 10, oldestSince: NOW + 5, nextAt: null });
    expect(line?.holders).toHaveLength(100);
    expect(line?.holders[0]).toEqual({
      leaseId: runs[0]!.leaseId,
      runId: runs[0]!.runId,
      functionId: "shop-ship",
      since: NOW,
    });
    expect(await lease.call((key) => key.place("nobody.1"))).toBeNull();
  });

  it("goes on after its alarm was lost as soon as anybody comes", async () => {
    const lease = new LeaseWorld({ object: "throttle/shop-ship/k" });
    const policy: GatePolicy = { rule: "throttle", limit: 1, periodMs: 5_000, burst: 0 };
    const [a, b, c] = runsOf(lease, 3) as [PlayedRun, PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, policy);
    lease.world.loseAlarm("key", lease.object);
    lease.world.clock.moveTo(NOW + 7_000);
    await lease.ask(c, policy);
    expect(statuses(b, c)).toEqual(["held", "waiting"]);
    await lease.pass(5_000);
    expect(c.status).toBe("held");
  });
});

describe("a key's object", () => {
  it("that only was looked at has stored nothing", async () => {
    const lease = concurrency();
    expect(await lease.call((key) => key.place("nobody.1"))).toBeNull();
    await lease.call((key) => key.release("nobody.1"));
    expect([lease.world.names("key"), lease.alarmIn]).toEqual([[], null]);
  });

  it("whose disk takes no write for a while loses nothing", async () => {
    const lease = concurrency();
    const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
    for (const run of [a, b]) await lease.ask(run, upTo(1));
    let isFull = true;
    lease.world.storage = (kind, _name, what) => {
      if (isFull && kind === "key" && what === "commit") throw new Error("the disk is full");
    };
    a.status = "releasing";
    void lease.persist((key) => key.release(a.leaseId)).then(() => (a.status = "over"));
    await lease.pass(MINUTE);
    expect(statuses(a, b)).toEqual(["releasing", "waiting"]);
    isFull = false;
    await lease.until(() => b.status === "held", "the next is let in");
  });

  it("may go at any point while somebody comes: whoever comes is let in", async () => {
    for (let delay = 0; delay < 12; delay++) {
      const lease = concurrency();
      const [a, b] = runsOf(lease, 2) as [PlayedRun, PlayedRun];
      await lease.ask(a, upTo(1));
      await lease.release(a);
      lease.world.clock.moveTo(lease.now + 10 * MINUTE);
      lease.world.startDue(); // the alarm at which it goes
      for (let turn = 0; turn < delay; turn++) await lease.world.turns.next();
      expect(await lease.ask(b, upTo(1))).toBe("admitted");
      expect(lease.stored().filter(({ list }) => list === "held")).toHaveLength(1);
    }
  });
});
