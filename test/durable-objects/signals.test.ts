import { describe, expect, it } from "vitest";
import { stepHash } from "../../src/protocol/ids.ts";
import { createTestPlatform, type TestPlatform } from "../../src/testing/platform.ts";
import { Inngest, type InngestFunction, type SendSignalOptions } from "../../src/sdk/index.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";
import { dieAfterTurns, silent, simulated } from "../helpers/simulated-platform.ts";

const HOUR_MS = 3_600_000;

/** `wait` waits for the signal that its event names; `tell` sends one. */
function functions(client: Inngest): InngestFunction[] {
  const wait = client.createFunction({ id: "wait" }, { event: "wait" }, async ({ step, event }) => {
    const { signal, onConflict = "fail", timeout = "1h" } = event.data;
    return step.waitForSignal<{ by: string }>("approval", { signal, timeout, onConflict });
  });
  const tell = client.createFunction({ id: "tell" }, { event: "tell" }, async ({ step, event }) =>
    step.sendSignal("tell", event.data as SendSignalOptions),
  );
  return [wait, tell];
}

const app = (options: Parameters<typeof simulated>[1] = {}) => simulated(functions, options);

async function waiting(platform: TestPlatform, data: object) {
  const { run } = await platform.send({ name: "wait", data: { signal: "s", ...data } });
  return run;
}

describe.each(["local", "http"] as const)("[§9.1] signals to functions over %s", (transport) => {
  it("reach the one step that waits for them, and tell its run", async () => {
    const platform = app({ transport });
    const [one, other] = [await waiting(platform, { signal: "s" }), await waiting(platform, { signal: "t" })];
    await one.waitFor("wait:approval");
    expect(await platform.sendSignal({ signal: "s", data: { by: "ada" } })).toEqual({ runId: one.id });
    expect(one.output).toEqual({ signal: "s", data: { by: "ada" } });
    expect(other.has("wait")).toBe(true);
  });

  it("that nobody waits for are not kept", async () => {
    const platform = app({ transport });
    expect(await platform.sendSignal({ signal: "s" })).toEqual({ runId: undefined });
    const run = await waiting(platform, {});
    await platform.sendSignal({ signal: "s", data: 1 });
    expect(run.output).toEqual({ signal: "s", data: 1 });
    expect(await platform.sendSignal({ signal: "s" })).toEqual({ runId: undefined });
  });

  it("that do not come in time are null, and nobody waits any more", async () => {
    const platform = app({ transport });
    const run = await waiting(platform, {});
    await platform.clock.advance(HOUR_MS);
    expect(run.output).toBeNull();
    expect(run.steps[0]?.status).toBe("timed out");
    expect(await platform.sendSignal({ signal: "s" })).toEqual({ runId: undefined });
  });

  it("are sent by steps, which get the id of the run or undefined", async () => {
    const platform = app({ transport });
    const run = await waiting(platform, {});
    const { run: told } = await platform.send({ name: "tell", data: { signal: "s", data: [1, null] } });
    expect(told.output).toEqual({ runId: run.id });
    expect(run.output).toEqual({ signal: "s", data: [1, null] });
    const { run: vain } = await platform.send({ name: "tell", data: { signal: "s" } });
    expect(vain.output).toEqual({});
  });

  it("a second wait fails its run, and leaves the first alone", async () => {
    const platform = app({ transport });
    const first = await waiting(platform, {});
    const second = await waiting(platform, {});
    expect(second.status).toBe("Failed");
    expect(second.error).toMatchObject({
      message: "Signal conflict; signal wait already exists for another run",
      code: "signal_conflict",
    });
    expect(await platform.sendSignal({ signal: "s" })).toEqual({ runId: first.id });
  });

  it("a second wait that replaces gets the signal, and the first is left to its timeout", async () => {
    const platform = app({ transport });
    const first = await waiting(platform, {});
    const second = await waiting(platform, { onConflict: "replace", timeout: "2h" });
    expect(first.hasEnded).toBe(false);
    expect(await platform.sendSignal({ signal: "s", data: 2 })).toEqual({ runId: second.id });
    expect(await platform.sendSignal({ signal: "s", data: 3 })).toEqual({ runId: undefined });
    await platform.clock.advance(HOUR_MS);
    expect(first.output).toBeNull();
  });

  it("a cancelled run waits no longer: the next wait is no conflict", async () => {
    const platform = app({ transport });
    const first = await waiting(platform, {});
    await first.cancel();
    const second = await waiting(platform, {});
    expect(await platform.sendSignal({ signal: "s", data: 4 })).toEqual({ runId: second.id });
  });
});

