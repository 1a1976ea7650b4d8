/** Both sides of a service binding, joined without one: every word between them is copied, and takes its time. */
import { expect, test } from "vitest";
import type { RemoteJournal } from "../../src/durable-objects/transport.ts";
import type { Run } from "../../src/engine/run.ts";
import type {
  BoundCall,
  BoundEntrypoint,
  BoundJournal,
  JournalLine,
  Listener,
  MemoPage,
} from "../../src/protocol/binding.ts";
import type { SettledMemo } from "../../src/protocol/call.ts";
import { deferred } from "../../src/protocol/deferred.ts";
import { stepHash } from "../../src/protocol/ids.ts";
import type { LocalActivation } from "../../src/protocol/journal.ts";
import type { JsonValue } from "../../src/protocol/json.ts";
import type { LogBatch } from "../../src/protocol/logs.ts";
import type { StepOp } from "../../src/protocol/step-op.ts";
import type { WireError } from "../../src/protocol/wire-error.ts";
import { functionsEntrypoint } from "../../src/serve/cloudflare.ts";
import type { Context } from "../../src/sdk/context.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { BindingFunctions } from "../../src/transports/binding.ts";

/** A run's journal that keeps what it is told, as an object does. */
class KeptJournal implements RemoteJournal {
  cautious = false;
  readonly log: string[] = [];
  readonly over = deferred();
  readonly pages: MemoPage[] = [{ memos: [], next: null }];
  onSleep: (stepId: string) => void = () => {};
  #position = 0;

  memo = (): undefined => undefined;
  memoCount = () => 0;
  memos = () => [];
  attempt = () => 0;
  isRunnable = () => true;
  durable = () => null;
  room = () => Number.POSITIVE_INFINITY;
  openSteps = () => [];
  needRoom(): void {}

  page(after: number): MemoPage {
    return this.pages[after] ?? { memos: [], next: null };
  }

  async mark(): Promise<void> {
    this.log.push("mark");
  }

  settled(memo: JsonValue): SettledMemo {
    return { memo, position: ++this.#position };
  }

  report(op: StepOp): SettledMemo | undefined {
    this.log.push(`${op.op} ${op.displayName}`);
    if (op.op === "StepRun") return this.settled({ data: op.data ?? null });
    if (op.op === "Sleep") this.onSleep(op.id);
    return undefined;
  }

  logged({ lines, dropped }: LogBatch): void {
    this.log.push(`logged ${lines.map(({ text }) => text).join()}, dropped ${dropped}`);
  }

  returned(data: JsonValue): void {
    this.#end(`returned ${JSON.stringify(data)}`);
  }

  threw(error: WireError, final: boolean): void {
    this.#end(`threw ${error.code ?? error.name}, final: ${final}: ${error.message}`);
  }

  idle(): void {
    this.log.push("idle");
  }

  yield(): void {
    this.log.push("yield");
  }

  left(): void {
    this.#end("left");
  }

  #end(what: string): void {
    this.log.push(what);
    this.over.resolve();
  }
}

type Handler = (context: Context) => unknown;

interface Joined {
  /** lines, telling by telling */
  tellings: JournalLine["kind"][][];
  activation: LocalActivation;
  /** the app's answer to the call */
  answered: Promise<unknown>;
}

const client = new Inngest({ id: "shop", logger: { debug() {}, info() {}, warn() {}, error() {} } });
const copied = <T>(value: T): T => structuredClone(value);

