/** What only a client that checkpoints can show: its calls go on while the platform already knows their steps. */
import { describe, expect, inject, it } from "vitest";
import { stageOf } from "./stage.ts";

const url = inject("apps")["ts4"];
const stage = stageOf("ts4", inject("platform"), url ?? "");

describe.runIf(url)("a call that checkpoints", () => {
  it("[§6] is told by a 409 that its run is over: it runs no further step", async () => {
    const gate = crypto.randomUUID();
    const { key, id } = await stage.start("held", { gate });
    await stage.until(
      async () => (await stage.traceOf(key)).length === 1,
      () => "the step to begin",
    );
    const { run_id } = await stage.runWhen(id, () => true, "the run");
    await stage.ask(`${stage.platform}/v1/runs/${run_id}`, { method: "DELETE" });
    await stage.open(gate);
    const run = await stage.ended(id);
    const [call] = await stage.until(
      async () => {
        const calls = await stage.calls(run);
        return calls[0]?.status !== undefined && calls;
      },
      () => "the call to end",
    );
    expect(call?.status).toBe(400); // how the client ends a dispatch that is stale
    expect(run.status).toBe("Cancelled");
    expect((await stage.trace(run)).map(({ step }) => step)).toEqual(["hold"]);
    expect((await stage.readRun(run.run_id)).steps.map((step) => step.status)).not.toContain("completed");
  });

  it("shows each step as done while a later one is under way", async () => {
    const gate = crypto.randomUUID();
    const { id } = await stage.start("held-later", { gate });
    await stage.runWhen(
      id,
      ({ status, steps }) => status === "Running" && steps[0]?.status === "completed",
      "the first step to be done",
    );
    await stage.open(gate);
    expect(await stage.outputOf(id)).toBe("held");
  });
});
