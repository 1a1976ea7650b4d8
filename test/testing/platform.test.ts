import { describe, expect, it } from "vitest";
import { Inngest, NonRetriableError, RetryAfterError } from "../../src/sdk/index.ts";
import {
  createTestPlatform as createPlatform,
  type TestPlatform,
  type TestPlatformOptions,
} from "../../src/testing/index.ts";
import "../../src/testing/vitest.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const client = new Inngest({ id: "shop", logger: silent });
const START = Date.UTC(2026, 0, 1);
const SECOND = 1000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

const nap = client.createFunction({ id: "nap" }, { event: "nap" }, async ({ event, step }) => {
  await step.sleep("nap", event.data.for ?? "1d");
  return event.data.id ?? "rested";
});

describe.each(["local", "http"] as const)("over %s:", (transport) => {
  const createTestPlatform = (options: TestPlatformOptions) => createPlatform({ transport, ...options });
  /** How far its clock has come. */
  const passed = (platform: TestPlatform) => platform.clock.now() - START;

  describe("events", () => {
    it("start what they trigger; each event has an id, and the run of a single one is at hand", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { ids, runs, run } = await platform.send({ name: "nap", data: { id: 7 } });
      expect(ids).toHaveLength(1);
      expect(runs.map((one) => one.id)).toEqual([run.id]);
      expect(run.functionId).toBe("shop-nap");
      expect(run.event).toMatchObject({ name: "nap", data: { id: 7 }, ts: START });
      expect(run.status).toBe("Running");
      expect(run.hasEnded).toBe(false);
      expect(run.output).toBeUndefined();
      await run.waitFor("end");
      expect(run.output).toBe(7);
      expect(platform.events.map((event) => event.name)).toEqual(["nap"]);
    });

    it("that start no run, or several, say so when the one run is asked for", async () => {
      const again = client.createFunction({ id: "again" }, { event: "nap" }, () => null);
      const platform = createTestPlatform({ functions: [nap, again] });
      const none = await platform.send({ name: "nup", data: {} });
      expect(none.runs).toEqual([]);
      expect(() => none.run).toThrow("the events started no run; functions under test are shop-nap, shop-again");
      const two = await platform.send({ name: "nap", data: {} });
      expect(two.runs.map((run) => run.functionId)).toEqual(["shop-nap", "shop-again"]);
      expect(() => two.run).toThrow("the events started 2 runs, of shop-nap, shop-again: choose one of `runs`");
      const many = await platform.send([1, 2].map((id) => ({ name: "nap", data: { id } })));
      expect([many.ids.length, many.runs.length]).toEqual([2, 4]);
    });

    it("of the same id start a function once", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      await platform.send({ id: "once", name: "nap", data: {} });
      await platform.send({ id: "once", name: "nap", data: {} });
      expect(platform.runs(nap)).toHaveLength(1);
    });

    it("that are none are refused by field", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      await expect(platform.send({ name: "" })).rejects.toThrow("name");
      await expect(platform.send({ data: {} } as never)).rejects.toThrow("name");
      await expect(platform.send({ name: "nap", data: 5 } as never)).rejects.toThrow("data");
      expect(platform.runs()).toEqual([]);
    });

    it("that runs send reach their own platform only, whichever way they are sent, and start other functions", async () => {
      const sender = client.createFunction({ id: "sender" }, { event: "go" }, async ({ event, step }) => {
        await step.sendEvent("tool", { name: "nap", data: { id: `${event.data.id} by tool` } });
        await step.run("client", () => client.send({ name: "nap", data: { id: `${event.data.id} by client` } }));
      });
      const platforms = [1, 2].map(() => createTestPlatform({ functions: [sender, nap] }));
      await Promise.all(
        platforms.map(async (platform, id) => {
          const { run } = await platform.send({ name: "go", data: { id } });
          await run.waitFor("end");
          await platform.clock.runUntilIdle();
          expect(run.events.map((event) => event.data.id)).toEqual([`${id} by tool`, `${id} by client`]);
        }),
      );
      for (const [id, platform] of platforms.entries()) {
        expect(platform.runs(nap).map((run) => run.output)).toEqual([`${id} by tool`, `${id} by client`]);
        expect(platform.events.map((event) => event.name)).toEqual(["go", "nap", "nap"]);
      }
    });

    it("that a client of the functions sends in the test are delivered as well", async () => {
      const own = new Inngest({ id: "own", logger: silent });
      const greet = own.createFunction({ id: "greet" }, { event: "greet" }, () => "hello");
      const earlier = createTestPlatform({ functions: [greet] });
      const platform = createTestPlatform({ functions: [greet] });
      await own.send({ name: "greet", data: {} });
      await platform.clock.runUntilIdle();
      expect(platform.runs(greet).map((run) => run.output)).toEqual(["hello"]);
      expect(earlier.runs()).toEqual([]); // the platform that was made last gets them
    });
  });

  describe("time", () => {
    it("stands still until a test lets it pass, and then passes at once", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { run } = await platform.send({ name: "nap", data: { for: "30d" } });
      expect(passed(platform)).toBe(0);
      await platform.clock.advance("29d");
      expect(passed(platform)).toBe(29 * DAY);
      expect(run).toBeWaitingFor("sleep:nap");
      await platform.clock.advance(DAY - 1);
      expect(run).not.toHaveCompleted();
      await platform.clock.advance(1);
      expect(run).toHaveCompleted("rested");
      await platform.clock.advanceTo("2027-01-01T00:00:00Z");
      expect(passed(platform)).toBe(365 * DAY);
    });

    it("begins when it is told to", async () => {
      const start = new Date("2030-05-01T12:00:00Z");
      const platform = createTestPlatform({ functions: [nap], start });
      expect(platform.clock.now()).toBe(start.getTime());
      const { run } = await platform.send({ name: "nap", data: {} });
      expect(run.steps[0]?.until).toEqual(new Date("2030-05-02T12:00:00Z"));
    });

    it("does not go back", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      await platform.clock.advance("1d");
      await expect(async () => platform.clock.advanceTo(new Date(START))).rejects.toThrow("time goes forward only");
      await expect(async () => platform.clock.advance(-1)).rejects.toThrow("clock.advance: cannot read -1");
      await expect(async () => platform.clock.advance("soon")).rejects.toThrow("clock.advance: cannot read");
      await expect(async () => platform.clock.advanceTo("soon")).rejects.toThrow("clock.advanceTo");
      expect(passed(platform)).toBe(DAY);
    });

    it("passes until all runs have ended, and no further", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      await platform.send([1, 50].map((days) => ({ name: "nap", data: { for: `${days}d` } })));
      await platform.clock.runUntilIdle();
      expect(platform.runs().map((run) => run.status)).toEqual(["Completed", "Completed"]);
      expect(passed(platform)).toBe(50 * DAY);
      await platform.clock.runUntilIdle();
      expect(passed(platform)).toBe(50 * DAY);
    });

    it("of one run can be moved, or its sleep ended, without the others", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const sent = await platform.send([1, 2, 3].map((id) => ({ name: "nap", data: { id, for: "30d" } })));
      const [ahead, woken, other] = sent.runs;
      await ahead!.advance("31d");
      await woken!.wake("nap");
      expect([ahead, woken, other].map((run) => run!.status)).toEqual(["Completed", "Completed", "Running"]);
      expect(passed(platform)).toBe(0);
    });

    it("of one run goes forward only, and a step that does not sleep cannot be woken", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { run } = await platform.send({ name: "nap", data: {} });
      await expect(run.advance(-1)).rejects.toThrow("run.advance: cannot read -1");
      await expect(run.advance("soon")).rejects.toThrow("run.advance: cannot read");
      await expect(run.wake("nop")).rejects.toThrow(
        `run.wake: step "nop" does not sleep (did you mean "nap"?)\n${run.timeline()}`,
      );
      expect(run).toBeWaitingFor("sleep:nap");
      await run.wake();
      expect(run).toHaveCompleted();
      await expect(run.wake()).rejects.toThrow("run.wake: no step of the run sleeps");
      await expect(run.advance("1d")).rejects.toThrow("run.advance: the run has ended");
    });

    it("moved ahead for one run, counts for all that it waits for later", async () => {
      const twice = client.createFunction({ id: "twice" }, { event: "twice" }, async ({ step }) => {
        await step.sleep("a", "10d");
        await step.sleep("b", "10d");
      });
      const platform = createTestPlatform({ functions: [twice] });
      const { run } = await platform.send({ name: "twice", data: {} });
      await run.advance("4d");
      expect(run.steps[0]?.until).toEqual(new Date(START + 6 * DAY));
      expect(run.waitsFor).toEqual(['sleep "a", until +6d']);
      await run.waitFor("end");
      expect(passed(platform)).toBe(16 * DAY);
    });
  });

  describe("schedules", () => {
    const report = client.createFunction({ id: "report" }, { cron: "0 9 * * *" }, ({ event }) => event.data.cron);

    it("start runs when the clock passes them", async () => {
      const platform = createTestPlatform({ functions: [report] });
      await platform.clock.advance("8h");
      expect(platform.runs(report)).toEqual([]);
      await platform.clock.advance("1h");
      expect(platform.runs(report).map((run) => run.output)).toEqual(["0 9 * * *"]);
      await platform.clock.advance("7d");
      expect(platform.runs(report).map((run) => run.event.ts)).toEqual(
        Array.from({ length: 8 }, (_, day) => START + 9 * HOUR + day * DAY),
      );
    });

    it("do not make time pass by themselves", async () => {
      const platform = createTestPlatform({ functions: [report, nap] });
      await platform.clock.runUntilIdle();
      expect(passed(platform)).toBe(0);
      const { run } = await platform.send({ name: "nap", data: { for: "2d" } });
      await run.waitFor("end");
      await platform.clock.runUntilIdle();
      expect(passed(platform)).toBe(2 * DAY);
      expect(platform.runs(report)).toHaveLength(2);
    });
  });

  describe("retries", () => {
    it("come after the function's own delays", async () => {
      const at: number[] = [];
      let platform: TestPlatform;
      const flaky = client.createFunction(
        { id: "flaky", retries: { attempts: 4, initialDelay: "10s", jitter: false } },
        { event: "flaky" },
        async ({ step }) =>
          step.run("call", () => {
            at.push(passed(platform));
            if (at.length < 4) throw new Error(`try ${at.length}`);
            return at.length;
          }),
      );
      platform = createTestPlatform({ functions: [flaky] });
      const { run } = await platform.send({ name: "flaky", data: {} });
      expect(run.waitsFor).toEqual(['attempt 2 of step "call", at +10s']);
      expect(run.steps).toMatchObject([
        { id: "call", status: "retrying", attempts: 1, until: new Date(START + 10_000) },
      ]);
      await run.waitFor("end");
      expect(at).toEqual([0, 10, 30, 70].map((seconds) => seconds * SECOND));
      expect(run.steps).toMatchObject([{ status: "completed", attempts: 4, output: 4 }]);
      expect(run.steps[0]?.failures.map((error) => error.message)).toEqual(["try 1", "try 2", "try 3"]);
    });

    it("come when an error says so, and not at all when it says that", async () => {
      let calls = 0;
      const later = client.createFunction({ id: "later" }, { event: "later" }, async ({ step }) => {
        await step.run("call", () => {
          calls += 1;
          if (calls === 1) throw new RetryAfterError("closed", "3h");
        });
        throw new NonRetriableError("over");
      });
      const platform = createTestPlatform({ functions: [later] });
      const { run } = await platform.send({ name: "later", data: {} });
      await run.waitFor("end");
      expect(passed(platform)).toBe(3 * HOUR);
      expect(run).toHaveFailed({ name: "NonRetriableError", message: "over" });
    });

    it("run out, and then onFailure runs and is told the error", async () => {
      const told: string[] = [];
      const doomed = client.createFunction(
        {
          id: "doomed",
          retries: 2,
          onFailure: async ({ error, step }) => {
            await step.run("tell", () => told.push(error.message));
          },
        },
        { event: "doomed" },
        async ({ step }) =>
          step.run("call", () => {
            throw new Error("no answer");
          }),
      );
      const platform = createTestPlatform({ functions: [doomed] });
      const { run } = await platform.send({ name: "doomed", data: {} });
      await run.waitFor("end");
      await platform.clock.runUntilIdle();
      expect(run).toHaveFailed("no answer");
      expect(run).toHaveRunStep("call", { times: 3 });
      expect(run.error).toBeInstanceOf(Error);
      expect(told).toEqual(["no answer"]);
      expect(platform.runs().map((one) => one.functionId)).toEqual(["shop-doomed", "shop-doomed-failure"]);
    });
  });

  describe("waits", () => {
    const order = client.createFunction({ id: "order" }, { event: "order" }, async ({ event, step }) => {
      const answer = await step.waitForEvent("answer", {
        event: "answered",
        if: "async.data.order == event.data.order",
        timeout: event.data.timeout ?? "3d",
      });
      return answer === null ? "nobody answered" : answer.data.text;
    });

    it("get the event that matches, and no other", async () => {
      const platform = createTestPlatform({ functions: [order] });
      const { run } = await platform.send({ name: "order", data: { order: 1 } });
      expect(run).toBeWaitingFor("wait:answer");
      await platform.send({ name: "answered", data: { order: 2, text: "no" } });
      expect(run).toBeWaitingFor("wait");
      await platform.send({ name: "answered", data: { order: 1, text: "yes" } });
      expect(run).toHaveCompleted("yes");
      expect(passed(platform)).toBe(0);
    });

    it("end at their timeout, not a moment earlier", async () => {
      const platform = createTestPlatform({ functions: [order] });
      const { run } = await platform.send({ name: "order", data: { order: 1 } });
      await platform.clock.advance(3 * DAY - 1);
      expect(run).toBeWaitingFor("wait");
      await platform.clock.advance(1);
      expect(run).toHaveCompleted("nobody answered");
      expect(run.steps).toMatchObject([{ id: "answer", status: "timed out", output: null }]);
    });

    it("race against sleeps, and run beside steps", async () => {
      const both = client.createFunction({ id: "both" }, { event: "both" }, async ({ step }) => {
        const [winner, doubled] = await Promise.all([
          Promise.race([
            step.sleep("patience", "2d").then(() => "sleep"),
            step.waitForEvent("answer", { event: "answered", timeout: "9d" }).then(() => "wait"),
          ]),
          step.run("double", () => 2),
        ]);
        return [winner, doubled];
      });
      const platform = createTestPlatform({ functions: [both] });
      const first = (await platform.send({ name: "both", data: {} })).run;
      await first.waitFor("end");
      expect(first).toHaveCompleted(["sleep", 2]);
      const second = (await platform.send({ name: "both", data: {} })).run;
      await platform.send({ name: "answered", data: {} });
      expect(second).toHaveCompleted(["wait", 2]);
      expect(passed(platform)).toBe(2 * DAY);
    });
  });

  describe("invoking", () => {
    it("starts a function from the test, with data and user, by itself or its id", async () => {
      const echo = client.createFunction({ id: "echo" }, [], ({ event }) => ({
        data: event.data.n,
        user: event.user,
      }));
      const platform = createTestPlatform({ functions: [echo] });
      const first = await platform.invoke(echo, { data: { n: 1 }, user: { id: "u1" } });
      expect(first).toHaveCompleted({ data: 1, user: { id: "u1" } });
      const second = await platform.invoke("shop-echo", { data: { n: 2 } });
      expect(second.output.data).toBe(2);
      expect(second.id).not.toBe(first.id);
    });

    it("starts functions from functions, of other apps as well", async () => {
      const other = new Inngest({ id: "billing", logger: silent });
      const bill = other.createFunction({ id: "bill" }, [], async ({ event, step }) => {
        await step.sleep("print", "2h");
        if (event.data.fails) throw new NonRetriableError("no paper");
        return `bill ${event.data.n}`;
      });
      const order = client.createFunction({ id: "order" }, { event: "order" }, async ({ event, step }) =>
        step.invoke("bill", { function: bill, data: event.data }),
      );
      const platform = createTestPlatform({ functions: [order, bill] });
      const { run } = await platform.send({ name: "order", data: { n: 4 } });
      expect(run).toBeWaitingFor("invoke:bill");
      expect(platform.runs(bill)).toHaveLength(1);
      expect(run.waitsFor).toEqual([`invoke "bill" of "billing-bill", run ${platform.runs(bill)[0]?.id}, until +365d`]);
      await run.waitFor("end");
      expect(run).toHaveCompleted("bill 4");
      const failing = (await platform.send({ name: "order", data: { fails: true } })).run;
      await failing.waitFor("end");
      expect(failing).toHaveFailed("no paper");
    });

    it("names a function that is not under test", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      await expect(platform.invoke("shop-nip")).rejects.toThrow(
        'invoke: function "shop-nip" is not under test (did you mean "shop-nap"?); add it to functions',
      );
      const order = client.createFunction({ id: "order" }, { event: "order" }, async ({ step }) =>
        step.invoke("bill", { function: nap }),
      );
      const alone = createTestPlatform({ functions: [order] });
      const { run } = await alone.send({ name: "order", data: {} });
      await run.waitFor("end");
      expect(run).toHaveFailed("shop-nap");
    });
  });

  describe("waitFor", () => {
    const walk = client.createFunction({ id: "walk" }, { event: "walk" }, async ({ step }) => {
      await step.run("first", () => 1);
      await step.sleep("pause", "1h");
      await step.run("second", () => 2);
      await step.waitForEvent("answer", { event: "answered", timeout: "1d" });
      await step.invoke("rest", { function: nap });
    });

    it("goes just as far as it is asked to", async () => {
      const platform = createTestPlatform({ functions: [walk, nap] });
      const { run } = await platform.send({ name: "walk", data: {} });
      const seen: (string | number)[] = [];
      for (const target of [
        "step:first",
        "sleep",
        "sleep:pause",
        "step:second",
        "wait",
        "invoke:rest",
        "end",
      ] as const) {
        expect(await run.waitFor(target)).toBe(run);
        seen.push(target, passed(platform) / HOUR);
      }
      expect(seen).toEqual([
        "step:first",
        0,
        "sleep",
        0,
        "sleep:pause",
        0,
        "step:second",
        1,
        "wait",
        1,
        "invoke:rest",
        25,
        "end",
        49,
      ]);
    });

    it("refuses what nobody can wait for", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { run } = await platform.send({ name: "nap", data: {} });
      for (const target of ["step", "finish", "end:nap", "", undefined, "sleeping"])
        await expect(run.waitFor(target as never), String(target)).rejects.toThrow(
          'is nothing to wait for; there are "end", "step:<id>"',
        );
      await expect(run.waitFor("end", { within: "soon" })).rejects.toThrow("waitFor: within");
    });

    it("tells the story when it has come too late, waits too long, or nothing is left that could happen", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { run } = await platform.send({ name: "nap", data: {} });
      await expect(run.waitFor("end", { within: "1h" })).rejects.toThrow(
        `waitFor("end"): not until +1h\n${run.timeline()}`,
      );
      expect(passed(platform)).toBeLessThanOrEqual(HOUR);
      await expect(run.waitFor("step:charge")).rejects.toThrow(/^waitFor\("step:charge"\): the run has ended\nrun /);
      await expect(run.waitFor("sleep")).rejects.toThrow('waitFor("sleep"): the run has ended');
    });

    it("of an unusual target waits for the end of the run, not longer", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const { run } = await platform.send({ name: "nap", data: {} });
      await run.cancel("enough");
      expect(run).toHaveBeenCancelled();
      await run.waitFor("end");
      expect(run.waitsFor).toEqual([]);
      expect(run.timeline()).toContain("cancelled: enough");
    });
  });

  describe("code that does not settle", () => {
    it("is told after a while, with the run and its story", async () => {
      const stuck = client.createFunction({ id: "stuck" }, { event: "stuck" }, async ({ step }) =>
        step.run("forever", () => new Promise(() => {})),
      );
      const platform = createTestPlatform({ functions: [stuck], patience: 50 });
      const report = await platform.send({ name: "stuck", data: {} }).then(
        () => "",
        (error: Error) => error.message,
      );
      const [run] = platform.runs();
      expect(report).toContain("code has been executing for 50 ms of real time");
      expect(report).toContain(run?.id);
      expect(report).toContain('of "shop-stuck": under way');
      expect(report).toContain("waits for");
    });

    it("keeps its platform usable: other runs go on", async () => {
      let isStuck = true;
      const stuck = client.createFunction({ id: "stuck" }, { event: "stuck" }, async ({ step }) =>
        step.run("forever", () => (isStuck ? new Promise(() => {}) : "done")),
      );
      const platform = createTestPlatform({ functions: [stuck, nap], patience: 30 });
      await expect(platform.send({ name: "stuck", data: {} })).rejects.toThrow("code has been executing");
      isStuck = false;
      await platform.runs()[0]?.cancel();
      const { run } = await platform.send({ name: "nap", data: {} });
      await run.waitFor("end");
      expect(run).toHaveCompleted();
    });

    it("because it asks its own platform is told at once what to do instead", async () => {
      let platform: TestPlatform;
      const caller = client.createFunction({ id: "caller", retries: 0 }, { event: "call" }, async ({ event, step }) =>
        step.run("ask", async () => {
          if (event.data.what === "send") await platform.send({ name: "nap", data: {} });
          else await platform.clock.advance("1d");
        }),
      );
      platform = createTestPlatform({ functions: [caller] });
      for (const what of ["send", "advance"]) {
        const { run } = await platform.send({ name: "call", data: { what } });
        expect(run).toHaveFailed(
          "was asked by code inside a run, which it lets come to rest first; there, send events",
        );
      }
    });

    it("may take its time in reality: work of the outside world is waited for", async () => {
      const slow = client.createFunction({ id: "slow" }, { event: "slow" }, async ({ step }) => {
        const text = await step.run("compress", () =>
          new Response(new Blob(["x".repeat(100_000)]).stream().pipeThrough(new CompressionStream("gzip")))
            .arrayBuffer()
            .then((b) => b.byteLength),
        );
        await step.sleep("later", "1d");
        return text > 0;
      });
      const { run } = await createTestPlatform({ functions: [slow] }).send({ name: "slow", data: {} });
      await run.waitFor("end");
      expect(run).toHaveCompleted(true);
    });
  });

  describe("platforms", () => {
    it("are apart: any number at once, with the same functions", async () => {
      const outputs = await Promise.all(
        Array.from({ length: 20 }, async (_, id) => {
          const platform = createTestPlatform({ functions: [nap] });
          const { run } = await platform.send({ name: "nap", data: { id, for: `${id + 1}d` } });
          await run.waitFor("end");
          return [run.output, passed(platform) / DAY, platform.runs().length];
        }),
      );
      expect(outputs).toEqual(outputs.map((_, id) => [id, id + 1, 1]));
    });

    it("of one seed are the same, to the ids and delays; of another are not", async () => {
      const flaky = client.createFunction({ id: "flaky" }, { event: "flaky" }, async ({ step, attempt }) => {
        if (attempt < 2) throw new Error("again");
        return step.run("random", () => 1);
      });
      const story = async (seed?: number) => {
        const platform = createTestPlatform({ functions: [flaky], seed });
        const { run } = await platform.send({ name: "flaky", data: {} });
        await run.waitFor("end");
        return [run.id, run.timeline(), platform.clock.now()];
      };
      expect(await story(5)).toEqual(await story(5));
      expect(await story()).toEqual(await story(1));
      expect(await story(6)).not.toEqual(await story(5));
    });

    it("take operations one after the other, also when a test does not wait", async () => {
      const platform = createTestPlatform({ functions: [nap] });
      const sent = platform.send({ name: "nap", data: { for: "2d" } });
      const moved = platform.clock.advance("1d");
      const again = platform.send({ name: "nap", data: { for: "2d" } });
      await Promise.all([sent, moved, again]);
      await platform.clock.runUntilIdle();
      expect(platform.runs().map((run) => run.steps[0]?.endedAt?.getTime())).toEqual([
        START + 2 * DAY,
        START + 3 * DAY,
      ]);
    });
  });
});