describe("what a signal's wait shows", () => {
  it("run, story and step control know it", async () => {
    const platform = app();
    const run = await waiting(platform, {});
    expect(run.waitsFor).toEqual(['wait "approval" for the signal "s", until +1h']);
    run.step("approval").answer({ data: { by: "test" } });
    await run.waitFor("end");
    expect(run.output).toEqual({ signal: "s", data: { by: "test" } });
    expect(run.timeline()).toContain('wait "approval" got {"by":"test"}');
    const timed = await waiting(platform, {});
    timed.step("approval").timeOut();
    await timed.waitFor("end");
    expect(timed.output).toBeNull();
  });
});

describe("the object of a signal", () => {
  const objectOf = (platform: TestPlatform) => platform.world.objects().signal("main", "s");
  /** An answer to a call from outside of the world. */
  async function ask<T>(platform: TestPlatform, call: Promise<T>): Promise<T> {
    await platform.clock.advance(0);
    return call;
  }

  it("is emptied once nobody has waited for an hour, and then takes waits as before", async () => {
    const platform = app();
    const first = await waiting(platform, {});
    await platform.sendSignal({ signal: "s", data: 1 });
    expect(platform.world.clock.at("signal s")).toBe(platform.clock.now() + HOUR_MS);
    await platform.clock.advance(HOUR_MS + 1);
    expect([platform.world.clock.at("signal s"), platform.world.disk("signal", "s")?.isEmpty]).toEqual([null, true]);
    const second = await waiting(platform, {});
    expect(await platform.sendSignal({ signal: "s", data: 2 })).toEqual({ runId: second.id });
    expect([first.output, second.output]).toMatchObject([{ data: 1 }, { data: 2 }]);
  });

  it("a request that comes late, for a step that has gone on, takes nothing from anybody", async () => {
    const platform = app();
    const first = await waiting(platform, {});
    await platform.sendSignal({ signal: "s" });
    const second = await waiting(platform, {});
    const late = { runId: first.id, stepId: stepHash("approval", 0), until: platform.clock.now() + HOUR_MS };
    for (const conflict of ["replace", "fail"] as const) {
      const answer = await ask(platform, objectOf(platform).wait(late, conflict));
      expect(answer.kind).toBe(conflict === "replace" ? "gone" : "conflict");
    }
    expect(await platform.sendSignal({ signal: "s", data: 2 })).toEqual({ runId: second.id });
  });

  it("a wait of a run that has ended, and has not withdrawn it yet, is in nobody's way", async () => {
    const platform = app();
    const first = await waiting(platform, {});
    await platform.sendSignal({ signal: "s" });
    const stale = { runId: first.id, stepId: stepHash("approval", 0), until: platform.clock.now() + HOUR_MS };
    expect(await ask(platform, objectOf(platform).wait(stale, "fail"))).toEqual({ kind: "waiting" });
    const second = await waiting(platform, {});
    expect(second.has("wait")).toBe(true);
    expect(await platform.sendSignal({ signal: "s", data: 2 })).toEqual({ runId: second.id });
  });

  it("a wait that was taken over, asked for again after a lost answer, neither takes the signal back nor conflicts", async () => {
    const platform = app();
    const first = await waiting(platform, {});
    const second = await waiting(platform, { onConflict: "replace" });
    const again = { runId: first.id, stepId: stepHash("approval", 0), until: platform.clock.now() + HOUR_MS };
    for (const conflict of ["replace", "fail"] as const)
      expect(await ask(platform, objectOf(platform).wait(again, conflict))).toEqual({ kind: "waiting" });
    expect(await platform.sendSignal({ signal: "s", data: 2 })).toEqual({ runId: second.id });
    expect(first.hasEnded).toBe(false);
  });

  it("a step that waits for the same signal twice, one wait after the other, conflicts with nobody", async () => {
    const client = new Inngest({ id: "mem", logger: silent });
    const fn = client.createFunction({ id: "loop" }, { event: "loop" }, async ({ step }) => {
      const got = [];
      for (let n = 0; n < 3; n++)
        got.push((await step.waitForSignal("next", { signal: "s", timeout: "1h", onConflict: "fail" }))?.data);
      return got;
    });
    const platform = simulated(() => [fn], { client });
    const { run } = await platform.send({ name: "loop" });
    for (const data of ["a", "b", "c"])
      expect(await platform.sendSignal({ signal: "s", data })).toEqual({ runId: run.id });
    expect(run.output).toEqual(["a", "b", "c"]);
  });
});

