import { describe, expect, it } from "vitest";
import { singleton, type SingletonRun } from "../../src/flow-control/singleton.ts";
import { seededRandom } from "../helpers/random.ts";

const run = (age: number): SingletonRun => ({ leaseId: `${String(age).padStart(4, "0")}.1`, runId: String(age) });
const refusal = (as: "skipped" | "cancelled", by: number) => ({ rule: "singleton" as const, as, byRunId: String(by) });
const refused = (as: "skipped" | "cancelled", by: number) => ({ kind: "refuse" as const, refusal: refusal(as, by) });
const waits = (cancels: boolean, told: ReturnType<typeof refusal> | null = null) => ({
  kind: "wait" as const,
  cancels,
  refusal: told,
});
const admitted = { kind: "admit" as const };

describe("singleton", () => {
  // mode, holder, waiter, who asks
  it.each([
    ["skip: whoever is alone goes on", "skip", 0, 0, 5, admitted],
    ["skip: a newer run is skipped", "skip", 3, 0, 5, refused("skipped", 3)],
    ["skip: so is an older one that comes late", "skip", 7, 0, 5, refused("skipped", 7)],
    ["skip: one that waits, from when the mode was another, comes first", "skip", 0, 4, 5, refused("skipped", 4)],
    ["cancel: alone", "cancel", 0, 0, 5, admitted],
    ["cancel: the newer wins, and waits until the holder is gone", "cancel", 3, 0, 5, waits(true)],
    ["cancel: the older is cancelled itself", "cancel", 7, 0, 5, refused("cancelled", 7)],
    ["cancel: of two that wait the older is cancelled", "cancel", 3, 4, 5, waits(true, refusal("cancelled", 5))],
    ["cancel: also when it asks last", "cancel", 3, 6, 5, refused("cancelled", 6)],
    ["queue: alone", "queue", 0, 0, 5, admitted],
    ["queue: waits for the holder", "queue", 3, 0, 5, waits(false)],
    ["queue: also when it is the older one", "queue", 7, 0, 5, waits(false)],
    ["queue: the one that waits is skipped for a newer", "queue", 3, 4, 5, waits(false, refusal("skipped", 5))],
    ["queue: and not for an older", "queue", 3, 6, 5, refused("skipped", 6)],
  ] as const)("[§3.9] %s", (_, mode, holder, waiter, asks, expected) => {
    expect(singleton(mode, holder ? run(holder) : null, waiter ? run(waiter) : null, run(asks))).toEqual(expected);
  });

  it.each(["cancel", "queue"] as const)("%s: in whatever order a burst asks, the newest goes on last", (mode) => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const ages = Array.from({ length: 8 }, (_, i) => i + 1).sort(() => random() - 0.5);
      const fates = new Map<string, string>();
      let holder: SingletonRun | null = null;
      let waiter: SingletonRun | null = null;
      let cancels = false;
      const leave = (fate: string) => {
        if (holder) fates.set(holder.runId, fate);
        [holder, waiter, cancels] = [waiter, null, false];
      };
      for (const asking of ages.map(run)) {
        const verdict = singleton(mode, holder, waiter, asking);
        if (verdict.kind === "refuse") fates.set(asking.runId, verdict.refusal.as);
        if (verdict.kind === "admit") holder = asking;
        if (verdict.kind === "wait") {
          if (verdict.refusal && waiter) fates.set((waiter as SingletonRun).runId, verdict.refusal.as);
          [waiter, cancels] = [asking, verdict.cancels];
        }
        if (random() < 0.3) leave(cancels ? "cancelled" : "completed");
      }
      leave(cancels ? "cancelled" : "completed");
      if (holder) leave("completed");
      expect(fates.size).toBe(8); // each has one fate
      expect(fates.get("8")).toBe("completed");
    }
  });
});
