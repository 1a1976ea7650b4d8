/** Keys that let runs in, with everything that goes wrong: lost replies, doubled requests, crashes, late alarms. */
import { expect, test } from "vitest";
import type { GatePolicy } from "../../src/engine/lease.ts";
import type { CallFault, CommitFault, FaultSource } from "../../src/testing/host/faults.ts";
import { LeaseWorld, type PlayedRun } from "../helpers/lease-world.ts";
import { seededRandom } from "../helpers/random.ts";
import { NOW } from "../helpers/run-builder.ts";

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

/** Faults of one seed: some seeds have many of one kind. */
function faultsOf(random: () => number): FaultSource {
  const [loss, twice, delay, crash, alarm] = Array.from({ length: 5 }, () => (random() < 0.5 ? random() * 0.12 : 0));
  return {
    commit: (): CommitFault | null => (random() < crash! ? (random() < 0.5 ? "crash-before" : "crash-after") : null),
    call: (): CallFault | null => {
      if (random() < loss!) return random() < 0.5 ? "request-lost" : "reply-lost";
      if (random() < twice!) return "twice";
      return random() < delay! ? { delayMs: Math.floor(random() * 5_000) } : null;
    },
    delivery: () => null,
    alarm: () => (random() < alarm! ? (random() < 0.5 ? "twice" : { delayMs: Math.floor(random() * 9_000) }) : null),
  };
}

interface Play {
  lease: LeaseWorld;
  runs: PlayedRun[];
  random: () => number;
  /** most that held at the same time */
  most: number;
  /** instants at which runs were let in */
  entered: { run: PlayedRun; at: number }[];
}

/** So many runs come over a while, ask until they are answered, hold for a while, and give back until that is heard. */
async function play(object: string, policy: GatePolicy, seed: number, count: number): Promise<Play> {
  const random = seededRandom(seed * 7919);
  const lease = new LeaseWorld({ object, seed, shuffles: true, faults: faultsOf(random) });
  const made: Play = { lease, runs: [], random, most: 0, entered: [] };
  const holding = new Set<PlayedRun>();
  for (let age = 0; age < count; age++) {
    const run = lease.runOf(age);
    made.runs.push(run);
    const leave = () => {
      if (run.status !== "held") return;
      holding.delete(run);
      run.status = "releasing";
      void lease.persist((key) => key.release(run.leaseId)).then(() => (run.status = "over"));
    };
    run.onCancel = leave;
    run.onHeld = () => {
      holding.add(run);
      made.entered.push({ run, at: lease.now });
      made.most = Math.max(made.most, holding.size);
      void lease.world.later(random() * 4_000).then(leave);
    };
    const asks = lease.world
      .later(random() * 20_000)
      .then(() =>
        lease.persist(async (key) => run.take(await key.admit(lease.request(run, policy, { rank: NOW + age })))),
      );
    void asks;
  }
  return made;
}

test.each(SEEDS)(
  "[G7] [seed %i] a limit is never exceeded, every lease comes back, and everybody is let in",
  async (seed) => {
    const limit = 1 + (seed % 4);
    const played = await play(
      "concurrency/run/0-fn/shop-ship/k",
      { rule: "concurrency", limit, order: "age" },
      seed,
      60,
    );
    const { lease, runs } = played;
    await lease.until(() => runs.every(({ status }) => status === "over"), "everybody has been in and out");
    expect(played.most).toBeLessThanOrEqual(limit);
    expect(Math.max(...lease.letIn.map(({ held }) => held))).toBeLessThanOrEqual(limit);
    expect(played.entered.length).toBe(runs.length); // each once
    const rankOf = (leaseId: string) => runs.findIndex((run) => run.leaseId === leaseId);
    for (const { leaseId, line } of lease.letIn)
      expect(line.filter(({ id }) => rankOf(id) < rankOf(leaseId))).toEqual([]); // nobody was overtaken in the line
    // a request that comes late may have taken a lease that nobody wants: it is found as soon as somebody waits for it
    const last = Array.from({ length: limit }, (_, i) => lease.runOf(1_000 + i));
    const policy: GatePolicy = { rule: "concurrency", limit, order: "age" };
    for (const run of last)
      void lease.persist(async (key) => run.take(await key.admit(lease.request(run, policy, { rank: NOW + 9_000 }))));
    await lease.until(() => last.every(({ status }) => status === "held"), "the whole limit is free");
  },
);

test.each(SEEDS)("[seed %i] a throttle is kept in every window, and everybody is let in once", async (seed) => {
  const policy = { rule: "throttle" as const, limit: 1 + (seed % 3), periodMs: 2_000, burst: seed % 2 };
  const played = await play("throttle/shop-ship/k", policy, seed, 40);
  const { lease, runs, entered } = played;
  await lease.until(() => runs.every(({ status }) => status === "over"), "everybody has been in and out");
  expect(entered.length).toBe(runs.length);
  const instants = lease.letIn.map(({ at }) => at);
  expect(instants.length).toBe(runs.length);
  for (const [from, at] of instants.entries())
    for (const [more, to] of instants.slice(from).entries()) {
      const share = ((to - at) * policy.limit) / policy.periodMs;
      expect(more + 1).toBeLessThanOrEqual(policy.limit + policy.burst + share + 1e-6);
    }
});

test.each(SEEDS)(
  "[seed %i] of a singleton one runs at a time, each has one fate, and the newest is never dropped",
  async (seed) => {
    const mode = (["skip", "cancel", "queue"] as const)[seed % 3]!;
    const played = await play("singleton/shop-ship/k", { rule: "singleton", mode }, seed, 30);
    const { lease, runs } = played;
    await lease.until(() => runs.every((run) => run.status === "over" || run.status === "refused"), "all have ended");
    expect(played.most).toBe(1);
    const as = mode === "cancel" ? "cancelled" : "skipped";
    for (const run of runs.filter(({ status }) => status === "refused"))
      expect(run.refusal).toMatchObject({ rule: "singleton", as, byRunId: expect.any(String) });
    if (mode !== "skip") expect(runs.at(-1)?.status).toBe("over");
  },
);