/** Calls a function of an app; `delay` is how long the answer to the n-th telling is under way, `pushed` all other news. */
function join(
  handler: Handler,
  journal: KeptJournal,
  {
    delay = async (_telling: number) => {},
    pushed = Promise.resolve(),
    change = (entrypoint: BoundEntrypoint) => entrypoint,
    steps = 0,
  } = {},
): Joined {
  const fn = client.createFunction({ id: "fn" }, { event: "test/fn" }, handler);
  const made = new (functionsEntrypoint({ client, functions: [fn] }))({ waitUntil: () => {} }, {});
  const tellings: Joined["tellings"] = [];
  const answered = deferred<unknown>();
  const entrypoint: BoundEntrypoint = change({
    describe: () => made.describe(),
    execute(call: BoundCall, kept: BoundJournal) {
      const told: BoundJournal = {
        async tell(lines, listen) {
          const telling = tellings.push(lines.map(({ kind }) => kind)) - 1;
          const hear: Listener | null = listen && (async (news) => listen((await pushed, copied(news))));
          const news = await kept.tell(copied(lines), hear);
          await delay(telling);
          return copied(news);
        },
        page: async (after) => copied(await kept.page(after)),
        send: (events, seed) => kept.send(copied(events), seed),
      };
      const answer = made.execute(copied(call), told);
      answered.resolve(answer);
      return answer;
    },
  });
  const functions = new BindingFunctions({ entrypoint: () => entrypoint, send: async () => ({ ids: [] }) });
  const run = { id: "run", functionId: "shop-fn", binding: "SHOP", retry: { maxAttempts: 3 }, steps };
  const event = { name: "test/fn", data: {}, id: "e", ts: 0 };
  const records = [{ internalId: "e", event, sourceId: null }];
  const activation = functions.activate(run as unknown as Run, records as never, 0, journal);
  return { tellings, activation, answered: answered.promise };
}

test("a step is one telling, and the end one more", async () => {
  const journal = new KeptJournal();
  const { tellings, answered } = join(async ({ step }) => {
    let sum = 0;
    for (let i = 0; i < 5; i++) sum += await step.run("s", () => i);
    return sum;
  }, journal);
  await answered;
  expect(journal.log).toEqual([...Array.from({ length: 5 }, () => "StepRun s"), "returned 10"]);
  expect(tellings).toEqual([...Array.from({ length: 5 }, () => ["op"]), ["returned"]]);
});

test("lines of the code around steps go with what is told next", async () => {
  const journal = new KeptJournal();
  const { tellings, answered } = join(async ({ logger, step }) => {
    for (let i = 0; i < 150; i++) logger.info("before");
    await step.run("s", () => logger.info("in s"));
    logger.info("after");
  }, journal);
  await answered;
  expect(tellings).toEqual([
    ["logged", "op"],
    ["logged", "returned"],
  ]);
  expect(journal.log).toEqual([
    `logged ${Array.from({ length: 100 }, () => "before").join()}, dropped 50`,
    "StepRun s",
    "logged after, dropped 0",
    "returned null",
  ]);
});

test("steps that end in the same turn share one", async () => {
  const journal = new KeptJournal();
  const { tellings, answered } = join(async ({ step }) => {
    const ids = Array.from({ length: 100 }, (_, i) => i);
    return (await Promise.all(ids.map((i) => step.run(`s${i}`, () => i)))).length;
  }, journal);
  await answered;
  expect(journal.log.at(-1)).toBe("returned 100");
  expect(tellings.map((lines) => lines.filter((kind) => kind === "op").length)).toEqual([100, 0]);
});

test("[G8] news are heard in the order of the journal, also when they come in another", async () => {
  const journal = new KeptJournal();
  const late = deferred();
  let joined: Joined | null = null;
  joined = join(
    ({ step }) => Promise.race([step.sleep("nap", "1h").then(() => "nap"), step.run("quick", () => "quick")]),
    journal,
    { delay: (telling) => (telling === 1 ? late.promise : Promise.resolve()) },
  );
  // the first telling is the sleep, the second the step, which settles first
  await until(() => journal.log.includes("StepRun quick"));
  joined.activation.settle(stepHash("nap", 0), journal.settled(null));
  await turns();
  expect(journal.log).not.toContain('returned "nap"'); // pushed at once, and not heard before the answer under way
  late.resolve();
  await joined.answered;
  expect(journal.log.at(-1)).toBe('returned "quick"');
});

