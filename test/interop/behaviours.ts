/** What a client's functions do on our platform, as CONTRACT.md says: the same for every official client. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen, type LoopbackServer } from "../helpers/app-server.ts";
import type { RunDetail } from "../helpers/front-door.ts";
import type { Note } from "./apps/typescript/trace.ts";
import { type Capability, type Client, lackOf } from "./clients.ts";
import type { Stage } from "./stage.ts";

const MIB = 1024 * 1024;

const stepsOf = (notes: Note[]) => notes.map(({ step, attempt }) => `${step} ${attempt}`);
const namesOf = (notes: Note[]) => notes.map(({ step }) => step);

/** @param others ids of the clients whose functions it can invoke, its own among them */
export function behaviours(client: Client, stage: Stage, others: string[]): void {
  const { ended, endedInHaste, inLine, leap, open, outputFrom, outputOf, post, resting } = stage;
  const { runsOf, runWhen, send, sendAll, start, trace, traceOf, until } = stage;

  /** A rule about what the client may lack. */
  const having = (...needed: Capability[]) => {
    const why = needed.map((one) => lackOf(client, one)).find((reason) => reason !== undefined);
    return (name: string, rule: () => Promise<void>) =>
      why === undefined ? it(name, rule) : it.skip(`${name} (${why})`, rule);
  };
  /** Of the sleep that it rests at; the call that told of it may be going on. */
  const wakesAt = (run: RunDetail) => Date.parse(run.waiting_for.find(({ kind }) => kind === "sleeping")?.until ?? "");
  const untilNoted = (key: string, step: string) =>
    until(
      async () => namesOf(await traceOf(key)).includes(step),
      () => `${step} to begin`,
    );
  const answer = (key: string, data: object) => send({ name: `${client.id}/answer`, data: { key, ...data } });
  const freshGate = () => crypto.randomUUID();

  describe("steps", () => {
    it("run in their order, once each, and each result feeds the next", async () => {
      const { id } = await start("steps");
      const run = await ended(id);
      expect(run).toMatchObject({ status: "Completed", output: 15 });
      expect(stepsOf(await trace(run))).toEqual(["one 0", "two 0", "three 0", "four 0", "five 0"]);
      expect(run.steps.map((step) => [step.id, step.status, step.output])).toEqual([
        ["one", "completed", 1],
        ["two", "completed", 3],
        ["three", "completed", 6],
        ["four", "completed", 10],
        ["five", "completed", 15],
      ]);
    });

    having("calls", "checkpointing")("that are checkpointed need one request", async () => {
      const run = await ended((await start("steps")).id);
      expect((await stage.calls(run)).map(({ step }) => step)).toEqual(["step"]);
    });

    it("return values of every type, under ids of every script", async () => {
      expect(await outputFrom("values")).toEqual({
        null: null,
        true: true,
        float: 1.5,
        text: 'héllo ✓ 🎉 "quoted"\n',
        nested: { a: [1, { b: null }], ü: "ß" },
        object: {},
        list: [],
        "Überweisung ✓ 1/2": "id",
        large: MIB,
      });
    });

    it("with a repeated id are told apart by position", async () => {
      const run = await ended((await start("repeated")).id);
      expect(run).toMatchObject({ status: "Completed", output: [0, 1, 2, 3, 4] });
      expect(namesOf(await trace(run))).toEqual(Array.from({ length: 5 }, () => "again"));
      expect(new Set(run.steps.map(({ hash }) => hash)).size).toBe(5);
    });

    having("useApi")("may hold more than one request carries", async () => {
      const run = await ended((await start("large-state")).id);
      expect(run).toMatchObject({ status: "Completed", output: 5 * MIB });
      expect(namesOf(await trace(run))).toEqual(["big-0", "big-1", "big-2", "big-3", "big-4", "count"]);
    });

    it("of one run see its event, and the run's number of tries", async () => {
      const data = { n: 1.5, text: "héllo ✓" };
      const { key, id } = await start("context", data, { ts: Date.now() - 5_000 });
      const run = await ended(id);
      const { event, ...context } = run.output as { event: { name: string; data: object; ts: number } };
      expect(event).toMatchObject({ name: `${client.id}/context`, data: { key, ...data } });
      expect(Date.now() - event.ts).toBeGreaterThan(5_000);
      expect(context).toEqual({
        runId: run.run_id,
        attempt: 0,
        events: 1,
        ...(lackOf(client, "maxAttempts") === undefined && { maxAttempts: 3 }),
      });
    });
  });

  describe("errors", () => {
    it("of a step are tried again until it succeeds", async () => {
      const run = await endedInHaste((await start("retry", { failures: 2 })).id);
      expect(run).toMatchObject({ status: "Completed", output: { attempt: 2 } });
      expect(stepsOf(await trace(run))).toEqual(["flaky 0", "flaky 1", "flaky 2"]);
      expect(run.steps[0]?.failures.map(({ attempt, error }) => [attempt, error.message])).toEqual([
        [0, "not yet"],
        [1, "not yet"],
      ]);
    });

    having("caughtErrors")("of a step that fails for good reach the handler, which may go on", async () => {
      const run = await endedInHaste((await start("caught")).id);
      expect(run).toMatchObject({ status: "Completed", output: { after: "went on" } });
      expect(run.output.message).toContain("out of range");
      expect(stepsOf(await trace(run)).slice(0, 2)).toEqual(["fails 0", "fails 1"]);
      expect(namesOf(await trace(run))).toEqual(["fails", "fails", "after"]);
    });

    it("of a step that nobody catches fail the run, without a further try", async () => {
      const run = await endedInHaste((await start("uncaught")).id);
      expect(run.status).toBe("Failed");
      expect(run.error?.message).toContain("broken for good");
      expect(stepsOf(await trace(run))).toEqual(["fails 0", "fails 1"]);
    });

    it("that are not to be tried again fail the step at once", async () => {
      const run = await ended((await start("nonretriable")).id);
      expect(run.status).toBe("Failed");
      expect(run.error?.message).toContain("do not try again");
      expect(stepsOf(await trace(run))).toEqual(["fails 0"]);
    });

    it("that are not to be tried again fail the run at once", async () => {
      const run = await ended((await start("nonretriable-function")).id);
      expect(run.status).toBe("Failed");
      expect(run.error?.message).toContain("do not try again");
      expect(stepsOf(await trace(run))).toEqual(["handler 0"]);
    });

    having("retryAfter")("may say when to come back", async () => {
      const { id } = await start("retry-after", { seconds: 600 });
      const sentAt = Date.now();
      const run = await runWhen(id, (now) => now.waiting_for.some(({ kind }) => kind.startsWith("retry")), "a retry");
      const until_ = run.waiting_for.map(({ until: at = "" }) => Date.parse(at)).filter(Number.isFinite);
      // the table of pauses has 15 to 45 s
      expect(Math.min(...until_) - sentAt).toBeGreaterThan(500_000);
      expect(Math.min(...until_) - sentAt).toBeLessThan(700_000);
      await leap(run, "11m");
      expect(await outputOf(id)).toBe(1);
      expect(stepsOf(await trace(run))).toEqual(["later 0", "later 1"]);
    });

    it("of the handler are tried again, with the steps it has", async () => {
      const run = await endedInHaste((await start("function-error")).id);
      expect(run).toMatchObject({ status: "Completed", output: { before: "b", attempt: 1 } });
      expect(stepsOf(await trace(run))).toEqual(["before 0", "handler 0", "handler 1"]);
    });

    it("of the handler that do not end fail the run", async () => {
      const run = await endedInHaste((await start("function-fails")).id);
      expect(run.status).toBe("Failed");
      expect(run.error?.message).toContain("the handler is broken");
      expect(stepsOf(await trace(run))).toEqual(["handler 0", "handler 1"]);
    });

    having("onFailure")("that fail a run call its failure handler", async () => {
      const { key, id } = await start("on-failure");
      expect((await ended(id)).status).toBe("Failed");
      await untilNoted(key, "on-failure");
    });
  });

  describe("sleeps and waits", () => {
    it("a sleep rests until its time and goes on where it was", async () => {
      const { id } = await start("sleep", { duration: "1h" });
      const run = await resting(id, "sleeping", "nap");
      expect(wakesAt(run) - Date.now()).toBeGreaterThan(55 * 60_000);
      expect(namesOf(await trace(run))).toEqual(["before"]);
      await post(`/v1/runs/${run.run_id}/wake`);
      expect(await outputOf(id)).toBe("slept");
      expect(namesOf(await trace(run))).toEqual(["before", "after"]);
    });

    it("a short sleep ends by itself", async () => {
      const { id } = await start("sleep", { duration: "1s" });
      const [run] = [await ended(id)];
      const [before, after] = await trace(run);
      expect(run.output).toBe("slept");
      expect((after?.at ?? 0) - (before?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
    });

    having("sleepUntil")("a sleep until a date ends at that date", async () => {
      const date = new Date(Date.now() + 3_600_000).toISOString();
      const { id } = await start("sleep-until", { until: date });
      const run = await resting(id, "sleeping", "nap");
      expect(Math.abs(wakesAt(run) - Date.parse(date))).toBeLessThan(2_000);
      await leap(run, "61m");
      expect(await outputOf(id)).toBe("slept");
    });

    it("a wait gets the event that matches, and no other", async () => {
      const { key, id } = await start("wait", { timeout: "1h" });
      await resting(id, "waiting", "answer");
      await answer("another key", { answer: "wrong" });
      await answer(key, { answer: { text: "right ✓" } });
      expect(await outputOf(id)).toEqual({ answer: { text: "right ✓" } });
    });

    it("a wait decides by its expression", async () => {
      const { key, id } = await start("wait-if", { timeout: "1h" });
      await resting(id, "waiting", "answer");
      await answer(key, { n: 2 });
      await answer(key, { n: 3 });
      expect(await outputOf(id)).toEqual({ n: 3 });
    });

    it("a wait that nothing answers gives nothing", async () => {
      const { id } = await start("wait", { timeout: "1h" });
      await leap(await resting(id, "waiting", "answer"), "61m");
      expect(await outputOf(id)).toEqual({ answer: null });
    });
  });

  describe("invokes", () => {
    it("give the result of the other function", async () => {
      const output = { result: { doubled: 14, by: client.id }, after: "went on" };
      expect(await outputFrom("invoke", { n: 7 })).toEqual(output);
    });

    it.each(others)("reach %s", async (other) => {
      const output = { result: { doubled: 42, by: other } };
      expect(await outputFrom("invoke-slug", { app: other, function: "callee", n: 21 })).toEqual(output);
    });

    it("of a function that fails reject with its error", async () => {
      expect(await outputFrom("invoke-fails")).toEqual({ message: expect.stringContaining("callee broke") });
    });

    it("reject when they take too long", async () => {
      const { id } = await start("invoke-timeout", { timeout: "1m" });
      await leap(await resting(id, "invoking", "call"), "2m");
      expect(await outputOf(id)).toEqual({ caught: true });
    });

    it("of a function that nobody has fail", async () => {
      const run = await ended((await start("invoke-slug", { app: client.id, function: "nowhere", n: 1 })).id);
      expect(run.status).toBe("Failed");
      expect(run.error?.message).toContain("nowhere");
    });
  });

  describe("events sent by a run", () => {
    it("are sent once and start what they start", async () => {
      const { key, id } = await start("send");
      const output = (await outputOf(id)) as { ids: string[]; after: string };
      expect(output).toEqual({ ids: [expect.any(String), expect.any(String)], after: "went on" });
      expect(await Promise.all(output.ids.map((sent) => outputOf(sent)))).toEqual([1, 2]);
      expect(namesOf(await traceOf(key)).toSorted()).toEqual(["after", "got", "got"]);
    });

    it("of the same id start one run", async () => {
      const eventId = crypto.randomUUID();
      const event = { name: `${client.id}/steps`, data: { key: eventId }, id: eventId };
      const [first = "", second = ""] = await sendAll([event, event]);
      expect(await outputOf(first)).toBe(15);
      expect(await outputOf((await start("steps")).id)).toBe(15); // came later, and is over
      expect(await runsOf(second)).toEqual([]);
      expect(await traceOf(eventId)).toHaveLength(5);
    });

    it("of a time to come start then", async () => {
      const ts = Date.now() + 2_000;
      const { id } = await start("steps", {}, { ts });
      const run = await ended(id);
      expect(run.output).toBe(15);
      expect((await trace(run))[0]?.at).toBeGreaterThanOrEqual(ts);
    });
  });

  describe("triggers", () => {
    it("may have a condition, and there may be several", async () => {
      const refused = await start("conditional", { n: 2 });
      expect(await outputFrom("conditional", { n: 3 })).toBe(3);
      expect(await outputFrom("conditional-also", { n: 1 })).toBe(1);
      expect(await runsOf(refused.id)).toEqual([]);
    });

    having("wildcard")("may take all events below a name", async () => {
      expect(await outputFrom("wild/deep/down")).toBe(`${client.id}/wild/deep/down`);
    });

    it("may be a schedule, which ticks", async () => {
      const found = await stage.api<{ crons: object[] }>(`/v1/functions/${client.id}-cron`);
      expect(found.crons).toMatchObject([{ cron: "* * * * *" }]);
      await untilNoted("cron", "tick");
    });
  });

  describe("parallel steps", () => {
    having("caughtErrors")("settle one by one, and the failure of one harms no other", async () => {
      const run = await ended((await start("parallel")).id);
      expect(run).toMatchObject({
        status: "Completed",
        output: ["a", "b", expect.stringContaining("c broke"), "joined"],
      });
      const names = namesOf(await trace(run));
      expect(names.toSorted()).toEqual(["a", "b", "c", "join"]);
      expect(names.at(-1)).toBe("join");
    });

    it("are tried again while the others stand", async () => {
      const run = await endedInHaste((await start("parallel-retry")).id);
      expect(run).toMatchObject({ status: "Completed", output: ["steady", "flaky", "joined"] });
      expect(namesOf(await trace(run)).toSorted()).toEqual(["flaky", "flaky", "join", "steady"]);
    });

    it("may be nested", async () => {
      const run = await ended((await start("nested")).id);
      expect(run).toMatchObject({ status: "Completed", output: 62 });
      expect(namesOf(await trace(run)).toSorted()).toEqual(["a1", "a2", "b1", "b2", "b3", "join"]);
    });

    it("may be many", async () => {
      const run = await ended((await start("fan-out")).id);
      expect(run).toMatchObject({ status: "Completed", output: 190 });
      const names = namesOf(await trace(run));
      expect(names.toSorted()).toEqual([...Array.from({ length: 20 }, (_, n) => `s-${n}`), "join"].toSorted());
      expect(names.at(-1)).toBe("join");
    });

    it("may be of every kind", async () => {
      const { key, id } = await start("parallel-waits");
      const run = await resting(id, "waiting", "answer");
      await runWhen(id, (now) => now.waiting_for.some(({ kind }) => kind === "sleeping"), "the nap");
      await answer(key, { answer: "yes" });
      await runWhen(
        id,
        ({ steps }) =>
          ["answer", "call", "work"].every((name) => steps.find((step) => step.id === name)?.status === "completed"),
        "all but the nap",
      );
      await leap(run, "61m");
      expect(await outputOf(id)).toEqual({ answer: "yes", doubled: 4, work: "done", join: "joined" });
      expect(namesOf(await trace(run)).toSorted()).toEqual(["join", "work"]);
    });

    it("may race, as far as the client's plain way goes", async () => {
      const gate = freshGate();
      const { key, id } = await start("race", { gate });
      await untilNoted(key, "slow");
      await runWhen(
        id,
        ({ steps }) => steps.some((step) => step.id === "quick" && step.status === "completed"),
        "the quick one to be done",
      );
      await open(gate);
      expect(await outputOf(id)).toEqual({ winner: "quick", after: "after" });
    });

    having("raceMode")("of a race's own mode: what comes after the first does not wait for the last", async () => {
      const gate = freshGate();
      const { key, id } = await start("race-mode", { gate });
      await untilNoted(key, "after");
      await open(gate); // the clients themselves do not end a run while a step of it is open
      expect(await outputOf(id)).toEqual({ winner: "quick", after: "after" });
    });
  });

  describe("cancellation", () => {
    it("by the API ends a run that sleeps", async () => {
      const { id } = await start("sleep", { duration: "1h" });
      const { run_id } = await resting(id, "sleeping", "nap");
      await stage.ask(`${stage.platform}/v1/runs/${run_id}`, { method: "DELETE" });
      const run = await ended(id);
      expect(run.status).toBe("Cancelled");
      expect(namesOf(await trace(run))).toEqual(["before"]);
    });

    it("by an event ends the run that it means, and no other", async () => {
      const [stopped, unharmed] = [await start("cancellable"), await start("cancellable")];
      await resting(stopped.id, "sleeping", "nap");
      const other = await resting(unharmed.id, "sleeping", "nap");
      await send({ name: `${client.id}/stop`, data: { key: stopped.key } });
      expect((await ended(stopped.id)).status).toBe("Cancelled");
      await post(`/v1/runs/${other.run_id}/wake`);
      expect(await outputOf(unharmed.id)).toBe("slept");
    });

    having("timeouts")("by a timeout ends a run that takes too long", async () => {
      const run = await ended((await start("brief")).id);
      expect(run.status).toBe("Cancelled");
    });
  });

  describe("flow control", () => {
    const lane = () => `lane-${crypto.randomUUID()}`;
    const hold = async (name: string, key: string, data: object = {}) => {
      const gate = freshGate();
      return { gate, ...(await start(name, { lane: key, gate, ...data })) };
    };

    it("concurrency: one waits for the other, and another key for none", async () => {
      const key = lane();
      const first = await hold("limited", key);
      await untilNoted(first.key, "hold");
      const second = await hold("limited", key);
      await inLine(second.id);
      const free = await hold("limited", lane());
      await untilNoted(free.key, "hold");
      expect(await traceOf(second.key)).toEqual([]);
      for (const { gate } of [first, second, free]) await open(gate);
      for (const { id } of [first, second, free]) expect(await outputOf(id)).toBe("held");
    });

    it("priority: who is more urgent goes first", async () => {
      const key = lane();
      const first = await hold("urgent", key, { urgency: 0 });
      await untilNoted(first.key, "hold");
      const later = await hold("urgent", key, { urgency: 0 });
      await inLine(later.id);
      const urgent = await hold("urgent", key, { urgency: 100 });
      await inLine(urgent.id);
      await open(first.gate);
      await untilNoted(urgent.key, "hold");
      expect(await traceOf(later.key)).toEqual([]);
      await open(urgent.gate);
      await open(later.gate);
      for (const { id } of [first, later, urgent]) expect(await outputOf(id)).toBe("held");
    });

    it("throttle: starts are spaced", async () => {
      const key = lane();
      const [first, second] = [await start("throttled", { lane: key }), await start("throttled", { lane: key })];
      const [one, two] = [await ended(first.id), await ended(second.id)];
      expect([one.output, two.output]).toEqual(["started", "started"]);
      const apartMs = Math.abs(Date.parse(two.run_started_at) - Date.parse(one.run_started_at));
      expect(apartMs).toBeGreaterThanOrEqual(1_900);
    });

    it("rate limit: what is too much is dropped", async () => {
      const key = lane();
      const first = await start("rate-limited", { lane: key });
      expect(await outputOf(first.id)).toBe("started");
      const second = await start("rate-limited", { lane: key });
      const witness = await start("rate-limited", { lane: lane() });
      expect(await outputOf(witness.id)).toBe("started");
      expect(await traceOf(second.key)).toEqual([]);
    });

    it("debounce: the last of many starts one run", async () => {
      const key = lane();
      const ids = await sendAll(
        [1, 2, 3].map((n) => ({ name: `${client.id}/debounced`, data: { key, lane: key, n } })),
      );
      expect(await outputOf(ids[2] ?? "")).toBe(3);
      expect(namesOf(await traceOf(key))).toEqual(["start"]);
    });

    having("batch")("batches: one run has all events", async () => {
      const key = lane();
      const ids = await sendAll([1, 2, 3].map((n) => ({ name: `${client.id}/batched`, data: { key, lane: key, n } })));
      expect(await outputOf(ids[0] ?? "")).toEqual([1, 2, 3]);
      expect(namesOf(await traceOf(key))).toEqual(["all"]);
    });

    having("singleton")("singleton, skip: the second is skipped", async () => {
      const key = lane();
      const first = await hold("alone", key);
      await untilNoted(first.key, "hold");
      const second = await hold("alone", key);
      expect((await ended(second.id)).status).toBe("Skipped");
      await open(first.gate);
      expect(await outputOf(first.id)).toBe("held");
      expect(await traceOf(second.key)).toEqual([]);
    });

    having("singleton")("singleton, cancel: the newer takes the place of the older", async () => {
      const key = lane();
      const first = await hold("alone-cancel", key);
      await untilNoted(first.key, "hold");
      const second = await hold("alone-cancel", key);
      expect((await ended(first.id)).status).toBe("Cancelled");
      await open(first.gate); // its code ends, and only then the other's begins
      await untilNoted(second.key, "hold");
      await open(second.gate);
      expect(await outputOf(second.id)).toBe("held");
    });

    it("idempotency: one run for each key", async () => {
      const { key, id } = await start("once");
      expect(await outputOf(id)).toBe("started");
      await send({ name: `${client.id}/once`, data: { key } });
      expect(await outputFrom("once")).toBe("started");
      expect(await traceOf(key)).toHaveLength(1);
    });
  });

  describe("what surrounds a handler", () => {
    having("middleware")("middleware changes what it gets and gives", async () => {
      expect(await outputFrom("middleware")).toEqual({ greeting: "hello", stamped: true });
    });

    having("logger")("a logger says each line once, however often the handler is called", async () => {
      const run = await ended((await start("logs")).id);
      expect(run.output).toBe("logged");
      expect(namesOf(await trace(run))).toEqual(["log: before", "work", "log: after"]);
    });

    having("aiWrap")("ai.wrap is a step", async () => {
      const run = await ended((await start("ai-wrap", { n: 41 })).id);
      expect(run).toMatchObject({ status: "Completed", output: 42 });
      expect(namesOf(await trace(run))).toEqual(["wrap"]);
    });
  });

  describe("what the platform does for a run", () => {
    let provider: LoopbackServer;
    beforeAll(async () => {
      provider = await listen((request, response) => void answerAsModel(request, response));
    });
    afterAll(() => provider.close());

    having("signals")("signals: a waiting run gets what another sends", async () => {
      const signal = `signal ${crypto.randomUUID()}`;
      const { id } = await start("signal", { signal, timeout: "1h" });
      await runWhen(
        id,
        (run) => run.waiting_for.some(({ kind }) => kind === "signal"),
        "the run to wait for its signal",
      );
      const payload = { text: "héllo" };
      if (lackOf(client, "sendSignal") === undefined)
        expect(await outputFrom("send-signal", { signal, payload })).toBe("sent");
      else await post("/v1/signals", { signal, data: payload });
      expect(await outputOf(id)).toEqual({ data: { text: "héllo" } });
    });

    having("signals")("signals: a run that gets none goes on after its timeout", async () => {
      const { id } = await start("signal", { signal: crypto.randomUUID(), timeout: "1h" });
      const isWaiting = (kind: string) => kind === "signal";
      await leap(await runWhen(id, (run) => run.waiting_for.some(({ kind }) => isWaiting(kind)), "the wait"), "61m");
      expect(await outputOf(id)).toEqual({ data: null });
    });

    having("fetch")("fetch: the platform makes the request", async () => {
      const output = { status: 418, text: "GET /teapot?of=clay" };
      expect(await outputFrom("fetch", { url: `${provider.url}/teapot?of=clay` })).toEqual(output);
    });

    having("aiInfer")("ai.infer: the platform asks the model", async () => {
      expect(await outputFrom("ai-infer", { url: provider.url, text: "héllo" })).toBe("m with Bearer k: héllo");
    });

    having("realtime")("realtime: a run publishes, once", async () => {
      expect(await outputFrom("publish", { channel: `room:${crypto.randomUUID()}` })).toBe("published");
    });

    having("defer")("defer: what is deferred runs when the run has ended", async () => {
      const { key, id } = await start("defer");
      expect(await outputOf(id)).toBe("deferred");
      await untilNoted(key, "late");
    });

    having("metadata")("metadata and scores stand with the run", async () => {
      const run = await ended((await start("metadata")).id);
      expect(run).toMatchObject({ status: "Completed", output: "measured" });
      const told = JSON.stringify(run);
      expect(told).toContain('"weight":3');
      expect(told).toContain("quality");
    });
  });
}

/** A model that repeats what it is asked, with how it was asked; on any other path a teapot. */
async function answerAsModel(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!request.url?.endsWith("/chat/completions")) {
    response.writeHead(418).end(`${request.method} ${request.url}`);
    return;
  }
  const { model, messages } = (await json(request)) as { model: string; messages: { content: string }[] };
  const content = `${model} with ${request.headers.authorization}: ${messages[0]?.content}`;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content } }] }));
}
