import { expect, test } from "vitest";
import { takesInput, waysToResolve } from "../../dashboard/src/model/step-acts.ts";
import type { Step } from "../../dashboard/src/api/runs.ts";

test.each<[Step["kind"], string, string[]]>([
  ["wait", "waiting", ["event", "timeout"]],
  ["wait", "registering", ["event", "timeout"]],
  ["wait", "completed", []],
  ["signal", "waiting", ["data", "timeout"]],
  ["invoke", "invoking", ["data", "error", "timeout"]],
  ["sleep", "sleeping", []],
  ["run", "retrying", []],
])("a %s that is %s is resolved by %j", (kind, status, ways) => {
  expect(waysToResolve({ kind, status }).map((way) => way.kind)).toEqual(ways);
});

test("what is written as an example is JSON", () => {
  const all = (["wait", "signal"] as const).flatMap((kind) => waysToResolve({ kind, status: "waiting" }));
  const examples = [...all, ...waysToResolve({ kind: "invoke", status: "invoking" })].flatMap(
    ({ example }) => example ?? [],
  );
  expect(examples.map((text) => typeof JSON.parse(text))).toEqual(["object", "object", "object", "object"]);
});

test("code gets other arguments, and nothing else does", () => {
  expect(takesInput({ kind: "run", type: "step.run" })).toBe(true);
  expect(takesInput({ kind: "run", type: "step.sendEvent" })).toBe(false);
  expect(takesInput({ kind: "sleep", type: "step.sleep" })).toBe(false);
});
