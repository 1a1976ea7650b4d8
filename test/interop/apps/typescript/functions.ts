/**
 * The functions of CONTRACT.md for both lines of the official TypeScript package. What their step tools have in common is
 * written down here; each app hands in what differs.
 */
import type { Speaker } from "./logger.ts";
import { gate, note } from "./trace.ts";

/** Data of the suite's events; each function reads what the contract says. */
export interface Data {
  key?: string;
  lane?: string;
  gate: string;
  n: number;
  failures: number;
  seconds: number;
  duration: string;
  until: string;
  timeout: string;
  app: string;
  function: string;
  answer?: unknown;
  signal: string;
  payload: unknown;
  url: string;
  text: string;
  channel: string;
}

export interface AppEvent {
  name: string;
  data: Data;
  id?: string;
  ts?: number;
}

interface Invocation {
  function: unknown;
  data: object;
  timeout?: string;
}

export interface StepTools {
  run<T>(id: string, body: (...args: never[]) => T | Promise<T>): Promise<T>;
  sleep(id: string, time: string): Promise<void>;
  sleepUntil(id: string, time: Date): Promise<void>;
  waitForEvent(id: string, options: object): Promise<AppEvent | null>;
  invoke<T>(id: string, options: Invocation): Promise<T>;
  sendEvent(id: string, events: object[]): Promise<{ ids: string[] }>;
  waitForSignal(id: string, options: object): Promise<{ data: unknown } | null>;
  sendSignal(id: string, options: object): Promise<unknown>;
  fetch(url: string): Promise<Response>;
  ai: {
    infer(id: string, options: object): Promise<{ choices: { message: { content: string } }[] }>;
    wrap<A extends unknown[], T>(id: string, body: (...args: A) => T, ...args: A): Promise<Awaited<T>>;
    models: { openai(options: object): object };
  };
}

export interface HandlerInput {
  event: AppEvent;
  events: AppEvent[];
  runId: string;
  attempt: number;
  maxAttempts?: number;
  logger: { info(text: string, speaker: Speaker): void };
  step: StepTools;
}

export interface FailureInput extends HandlerInput {
  event: AppEvent & { data: { event: AppEvent } };
}

export type Trigger = { event: string; if?: string } | { cron: string };
export type Options = { id: string } & Record<string, unknown>;

/** What an app hands in: its client, and what its package calls things. */
export interface Kit<F> {
  client: string;
  define(options: Options, triggers: Trigger[], handler: (input: HandlerInput) => unknown): F;
  reference(appId: string, functionId: string): unknown;
  NonRetriableError: new (message: string) => Error;
  RetryAfterError: new (message: string, after: number) => Error;
}

const MIB = 1024 * 1024;
const LANE = "event.data.lane";

/** Notes of one call's steps. */
export function notesOf({ event, runId, attempt }: { event: { data: unknown }; runId: string; attempt: number }) {
  const { key: own = "" } = event.data as Data;
  return (step: string, key = own) => note({ run: runId, key, step, attempt });
}