describe("options", () => {
  const refused = (options: unknown) => () => createPlatform(options as never);

  it("that are wrong are named", () => {
    expect(refused(undefined)).toThrow("createTestPlatform: expected options, { functions }");
    expect(refused({ functions: [nap], sed: 1 })).toThrow(
      'createTestPlatform: "sed" is not an option (did you mean "seed"?); there are functions, client, seed, start, transport, patience',
    );
    expect(refused({ functions: [nap], seed: 1.5 })).toThrow("seed: 1.5 is not a whole number");
    expect(refused({ functions: [nap], start: "soon" })).toThrow('createTestPlatform: start: "soon" is not a date');
    expect(refused({ functions: [nap], patience: "soon" })).toThrow("createTestPlatform: patience: cannot read");
    expect(refused({ functions: [nap], transport: "smtp" })).toThrow('transport: "smtp" is neither "local" nor "http"');
    expect(refused({})).toThrow("functions: not a list of functions");
    expect(refused({ functions: [nap, undefined] })).toThrow(
      "functions[1] is undefined; do two modules import each other?",
    );
    expect(refused({ functions: [() => 1] })).toThrow("functions[0] is not made by createFunction");
  });

  it("two functions of one id are refused", () => {
    const twin = client.createFunction({ id: "nap" }, { event: "nap" }, () => 1);
    expect(refused({ functions: [nap, twin] })).toThrow("nap");
  });

  it.each([
    ["an `if`", { triggers: { event: "a", if: "event.data." } }, 'triggers: event "a": if: Expression `event.data.`'],
    ["a key", { debounce: { period: "1s", key: "event.data." } }, "debounce.key: Expression `event.data.`"],
    ["a schedule", { triggers: { cron: "0 25 * * *" } }, 'triggers: cron "0 25 * * *"'],
  ])("%s that a platform would refuse is refused here", (_, options, message) => {
    const fn = client.createFunction({ id: "bad", ...(options as object) }, () => 1);
    expect(() => createPlatform({ functions: [fn] })).toThrow(`function "${fn.id()}": ${message}`);
  });

  it("a platform needs no function: a client's events are enough", async () => {
    const own = new Inngest({ id: "own", logger: silent });
    const platform = createPlatform({ functions: [], client: own });
    const { runs } = await platform.send({ name: "nap", data: {} });
    expect(runs).toEqual([]);
    await own.send({ name: "nap", data: { n: 1 } });
    expect(platform.events.map((event) => event.data)).toEqual([{}, { n: 1 }]);
  });
});