describe("names and data that cannot be", () => {
  const client = new Inngest({ id: "app", logger: silent });
  const step = async (signal: unknown, more: object = {}) => {
    const fn = client.createFunction({ id: "f" }, { event: "f" }, ({ step: tools }) =>
      tools.waitForSignal("w", { signal, timeout: "1h", onConflict: "fail", ...more } as never),
    );
    const platform = createTestPlatform({ functions: [fn] });
    const { run } = await platform.send({ name: "f" });
    await run.waitFor("end");
    return run.error?.message;
  };

  it.each([
    ["", 'step.waitForSignal "w": signal must be a name of 1 to 512 bytes, not ""'],
    [7, 'step.waitForSignal "w": signal must be a name of 1 to 512 bytes, not number'],
    ["x".repeat(513), `step.waitForSignal "w": signal must be a name of 1 to 512 bytes, not "${"x".repeat(100)}"`],
  ])("a wait for %j is refused", async (signal, message) => expect(await step(signal)).toBe(message));

  it("an `onConflict` that is neither, and a timeout over a year, are refused", async () => {
    expect(await step("s", { onConflict: "wait" })).toBe(
      'step.waitForSignal "w": onConflict: "wait" is neither "fail" nor "replace"',
    );
    expect(await step("s", { timeout: "400d" })).toContain("is over the bound of 366 days");
  });

  it("a signal without a name, or with more data than a step may have, is refused before it is sent", async () => {
    await expect(client.sendSignal({ signal: "" })).rejects.toThrow("inngest.sendSignal: signal must be a name");
    await expect(client.sendSignal({ signal: "s", data: "x".repeat(4_194_304) })).rejects.toThrow(
      "inngest.sendSignal: data of 4194306 bytes is over the bound of 4194304",
    );
  });

  it("a `Date` and a Temporal instant are ends, all else is a duration", async () => {
    const at = new Date("2026-01-02T00:00:00Z");
    const instant = { [Symbol.toStringTag]: "Temporal.Instant", epochMilliseconds: at.getTime() } as const;
    for (const timeout of [at, instant, "24h", 86_400_000]) {
      const fn = client.createFunction({ id: "f" }, { event: "f" }, ({ step: tools }) =>
        tools.waitForSignal("w", { signal: "s", timeout, onConflict: "fail" }),
      );
      const platform = createTestPlatform({ functions: [fn], start: "2026-01-01T00:00:00Z" });
      const { run } = await platform.send({ name: "f" });
      expect(run.steps[0]?.until).toEqual(at);
    }
  });
});

/** One wait that is taken over by a second, whose signal comes; and a third, which times out. */
async function follow(platform: TestPlatform): Promise<void> {
  const of = (name: string) => platform.runs("mem-wait").find((run) => run.event.data.n === name);
  const send = (n: string, data: object) => platform.send({ name: "wait", data: { signal: "s", n, ...data }, id: n });
  await send("first", { timeout: "3h" });
  await until(platform, () => of("first")?.has("wait") === true);
  await send("second", { onConflict: "replace", timeout: "3h" });
  await until(platform, () => of("second")?.has("wait") === true);
  await send("third", {});
  await until(platform, () => of("third")?.hasEnded === true);
  await platform.sendSignal({ signal: "s", data: "hello" });
  await until(platform, () => of("second")?.hasEnded === true);
  expect(of("first")?.hasEnded).toBe(false);
  await platform.clock.advance("4h");
  await platform.clock.runUntilIdle();
  expect([of("first")?.output, of("second")?.output, of("third")?.status]).toEqual([
    null,
    { signal: "s", data: "hello" },
    "Failed",
  ]);
}

async function until(platform: TestPlatform, isSo: () => boolean): Promise<void> {
  for (let seconds = 0; !isSo(); seconds += 10) {
    if (seconds > 3_600) throw new Error(`not within an hour\n${platform.timeline()}`);
    await platform.clock.advance("10s");
  }
}

describe("[G1 G2 G6] what goes wrong once while signals are waited for and sent", () => {
  it("at any commit, call, delivery or alarm: each wait comes to the same end", async () => {
    const calm = new FaultPoints();
    await follow(app({ faults: calm }));
    expect(calm.calls("signal.wait")).toBe(3);
    let count = 0;
    for (const { at, fault, where } of eachFault(calm.points)) {
      const platform = app({ faults: new FaultPoints((_point, index) => (index === at ? fault : null)) });
      await follow(platform).catch((error: unknown) => {
        throw new Error(where, { cause: error });
      });
      count += 1;
    }
    expect(count).toBeGreaterThan(100);
  }, 120_000);

  it.each(["before", "after"] as const)(
    "a process that dies between any two turns, %s the writes of the first take effect",
    async (when) => {
      const calm = app();
      const seen = dieAfterTurns(calm, () => null);
      await follow(calm);
      expect(seen.turns).toBeGreaterThan(50);
      for (let at = 0; at < seen.turns; at++) {
        const platform = app();
        dieAfterTurns(platform, (turn) => (turn === at ? when : null));
        await follow(platform).catch((error: unknown) => {
          throw new Error(`died ${when} the writes of turn ${at}`, { cause: error });
        });
      }
    },
    120_000,
  );
});