export function interopFunctions<F>(kit: Kit<F>): F[] {
  const { client } = kit;

  /** A step that notes itself and returns a value. */
  const stepsOf = (input: HandlerInput) => {
    const noted = notesOf(input);
    return <T>(id: string, value: T | (() => T | Promise<T>)): Promise<T> =>
      input.step.run(id, () => {
        noted(id);
        return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
      });
  };

  type Body = (input: HandlerInput, run: ReturnType<typeof stepsOf>) => unknown;
  const on = (triggers: Trigger[], id: string, options: object, body: Body) =>
    kit.define({ ...options, id }, triggers, (input) => body(input, stepsOf(input)));
  const define = (id: string, options: object, body: Body) => on([{ event: `${client}/${id}` }], id, options, body);

  const holding = (id: string, options: object) =>
    define(id, options, ({ event }, run) => run("hold", () => gate(event.data.gate).then(() => "held")));
  const starting = (id: string, options: object) => define(id, options, (_, run) => run("start", "started"));
  const throwing = (message: string) => () => {
    throw new Error(message);
  };

  const callee = define("callee", { retries: 0 }, async ({ event }, run) => ({
    doubled: await run("double", 2 * event.data.n),
    by: client,
  }));
  const calleeFails = define("callee-fails", { retries: 0 }, () => {
    throw new kit.NonRetriableError("callee broke");
  });
  const calleeSlow = define("callee-slow", {}, async ({ step }) => {
    await step.sleep("long", "1h");
    return "late";
  });

  const answerOf = (step: StepTools, timeout: string) =>
    step.waitForEvent("answer", { event: `${client}/answer`, match: "data.key", timeout });

  return [
    callee,
    calleeFails,
    calleeSlow,

    define("steps", {}, async (_, run) => {
      const one = await run("one", 1);
      const two = await run("two", one + 2);
      const three = await run("three", two + 3);
      const four = await run("four", three + 4);
      return run("five", four + 5);
    }),
    define("values", {}, async (_, run) => {
      const values: Record<string, unknown> = {};
      const wanted = {
        null: null,
        true: true,
        float: 1.5,
        text: 'héllo ✓ 🎉 "quoted"\n',
        nested: { a: [1, { b: null }], ü: "ß" },
        object: {},
        list: [],
        "Überweisung ✓ 1/2": "id",
      };
      for (const [id, value] of Object.entries(wanted)) values[id] = await run<unknown>(id, value);
      return { ...values, large: (await run("large", "x".repeat(MIB))).length };
    }),
    define("retry", { retries: 3 }, async ({ event, attempt }, run) => {
      const last = await run("flaky", () => {
        if (attempt < event.data.failures) throw new Error("not yet");
        return attempt;
      });
      return { attempt: last };
    }),
    define("caught", { retries: 1 }, async (_, run) => {
      const message = await run("fails", throwing("out of range")).catch((error: Error) => error.message);
      return { message, after: await run("after", "went on") };
    }),
    define("uncaught", { retries: 1 }, (_, run) => run("fails", throwing("broken for good"))),
    define("nonretriable", { retries: 3 }, (_, run) =>
      run("fails", () => {
        throw new kit.NonRetriableError("do not try again");
      }),
    ),
    define("nonretriable-function", { retries: 3 }, (input) => {
      notesOf(input)("handler");
      throw new kit.NonRetriableError("do not try again");
    }),
    define("retry-after", { retries: 3 }, ({ event, attempt }, run) =>
      run("later", () => {
        if (attempt === 0) throw new kit.RetryAfterError("come back later", event.data.seconds * 1000);
        return attempt;
      }),
    ),
    define("function-error", { retries: 2 }, async (input, run) => {
      const before = await run("before", "b");
      notesOf(input)("handler");
      if (input.attempt < 1) throw new Error("again");
      return { before, attempt: input.attempt };
    }),
    define("function-fails", { retries: 1 }, (input) => {
      notesOf(input)("handler");
      throw new Error("the handler is broken");
    }),

    define("sleep", {}, async ({ event, step }, run) => {
      await run("before", null);
      await step.sleep("nap", event.data.duration);
      await run("after", null);
      return "slept";
    }),
    define("sleep-until", {}, async ({ event, step }, run) => {
      await run("before", null);
      await step.sleepUntil("nap", new Date(event.data.until));
      await run("after", null);
      return "slept";
    }),
    define("wait", {}, async ({ event, step }) => ({
      answer: (await answerOf(step, event.data.timeout))?.data.answer ?? null,
    })),
    define("wait-if", {}, async ({ event, step }) => {
      const condition = `async.data.key == '${event.data.key}' && async.data.n > 2`;
      const { timeout } = event.data;
      const found = await step.waitForEvent("answer", { event: `${client}/answer`, if: condition, timeout });
      return { n: found?.data.n ?? null };
    }),

    define("invoke", { retries: 0 }, async ({ event, step }, run) => {
      const result = await step.invoke("call", { function: callee, data: { n: event.data.n } });
      return { result, after: await run("after", "went on") };
    }),
    define("invoke-slug", { retries: 0 }, async ({ event, step }) => {
      const target = kit.reference(event.data.app, event.data.function);
      return { result: await step.invoke("call", { function: target, data: { n: event.data.n } }) };
    }),
    define("invoke-fails", { retries: 0 }, ({ step }) =>
      step
        .invoke("call", { function: calleeFails, data: {} })
        .then(() => null)
        .catch((error: Error) => ({ message: error.message })),
    ),
    define("invoke-timeout", { retries: 0 }, ({ event, step }) =>
      step
        .invoke("call", { function: calleeSlow, data: {}, timeout: event.data.timeout })
        .then(() => ({ caught: false }))
        .catch(() => ({ caught: true })),
    ),
    define("send", {}, async ({ event, step }, run) => {
      const sent = [1, 2].map((n) => ({ name: `${client}/sent`, data: { key: event.data.key, n } }));
      const { ids } = await step.sendEvent("emit", sent);
      return { ids, after: await run("after", "went on") };
    }),
    define("sent", {}, async ({ event }, run) => {
      await run("got", null);
      return event.data.n;
    }),

    define("parallel", { retries: 0 }, async (_, run) => {
      const settled = await Promise.allSettled([run("a", "a"), run("b", "b"), run("c", throwing("c broke"))]);
      const told = settled.map((one) => (one.status === "fulfilled" ? one.value : (one.reason as Error).message));
      return [...told, await run("join", "joined")];
    }),
    define("nested", {}, async (_, run) => {
      const a = async () => run("a2", (await run("a1", 1)) + 1);
      const b = async () => [await run("b1", 10), ...(await Promise.all([run("b2", 20), run("b3", 30)]))];
      const [a2, bs] = await Promise.all([a(), b()]);
      return run(
        "join",
        [a2, ...bs].reduce((sum, n) => sum + n),
      );
    }),
    define("fan-out", {}, async (_, run) => {
      const all = await Promise.all(Array.from({ length: 20 }, (__, n) => run(`s-${n}`, n)));
      return run(
        "join",
        all.reduce((sum, n) => sum + n),
      );
    }),
    define("parallel-retry", { retries: 2 }, async ({ attempt }, run) => {
      const flaky = () => (attempt < 1 ? throwing("not yet")() : "flaky");
      return [...(await Promise.all([run("steady", "steady"), run("flaky", flaky)])), await run("join", "joined")];
    }),
    define("parallel-waits", {}, async ({ step }, run) => {
      const [, answer, called, work] = await Promise.all([
        step.sleep("nap", "1h"),
        answerOf(step, "2h"),
        step.invoke<{ doubled: number }>("call", { function: callee, data: { n: 2 } }),
        run("work", "done"),
      ]);
      return { answer: answer?.data.answer ?? null, doubled: called.doubled, work, join: await run("join", "joined") };
    }),
    define("race", {}, async ({ event }, run) => {
      const slow = () => gate(event.data.gate).then(() => "slow");
      const winner = await Promise.race([run("quick", "quick"), run("slow", slow)]);
      return { winner, after: await run("after", "after") };
    }),
    define("repeated", {}, async (_, run) => {
      const found = [];
      for (let n = 0; n < 5; n++) found.push(await run("again", n));
      return found;
    }),
    define("large-state", {}, async (_, run) => {
      const all: string[] = [];
      for (let n = 0; n < 5; n++) all.push(await run(`big-${n}`, "x".repeat(MIB)));
      return run("count", () => all.reduce((sum, text) => sum + text.length, 0));
    }),

    define(
      "on-failure",
      {
        retries: 0,
        onFailure: ({ event, runId, attempt, step }: FailureInput) =>
          step.run("on-failure", () => {
            note({ run: runId, key: event.data.event.data.key ?? "", step: "on-failure", attempt });
          }),
      },
      throwing("told to fail"),
    ),
    define(
      "cancellable",
      { cancelOn: [{ event: `${client}/stop`, if: "event.data.key == async.data.key" }] },
      async ({ step }, run) => {
        await run("before", null);
        await step.sleep("nap", "1h");
        await run("after", null);
        return "slept";
      },
    ),
    on([{ cron: "* * * * *" }], "cron", {}, async (input) => {
      await input.step.run("tick", () => notesOf(input)("tick", "cron"));
      return "ticked";
    }),

    holding("limited", { concurrency: { limit: 1, key: LANE } }),
    holding("urgent", { concurrency: { limit: 1, key: LANE }, priority: { run: "event.data.urgency" } }),
    starting("throttled", { throttle: { limit: 1, period: "2s", key: LANE } }),
    starting("rate-limited", { rateLimit: { limit: 1, period: "1m", key: LANE } }),
    define("debounced", { debounce: { period: "1s", key: LANE } }, async ({ event }, run) => {
      await run("start", null);
      return event.data.n;
    }),
    define("batched", { batchEvents: { maxSize: 3, timeout: "60s", key: LANE } }, ({ events }, run) =>
      run("all", () => events.map(({ data }) => data.n).toSorted((a, b) => a - b)),
    ),
    holding("alone", { singleton: { mode: "skip", key: LANE } }),
    holding("alone-cancel", { singleton: { mode: "cancel", key: LANE } }),
    starting("once", { idempotency: "event.data.key" }),
    define("brief", { timeouts: { finish: "1s" } }, async ({ step }) => {
      await step.sleep("nap", "1h");
      return "late";
    }),
    on(
      [{ event: `${client}/conditional`, if: "event.data.n > 2" }, { event: `${client}/conditional-also` }],
      "conditional",
      {},
      ({ event }) => event.data.n,
    ),
    on([{ event: `${client}/wild/*` }], "wild", {}, ({ event }) => event.name),
    define("context", { retries: 2 }, ({ event, events, runId, attempt, maxAttempts }) => {
      const { name, data, id, ts } = event;
      return { runId, attempt, maxAttempts, event: { name, data, id, ts }, events: events.length };
    }),
    define("middleware", {}, ({ event }) => ({ greeting: (event.data as { greeting?: string }).greeting })),
    define("logs", {}, async ({ logger, event, runId, attempt }, run) => {
      const speaker = { run: runId, key: event.data.key ?? "", attempt };
      logger.info("before", speaker);
      await run("work", null);
      logger.info("after", speaker);
      return "logged";
    }),

    define("signal", {}, async ({ event, step }) => {
      const { signal, timeout } = event.data;
      return { data: (await step.waitForSignal("signal", { signal, timeout }))?.data ?? null };
    }),
    define("send-signal", {}, async ({ event, step }) => {
      await step.sendSignal("emit", { signal: event.data.signal, data: event.data.payload });
      return "sent";
    }),
    define("fetch", {}, async ({ event, step }) => {
      const response = await step.fetch(event.data.url);
      return { status: response.status, text: await response.text() };
    }),
    define("ai-infer", {}, async ({ event, step }) => {
      const model = step.ai.models.openai({ model: "m", apiKey: "k", baseUrl: event.data.url });
      const body = { messages: [{ role: "user", content: event.data.text }] };
      const { choices } = await step.ai.infer("infer", { model, body });
      return choices[0]?.message.content;
    }),
    define("ai-wrap", {}, (input) => {
      const addOne = (n: number) => {
        notesOf(input)("wrap");
        return n + 1;
      };
      return input.step.ai.wrap("wrap", addOne, input.event.data.n);
    }),
  ];
}
