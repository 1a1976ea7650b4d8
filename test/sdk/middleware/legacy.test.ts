import { InngestMiddleware as OfficialMiddleware } from "inngest-v3";
import { describe, expect, test, vi } from "vitest";
import { InngestMiddleware, NonRetriableError } from "../../../src/sdk/index.ts";
import { bindSender } from "../../../src/sdk/sender.ts";
import { EVENT } from "../../helpers/run-builder.ts";
import { call, clientWith } from "./helpers.ts";

/** Version 3's object form, by ours and by the official class. */
describe.each([
  ["ours", InngestMiddleware],
  ["the official package's", OfficialMiddleware as unknown as typeof InngestMiddleware],
])("[v3] an object made by %s", (_, Made) => {
  function recorded(log: string[]) {
    const say = (hook: string) => () => void log.push(hook);
    return new Made({
      name: "old",
      init: ({ fn }) => {
        log.push(`init ${fn?.id() ?? "client"}`);
        return {
          onFunctionRun: ({ ctx }) => {
            log.push(`onFunctionRun ${ctx.event.name}`);
            return {
              transformInput: ({ steps }) => void log.push(`transformInput ${JSON.stringify(steps)}`),
              beforeMemoization: say("beforeMemoization"),
              afterMemoization: say("afterMemoization"),
              beforeExecution: say("beforeExecution"),
              afterExecution: say("afterExecution"),
              transformOutput: ({ result, step }) =>
                void log.push(`transformOutput ${step?.displayName ?? "run"} ${JSON.stringify(result)}`),
              finished: ({ result }) => void log.push(`finished ${JSON.stringify(result)}`),
              beforeResponse: say("beforeResponse"),
            };
          },
        };
      },
    });
  }

  test("has its life cycles called in their order", async () => {
    const log: string[] = [];
    const client = clientWith([recorded(log)]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step }) => step.run("a", () => 1));
    await call(client, fn);
    expect(log).toEqual([
      "init client",
      `onFunctionRun ${EVENT.name}`,
      "transformInput []",
      "beforeMemoization",
      "afterMemoization",
      "beforeExecution",
      "afterExecution",
      'transformOutput a {"data":1}',
    ]);
    log.length = 0;
    await call(client, fn, { journal: { a: { data: 1 } } });
    expect(log).toEqual([
      `onFunctionRun ${EVENT.name}`,
      'transformInput [{"data":1}]',
      "beforeMemoization",
      "afterMemoization",
      "beforeExecution",
      "afterExecution",
      'transformOutput run {"data":1}',
      'finished {"data":1}',
      "beforeResponse",
    ]);
  });

  test("is told of the function it is added to", () => {
    const log: string[] = [];
    const client = clientWith([]);
    client.createFunction({ id: "ship", middleware: [recorded(log)] }, { event: "e" }, () => 1);
    expect(log).toEqual(["init shop-ship"]);
  });

  test("changes context, memoized steps, results of steps and of the run, events and what sending answers", async () => {
    const client = clientWith([
      new Made({
        name: "old",
        init: async () => ({
          onFunctionRun: async () => ({
            transformInput: ({ steps }) => ({
              ctx: { db: "db" },
              steps: steps.map(({ data }) => ({ data: `${data} read` })),
            }),
            transformOutput: ({ result, step }) => ({
              result: { data: step ? `${result.data} stored` : `${result.data} returned` },
            }),
          }),
          onSendEvent: () => ({
            transformInput: ({ payloads }) => ({
              payloads: payloads.map((event) => ({ ...event, data: { by: "old" } })),
            }),
            transformOutput: ({ result }) => ({ result: { ids: [...result.ids, "more"] } }),
          }),
        }),
      }),
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, async (context) => {
      const a = await context.step.run("a", () => "a");
      return `${a} ${Reflect.get(context, "db")}`;
    });
    expect(await call(client, fn)).toMatchObject({ ops: [{ data: "a stored" }] });
    expect(await call(client, fn, { journal: { a: { data: "a stored" } } })).toMatchObject({
      data: "a stored read db returned",
    });
    const send = vi.fn(async () => ({ ids: ["1"] }));
    bindSender(client, send);
    expect(await client.send({ name: "x" })).toEqual({ ids: ["1", "more"] });
    expect(send).toHaveBeenCalledWith([{ name: "x", data: { by: "old" } }], expect.any(String));
  });

  test("changes errors; without a change the error is the one that was thrown", async () => {
    const thrown = new NonRetriableError("no");
    const seen: unknown[] = [];
    const client = clientWith([
      new Made({
        name: "old",
        init: () => ({
          onFunctionRun: () => ({
            transformOutput: ({ result, step }) => {
              seen.push(result.error);
              return step ? undefined : { result: { error: new Error("changed") } };
            },
          }),
        }),
      }),
    ]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, ({ step, event }) =>
      event.data.inStep
        ? step.run("a", () => {
            throw thrown;
          })
        : Promise.reject(thrown),
    );
    expect(await call(client, fn, { event: { ...EVENT, data: { inStep: true } } })).toMatchObject({
      noRetry: true,
      ops: [{ op: "StepFailed", error: { message: "no" } }],
    });
    expect(await call(client, fn)).toMatchObject({ status: 500, error: { message: "changed" } });
    expect(seen).toEqual([thrown, thrown]);
  });

  test("an `init` that fails fails the runs, by name", async () => {
    const client = clientWith([new Made({ name: "old", init: () => Promise.reject(new Error("no database")) })]);
    const fn = client.createFunction({ id: "ship" }, { event: EVENT.name }, () => 1);
    expect(await call(client, fn)).toMatchObject({
      status: 500,
      error: { message: 'middleware "old": transformFunctionInput: no database' },
    });
  });
});
