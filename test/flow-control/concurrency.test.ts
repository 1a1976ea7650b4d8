import { describe, expect, it } from "vitest";
import { concurrency } from "../../src/flow-control/concurrency.ts";
import { withPolicy, type KeyPolicies } from "../../src/flow-control/latest-policy.ts";
import { seededRandom } from "../helpers/random.ts";

describe("concurrency", () => {
  it.each([
    [1, 0, "admit"],
    [1, 1, "wait"],
    [5, 4, "admit"],
    [5, 5, "wait"],
    [2, 7, "wait"], // the limit was lowered: nobody is stopped, nobody enters
  ])("[§3.3] of a limit of %i with %i held: %s", (limit, held, kind) => {
    expect(concurrency({ limit }, held).kind).toBe(kind);
  });

  it("depends on leaving alone: no instant is named", () => {
    expect(concurrency({ limit: 1 }, 1)).toEqual({ kind: "wait", until: null });
  });

  it.each([1, 2, 3, 4])(
    "[seed %i] is never exceeded, strictly by the line, whatever limits its functions have",
    (seed) => {
      const random = seededRandom(seed);
      const line: { who: number; limit: number }[] = [];
      const held = new Set<number>();
      let entered = 0;
      for (let who = 0; who < 500;) {
        if (random() < 0.5) line.push({ who: who++, limit: 1 + Math.floor(random() * 5) });
        else held.delete([...held][Math.floor(random() * held.size)] ?? -1);
        for (let head = line[0]; head && concurrency(head, held.size).kind === "admit"; head = line[0]) {
          line.shift();
          held.add(head.who);
          expect(held.size).toBeLessThanOrEqual(head.limit);
          expect(head.who).toBe(entered++); // nobody overtakes
        }
      }
      expect(entered).toBeGreaterThan(150);
    },
  );
});

describe("the policy of a key", () => {
  const policy = (limit: number) => ({ rule: "concurrency", limit, order: "age" }) as const;
  const asked = (functionId: string, functionVersion: number, limit: number) => ({
    functionId,
    functionVersion,
    policy: policy(limit),
  });

  it("is that of the latest version of each function, whoever asks last", () => {
    let policies: KeyPolicies = {};
    for (const one of [asked("a", 2, 20), asked("a", 1, 10), asked("b", 1, 5), asked("a", 3, 30), asked("a", 2, 20)])
      policies = withPolicy(policies, one);
    expect(policies).toEqual({ a: { version: 3, policy: policy(30) }, b: { version: 1, policy: policy(5) } });
  });

  it("stays the same object when nothing changes: nothing is stored", () => {
    const policies = withPolicy({}, asked("a", 2, 20));
    expect(withPolicy(policies, asked("a", 2, 20))).toBe(policies);
    expect(withPolicy(policies, asked("a", 1, 99))).toBe(policies);
  });
});
