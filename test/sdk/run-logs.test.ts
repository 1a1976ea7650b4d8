/** Whose a line is, where surroundings cannot be told, and who is told of lines. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { BoundCall, JournalLine } from "../../src/protocol/binding.ts";
import { callBodySchema } from "../../src/protocol/call.ts";
import { stepHash } from "../../src/protocol/ids.ts";
import type { Context } from "../../src/sdk/index.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";
import { silent } from "../helpers/simulated-platform.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("where there is no AsyncLocalStorage", () => {
  beforeEach(() => {
    vi.resetModules();
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
    vi.stubGlobal("AsyncLocalStorage", undefined);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    vi.resetModules();
  });

  /** What one call of a handler says of lines: texts by step. */
  async function told(handler: (context: Context) => unknown) {
    const { Inngest } = await import("../../src/sdk/client.ts");
    const { executeCall } = await import("../../src/sdk/reply.ts");
    const client = new Inngest({ id: "shop", logger: silent });
    const [registration] = client
      .createFunction({ id: "ship" }, { event: EVENT.name }, handler as () => unknown)
      .registrations("shop");
    const body = callBodySchema.parse({
      ctx: { run_id: RUN_ID, attempt: 0 },
      event: EVENT,
      events: [EVENT],
      steps: {},
    });
    const log = console.log;
    const reply = await executeCall({ registration: registration!, client, body, stepId: "step", race: true });
    expect(console.log).toBe(log); // nobody listens to it
    if (reply.status !== 206) throw new Error(`answered ${reply.status}`);
    return Object.fromEntries(
      reply.ops.flatMap((op) => {
        const logs = op.logs as { lines: { text: string }[] } | undefined;
        return logs ? [[op.id, logs.lines.map(({ text }) => text)]] : [];
      }),
    );
  }

  test("lines of the logger are those of the one step that runs, also after it has waited", async () => {
    const lines = await told(async ({ logger, step }) => {
      logger.info("before");
      await step.run("a", async () => {
        logger.info("one");
        await turn();
        logger.info("two");
        console.log("is not heard");
      });
    });
    expect(lines).toEqual({ "": ["before"], [stepHash("a", 0)]: ["one", "two"] });
  });
});

describe("over a binding", () => {
  async function lines(call: Partial<BoundCall>): Promise<JournalLine[]> {
    const { Inngest } = await import("../../src/sdk/client.ts");
    const { BoundFunctions } = await import("../../src/serve/binding.ts");
    const client = new Inngest({ id: "shop", logger: silent });
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, async ({ logger, step }) => {
      logger.info("before");
      await step.run("a", () => logger.info("in a"));
      logger.info("after");
    });
    const told: JournalLine[] = [];
    const page = { memos: [], next: null };
    const whole: BoundCall = {
      functionId: "shop-ship",
      runId: RUN_ID,
      events: [EVENT],
      attempt: 0,
      maxAttempts: 1,
      hasSteps: false,
      cautious: false,
      room: Number.POSITIVE_INFINITY,
      page,
      open: [],
      ...call,
    };
    let number = 0;
    let position = 0;
    const tell = async (given: JournalLine[]) => {
      told.push(...given);
      const settled = given.flatMap((line) => (line.kind === "op" ? [{ id: line.op.id, position: ++position }] : []));
      const isOver = given.some(({ kind }) => kind === "returned");
      return { number: ++number, settled, retries: [], room: whole.room, isOver };
    };
    const app = new BoundFunctions({ client, functions: [fn as never] });
    await app.execute(whole, { tell, page: async () => page, send: async () => ({ ids: [] }) }, {});
    return told;
  }

  test("a platform that takes lines is told them before what they come before", async () => {
    const told = await lines({ logs: true });
    expect(told.map(({ kind }) => kind)).toEqual(["logged", "op", "logged", "returned"]);
    expect(told[1]).toMatchObject({ op: { logs: { lines: [{ text: "in a" }], dropped: 0 } } });
  });

  test("one that says nothing of lines, as it is older, is told none", async () => {
    const told = await lines({});
    expect(told.map(({ kind }) => kind)).toEqual(["op", "returned"]);
    expect(told[0]).not.toHaveProperty("op.logs");
  });
});
