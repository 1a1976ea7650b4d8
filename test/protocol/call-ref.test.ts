import { describe, expect, test } from "vitest";
import { callRef, readCallRef, type NamedCall } from "../../src/protocol/call-ref.ts";
import { spanIdOf, traceIdOf, traceParent, traceState } from "../../src/protocol/trace-context.ts";
import { RUN_ID } from "../helpers/run-builder.ts";

const call = (changes: Partial<NamedCall> = {}): NamedCall => ({
  number: 3,
  stepId: null,
  attempt: 1,
  epoch: 2,
  ...changes,
});

describe("[§3.1] the name of a call", () => {
  test.each([
    ["a discovery", call()],
    ["a step by its hash", call({ number: 0, stepId: "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" })],
    ["a step with an id that no SDK gives", call({ stepId: "a.b/ü %\n" })],
    ["a step that is called `step`", call({ stepId: "step" })],
  ])("leads back to the call: %s", (_, given) => {
    expect(readCallRef(callRef(RUN_ID, given))).toEqual({ runId: RUN_ID, call: given });
    expect(callRef(RUN_ID, given)).toMatch(/^[\x21-\x7e]+$/); // a header holds it
  });

  test("is another for another epoch, number, attempt or step", () => {
    const names = [call(), call({ epoch: 3 }), call({ number: 4 }), call({ attempt: 2 }), call({ stepId: "a" })];
    expect(new Set(names.map((one) => callRef(RUN_ID, one))).size).toBe(names.length);
  });

  test.each([
    "",
    "step",
    RUN_ID,
    `${RUN_ID}.1.2`,
    `${RUN_ID}.1.2.x`,
    `${RUN_ID}.-1.2.3`,
    `${RUN_ID}.1.2.3.%E0`,
    "x.1.2.3",
  ])("cannot be %j", (text) => {
    expect(readCallRef(text)).toBeUndefined();
  });
});

describe("[§0.1, §9.9] the trace of a call", () => {
  test("one trace for a run, a span for each call", () => {
    expect(traceIdOf(RUN_ID)).toMatch(/^[0-9a-f]{32}$/);
    expect(spanIdOf(RUN_ID, "a")).toMatch(/^[0-9a-f]{16}$/);
    expect(spanIdOf(RUN_ID, "a")).not.toBe(spanIdOf(RUN_ID, "b"));
    expect(traceParent(RUN_ID, "a")).toBe(`00-${traceIdOf(RUN_ID)}-${spanIdOf(RUN_ID, "a")}-01`);
  });

  test("SDKs that split the state at commas and equal signs find app, function and reference", () => {
    const parent = traceParent(RUN_ID, "a");
    const state = traceState({ appId: "shop", functionId: "shop-ship" }, parent);
    const entries = Object.fromEntries(state.split(",").map((pair) => pair.split("=") as [string, string]));
    expect(Object.keys(entries)).toEqual(["inngest@app", "inngest@fn", "inngest@traceref"]);
    expect(JSON.parse(decodeURIComponent(entries["inngest@traceref"]!))).toEqual({ tp: parent });
    for (const value of Object.values(entries)) expect(value.length).toBeLessThanOrEqual(256); // W3C trace context
  });
});
