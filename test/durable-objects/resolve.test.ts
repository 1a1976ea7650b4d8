/** Waits that are resolved by hand, in the run's object: what counts once survives, whoever dies and whatever comes late. */
import { describe, expect, it } from "vitest";
import type { Resolution } from "../../src/engine/run-resolve.ts";
import { runIdOf } from "../../src/protocol/ids.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { die, objectsOf, runOf, simulated, view } from "../helpers/simulated-platform.ts";

const written = (data: Record<string, string>): Resolution => ({
  kind: "event",
  event: { id: "by-hand", name: "", data, user: {}, ts: 1 },
});

function platformOf(): TestPlatform {
  return simulated((client) => {
    const child = client.createFunction({ id: "child" }, { event: "child/asked" }, async ({ step }) => {
      await step.sleep("long", "1h");
      return "from the child";
    });
    return [
      child,
      client.createFunction({ id: "waiter" }, { event: "begin" }, async ({ step }) => {
        const found = await step.waitForEvent("answer", { event: "answer", if: "async.data.n == 1", timeout: "7d" });
        return found?.data ?? "gave up";
      }),
      client.createFunction({ id: "caller" }, { event: "call" }, ({ step }) =>
        step.invoke("ask", { function: child, data: {} }),
      ),
      client.createFunction({ id: "signalled" }, { event: "signal" }, ({ step }) =>
        step.waitForSignal("ask", { signal: "approval", timeout: "7d", onConflict: "fail" }),
      ),
    ];
  });
}

async function started(platform: TestPlatform, name: string, functionId: string) {
  const { ids } = await platform.send({ name });
  await platform.clock.advance(0);
  const id = ids[0]!;
  const fn = `mem-${functionId}`;
  const output = async () => (await platform.clock.advance(0), runOf(platform, id, fn)?.output);
  return { run: objectsOf(platform).run("main", runIdOf(id, fn)), output, view: () => view(platform, id, fn) };
}

describe("resolve", () => {
  it("answers a wait, also after a death; neither its event, which comes late, nor a second hand changes that", async () => {
    const platform = platformOf();
    const { run, output, view: look } = await started(platform, "begin", "waiter");
    expect(await run.resolve("answer", written({ by: "hand" }))).toEqual({ kind: "resolved" });
    die(platform);
    expect(await output()).toEqual({ by: "hand" });
    await platform.send({ name: "answer", data: { n: 1 } });
    expect(await run.resolve("answer", { kind: "timeout" })).toEqual({ kind: "ended" });
    expect(await output()).toEqual({ by: "hand" });
    expect((await look())?.entries).toMatchObject([{ userId: "answer", byHand: true }]);
  });

  it("asks no expression: whoever writes by hand decides", async () => {
    const platform = platformOf();
    const { run, output } = await started(platform, "begin", "waiter");
    await platform.send({ name: "answer", data: { n: 2 } });
    expect(await output()).toBeUndefined();
    await run.resolve("answer", written({ n: "3" }));
    expect(await output()).toEqual({ n: "3" });
  });

  it("comes too late for a wait that its event has answered", async () => {
    const platform = simulated((client) => [
      client.createFunction({ id: "twice" }, { event: "begin" }, async ({ step }) => {
        const found = await step.waitForEvent("answer", { event: "answer", timeout: "7d" });
        await step.sleep("then", "1d");
        return found?.data;
      }),
    ]);
    const { run, output } = await started(platform, "begin", "twice");
    await platform.send({ name: "answer", data: { by: "event" } });
    expect(await run.resolve("answer", written({}))).toMatchObject({ kind: "no-step" }); // no open step has this id
    const hash = (await run.journal(0)).entries[0]!.id;
    expect(await run.resolve(hash, written({}))).toMatchObject({ kind: "over" });
    await platform.clock.advance("1d");
    expect(await output()).toEqual({ by: "event" });
  });

  it("lets an invoker go on without its callee, which goes on by itself and is not listened to", async () => {
    const platform = platformOf();
    const { run, output } = await started(platform, "call", "caller");
    expect(await run.resolve("ask", { kind: "data", data: "by hand" })).toEqual({ kind: "resolved" });
    expect(await output()).toBe("by hand");
    await platform.clock.advance("1h");
    expect(platform.runs().map(({ status, output: of }) => [status, of])).toEqual([
      ["Completed", "by hand"],
      ["Completed", "from the child"],
    ]);
  });

  it("frees the signal that a step waited for: another may wait for it", async () => {
    const platform = platformOf();
    const one = await started(platform, "signal", "signalled");
    expect(await one.run.resolve("ask", { kind: "data", data: 1 })).toEqual({ kind: "resolved" });
    expect(await one.output()).toEqual({ signal: "approval", data: 1 });
    const other = await started(platform, "signal", "signalled");
    const sent = await objectsOf(platform).signal("main", "approval").send({ name: "approval", data: 2 });
    expect(sent.runId).toBe((await other.view())?.run.id);
    expect(await other.output()).toEqual({ signal: "approval", data: 2 });
  });

  it("of a run that never was says so", async () => {
    const unknown = objectsOf(platformOf()).run("main", runIdOf("01ARZ3NDEKTSV4RRFFQ69G5FAV", "mem-waiter"));
    expect(await unknown.resolve("answer", written({}))).toEqual({ kind: "unknown" });
  });
});
