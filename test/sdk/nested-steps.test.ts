/** A step inside the code of another: nothing could carry it out, so it is refused instead of waited for. */
import { describe, expect, test, vi } from "vitest";
import { Inngest, step as exported, type Context } from "../../src/sdk/index.ts";
import { EVENT } from "../helpers/run-builder.ts";
import { call, clientWith, recorder, silent } from "./middleware/helpers.ts";

const client = new Inngest({ id: "shop", isDev: true, logger: silent });
const on = (handler: (context: Context) => unknown, by: Inngest = client) =>
  by.createFunction({ id: "f" }, { event: EVENT.name }, handler);

const refusal = (tool: string) =>
  expect.stringMatching(new RegExp(`^${tool} "inner": started inside the code of step "outer",.* before or after`));

describe("a step started inside the code of another fails that step, and is not tried again", () => {
  const tools: [string, (context: Context) => Promise<unknown>][] = [
    ["step.run", ({ step }) => step.run("inner", () => 1)],
    ["step.sleep", ({ step }) => step.sleep("inner", "1s")],
    ["step.waitForEvent", ({ step }) => step.waitForEvent("inner", { event: "a", timeout: "1s" })],
    ["step.sendEvent", ({ step }) => step.sendEvent("inner", { name: "a" })],
  ];

  test.each(tools)("%s", async (tool, inner) => {
    const reply = await call(
      client,
      on((context) => context.step.run("outer", () => inner(context))),
    );
    expect(reply).toMatchObject({ ops: [{ op: "StepFailed", error: { message: refusal(tool) } }] });
  });

  test("also after an await, by the exported tools, and with middleware", async () => {
    const code = () =>
      exported.run("outer", async () => {
        await Promise.resolve();
        return exported.run("inner", () => 1);
      });
    const hooked = clientWith([recorder("m", [])]);
    for (const reply of [await call(client, on(code)), await call(hooked, on(code, hooked))])
      expect(reply).toMatchObject({ ops: [{ op: "StepFailed", error: { message: refusal("step.run") } }] });
  });

  test("a step that another branch starts while its code runs is not inside it", async () => {
    const gate = Promise.withResolvers<void>();
    const refused = vi.fn();
    const fn = on(async ({ step }) => {
      const branch = gate.promise.then(() => step.run("beside", () => 1)).catch(refused);
      const outer = step.run("outer", async () => {
        gate.resolve();
        await new Promise(setImmediate);
        return "out";
      });
      return Promise.all([outer, branch]);
    });
    expect(await call(client, fn)).toMatchObject({ ops: [{ op: "StepRun", displayName: "outer", data: "out" }] });
    expect(refused).not.toHaveBeenCalled();
  });

  test("a step after it is not inside it", async () => {
    const fn = on(async ({ step }) => {
      await step.run("outer", () => 1);
      return step.run("after", () => "done");
    });
    const reply = await call(client, fn, { journal: { outer: { data: 1 } } });
    expect(reply).toMatchObject({ ops: [{ op: "StepRun", displayName: "after", data: "done" }] });
  });
});