test("an app that says it waits while news are under way to it is not taken at its word", async () => {
  const journal = new KeptJournal();
  const late = deferred();
  const { activation, answered, tellings } = join(
    async ({ step }) => {
      await step.sleep("nap", "1h");
      return "awake";
    },
    journal,
    { pushed: late.promise },
  );
  journal.onSleep = (stepId) => queueMicrotask(() => activation.settle(stepId, journal.settled(null)));
  await until(() => tellings.length === 2);
  await turns();
  expect([tellings, journal.log]).toEqual([[["op"], ["idle"]], ["Sleep nap"]]);
  late.resolve();
  await answered;
  expect(journal.log).toEqual(["Sleep nap", 'returned "awake"']);
});

test("a function that waits leaves memory: its call ends, and nothing is billed for it", async () => {
  const journal = new KeptJournal();
  const { answered, activation } = join(({ step }) => step.sleep("nap", "1h"), journal);
  expect(await answered).toEqual({ kind: "over" });
  expect(journal.log).toEqual(["Sleep nap", "idle", "left"]);
  await activation.bodiesOver();
});

test("a step body that cannot be stopped is waited for, and its result is not heard", async () => {
  const journal = new KeptJournal();
  const [begun, end] = [deferred(), deferred()];
  const { activation, answered } = join(
    ({ step }) => step.run("slow", () => (begun.resolve(), end.promise.then(() => "late"))),
    journal,
  );
  await begun.promise;
  activation.stop();
  let isOver = false;
  const over = activation.bodiesOver()?.then(() => (isOver = true));
  await turns();
  expect(isOver).toBe(false);
  end.resolve();
  await over;
  await answered;
  expect(journal.log).toEqual([]);
});

test("what is larger than a page is fetched before the function is entered", async () => {
  const journal = new KeptJournal();
  const memo = (n: number) => ({ id: stepHash("s", n), settled: { memo: { data: n }, position: n } });
  journal.pages.splice(
    0,
    1,
    { memos: [memo(0)], next: 1 },
    { memos: [memo(1)], next: 2 },
    { memos: [memo(2)], next: null },
  );
  const { answered } = join(
    async ({ step }) => [await step.run("s", () => 9), await step.run("s", () => 9), await step.run("s", () => 9)],
    journal,
    { steps: 3 },
  );
  await answered;
  expect(journal.log).toEqual(["returned [0,1,2]"]);
});

test("[G3] an app that dies in the middle leaves its activation to the watchdog", async () => {
  const journal = new KeptJournal();
  const died = deferred<never>();
  const { activation } = join(
    async ({ step }) => {
      await step.run("a", () => 1);
      return step.run("b", () => new Promise(() => {}));
    },
    journal,
    {
      change: ({ execute, ...others }) => ({
        ...others,
        execute: (call, kept) => Promise.race([execute(call, kept), died.promise]),
      }),
    },
  );
  await until(() => journal.log.includes("StepRun a"));
  died.reject(new Error("Network connection lost"));
  await journal.over.promise;
  expect(journal.log).toEqual(["StepRun a", "left"]);
  expect(activation.bodiesOver()).toBeNull();
});

test("an app that cannot be called fails the attempt, and says by which binding", async () => {
  const journal = new KeptJournal();
  join(() => 1, journal, {
    change: (entrypoint) => ({ ...entrypoint, execute: () => Promise.reject(new Error("no such Worker")) }),
  });
  await journal.over.promise;
  expect(journal.log).toEqual([
    'threw unreachable, final: false: function "shop-fn" could not be called by the binding SHOP: no such Worker',
  ]);
});

test("a function that the app has no more fails the attempt, and says what to do", async () => {
  const journal = new KeptJournal();
  join(() => 1, journal, {
    change: (entrypoint) => ({
      ...entrypoint,
      execute: (call, kept) => entrypoint.execute({ ...call, functionId: "shop-gone" }, kept),
    }),
  });
  await journal.over.promise;
  expect(journal.log).toEqual([expect.stringMatching(/^threw function_missing, final: false: .*deploy it again/)]);
});

test("an entrypoint is told by the option that is wrong", () => {
  expect(() => functionsEntrypoint({ client, functions: [], function: [] } as never)).toThrow(
    'functionsEntrypoint: "function" is not an option (did you mean "functions"?)',
  );
  expect(() => functionsEntrypoint({ functions: [] } as never)).toThrow("functionsEntrypoint: client");
});

/** Lets everything happen that needs no time. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
