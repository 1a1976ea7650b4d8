import { afterEach, describe, expect, test, vi } from "vitest";
import { ConsoleLogger, Inngest, ProxyLogger, wrapStringFirstLogger, type Logger } from "../../src/sdk/index.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";
import { call } from "./middleware/helpers.ts";

type Line = unknown[];

/** A logger that keeps its lines. */
function keeping(lines: Line[]): Logger {
  const log = (...args: unknown[]) => void lines.push(args);
  return { debug: log, info: log, warn: log, error: log };
}

afterEach(() => vi.restoreAllMocks());

describe("[§1.6] ctx.logger is silent while memoized steps replay", () => {
  const handler = (client: Inngest) =>
    client.createFunction({ id: "f" }, { event: EVENT.name }, async ({ logger, step }) => {
      logger.info("begin");
      await step.run("a", () => logger.info("in a"));
      logger.info("after a");
      await Promise.all([step.run("b", () => 0), step.run("c", () => 0)]);
      logger.info("end");
    });

  test.each([
    ["no memo", {}, ["begin", "in a"]],
    ["one", { a: { data: 1 } }, ["after a"]],
    ["some of those that settle together", { a: { data: 1 }, c: { data: 1 } }, []],
    ["all", { a: { data: 1 }, b: { data: 1 }, c: { data: 1 } }, ["end"]],
  ])("with %s", async (_, journal, heard) => {
    const lines: Line[] = [];
    const client = new Inngest({ id: "shop", logger: keeping(lines) });
    await call(client, handler(client), { journal });
    expect(lines.flat()).toEqual(heard);
  });

  test("over all passes of a run each line is written once", async () => {
    const lines: Line[] = [];
    const client = new Inngest({ id: "shop", logger: keeping(lines) });
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, async ({ logger, step }) => {
      for (const id of ["a", "b", "c"]) {
        logger.info(`before ${id}`);
        await step.run(id, () => logger.info(`in ${id}`));
      }
      logger.info("end");
    });
    const journal: Record<string, { data: number }> = {};
    for (const id of ["a", "b", "c", "end"]) {
      await call(client, fn, { journal });
      journal[id] = { data: 0 };
    }
    expect(lines.flat()).toEqual(["before a", "in a", "before b", "in b", "before c", "in c", "end"]);
  });

  test("a memo that the handler does not reach any more does not keep it silent", async () => {
    const lines: Line[] = [];
    const client = new Inngest({ id: "shop", logger: keeping(lines) });
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, async ({ logger, step }) => {
      await step.run("new", () => logger.info("in new"));
    });
    await call(client, fn, { journal: { removed: { data: 1 } } });
    expect(lines.flat()).toEqual(["in new"]);
  });

  test("runs beside each other do not silence each other", async () => {
    const lines: Line[] = [];
    const client = new Inngest({ id: "shop", logger: keeping(lines) });
    const fn = handler(client);
    await Promise.all([call(client, fn), call(client, fn, { journal: { a: { data: 1 } } })]);
    expect(new Set(lines.flat())).toEqual(new Set(["after a", "begin", "in a"]));
    expect(lines).toHaveLength(3);
  });

  test("a child of the logger is used where it can make one, and is as silent", async () => {
    const lines: Line[] = [];
    const child = (fields: object): Logger => ({
      ...keeping([]),
      info: (...args) => void lines.push([fields, ...args]),
    });
    const client = new Inngest({ id: "shop", logger: { ...keeping([]), child } as Logger });
    await call(client, handler(client), { journal: { a: { data: 1 } } });
    expect(lines).toEqual([[{ runID: RUN_ID, eventName: EVENT.name }, "after a"]]);
  });

  test("a logger that is frozen, or keeps private fields, can be used", async () => {
    class Private {
      #lines: string[] = [];
      info(line: string) {
        this.#lines.push(line);
      }
      get lines() {
        return this.#lines;
      }
    }
    const logger = Object.freeze(new Private());
    const client = new Inngest({ id: "shop", logger: logger as unknown as Logger });
    await call(client, handler(client));
    expect(logger.lines).toEqual(["begin", "in a"]);
  });

  test("a call ends when the logger has let go what it held", async () => {
    const flush = vi.fn(async () => undefined);
    const client = new Inngest({ id: "shop", logger: { ...keeping([]), flush } as Logger });
    await call(client, handler(client));
    expect(flush).toHaveBeenCalledOnce();
  });
});

test("a logger whose flush fails does not fail the call", async () => {
  const internal: Line[] = [];
  const logger = { ...keeping([]), flush: () => Promise.reject(new Error("full")) } as Logger;
  const client = new Inngest({ id: "shop", logger, internalLogger: keeping(internal) });
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, () => 1);
  expect(await call(client, fn)).toEqual({ status: 200, data: 1 });
  expect(internal).toEqual([[`run ${RUN_ID}: the logger's flush failed`, new Error("full")]]);
});

describe("ConsoleLogger", () => {
  test.each([
    [undefined, ["info", "warn", "error"]],
    ["debug" as const, ["debug", "info", "warn", "error"]],
    ["warn" as const, ["warn", "error"]],
    ["fatal" as const, ["error"]],
    ["silent" as const, []],
  ])("at level %s writes %j", (level, heard) => {
    const written: string[] = [];
    for (const method of ["debug", "info", "warn", "error"] as const)
      vi.spyOn(console, method).mockImplementation(() => void written.push(method));
    const logger = new ConsoleLogger({ level });
    for (const method of ["debug", "info", "warn", "error"] as const) logger[method]("x");
    expect(written).toEqual(heard);
  });

  test("puts the message first, whichever way it is called", () => {
    const info = vi.spyOn(console, "info").mockImplementation(() => undefined);
    new ConsoleLogger().info({ n: 1 }, "message", 2);
    new ConsoleLogger().info("message", 2);
    expect(info.mock.calls).toEqual([
      ["message", { n: 1 }, 2],
      ["message", 2],
    ]);
  });

  test("refuses a level that is none", () => {
    expect(() => new ConsoleLogger({ level: "loud" as never })).toThrow(
      'level: "loud" is not a level; there are debug',
    );
  });
});

test("ProxyLogger says nothing until it is enabled, and nothing once it is disabled", async () => {
  const lines: Line[] = [];
  const flush = vi.fn();
  const logger = new ProxyLogger({ ...keeping(lines), flush } as Logger);
  logger.info("a");
  logger.enable();
  logger.warn("b");
  logger.disable();
  logger.error("c");
  await logger.flush();
  expect(lines).toEqual([["b"]]);
  expect(flush).toHaveBeenCalledOnce();
});

test("wrapStringFirstLogger turns calls that begin with an object round", () => {
  const lines: Line[] = [];
  const logger = wrapStringFirstLogger(keeping(lines));
  logger.info({ n: 1 }, "message", 2);
  logger.error("message", { n: 1 });
  logger.debug({ n: 1 });
  expect(lines).toEqual([["message", { n: 1 }, 2], ["message", { n: 1 }], [{ n: 1 }]]);
});

test("what the client itself says goes to internalLogger, else to logger", async () => {
  const own: Line[] = [];
  const internal: Line[] = [];
  await new Inngest({ id: "a", logger: keeping(own), internalLogger: keeping(internal) }).send([]);
  await new Inngest({ id: "a", logger: keeping(own) }).send([]);
  expect([own.length, internal.length]).toEqual([1, 1]);
});
