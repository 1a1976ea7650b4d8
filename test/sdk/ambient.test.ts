import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { group, Inngest, step, type Context } from "../../src/sdk/index.ts";
import { EVENT } from "../helpers/run-builder.ts";
import { call, silent } from "./middleware/helpers.ts";

const client = new Inngest({ id: "shop", isDev: true, logger: silent });
const on = (handler: (context: Context) => unknown) =>
  client.createFunction({ id: "f" }, { event: EVENT.name }, handler);

const chargeOnce = (id: string) => step.run(id, () => `charged ${id}`);

describe("[§1.12] the exported `step` and `group`", () => {
  test("are those of the run that the code is part of, after awaits too, with runs beside each other", async () => {
    const fn = (id: string) =>
      on(async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return chargeOnce(id);
      });
    const replies = await Promise.all(["a", "b"].map((id) => call(client, fn(id))));
    expect(replies).toMatchObject([{ ops: [{ data: "charged a" }] }, { ops: [{ data: "charged b" }] }]);
  });

  test("work after a memoized step and inside group.parallel", async () => {
    const fn = on(async () => {
      await chargeOnce("a");
      return group.parallel(() => Promise.race([chargeOnce("b"), chargeOnce("c")]));
    });
    expect(await call(client, fn, { journal: { a: { data: 1 } } })).toMatchObject({
      ops: [{ opts: { parallelMode: "race" } }, { opts: { parallelMode: "race" } }],
    });
  });

  test.each([
    ["step.run", () => step.run("a", () => 1)],
    ["step.sleep", () => step.sleep("a", 1)],
    ["group.parallel", () => group.parallel(async () => 1)],
  ])("%s outside a run says where it belongs", (what, use) => {
    expect(use).toThrow(`${what}: used outside a run; call it from a function's handler`);
  });

  test("are no promises and can be shown", async () => {
    expect(await Promise.resolve(step)).toBe(step);
    expect(JSON.stringify({ step })).toBe('{"step":{}}');
  });
});

describe("where there is no AsyncLocalStorage", () => {
  beforeEach(() => {
    vi.resetModules();
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
  });
  afterEach(() => vi.restoreAllMocks());

  test("handlers and group.parallel work; the exports say what to use", async () => {
    const bare = await import("../../src/sdk/index.ts");
    const { executeCall } = await import("../../src/sdk/reply.ts");
    const { callBodySchema } = await import("../../src/protocol/call.ts");
    const own = new bare.Inngest({ id: "shop", logger: silent });
    const [registration] = own
      .createFunction({ id: "f" }, { event: EVENT.name }, ({ step: tools, group: groups }) =>
        groups.parallel(() => Promise.race([tools.run("b", () => 1), tools.run("c", () => 1)])),
      )
      .registrations("shop");
    const body = callBodySchema.parse({ ctx: { run_id: EVENT.id }, event: EVENT });
    expect(
      await executeCall({ registration: registration!, client: own, body, stepId: "step", race: false }),
    ).toMatchObject({
      ops: [{ opts: { parallelMode: "race" } }, { opts: { parallelMode: "race" } }],
    });
    expect(() => bare.step.run("a", () => 1)).toThrow(
      "step.run: this runtime has no AsyncLocalStorage; use the handler's own `step`, or on Workers the flag nodejs_compat",
    );
  });
});

describe("[§2.6] group.parallel", () => {
  const modes = async (handler: (context: Context) => unknown) => {
    const reply = await call(client, on(handler));
    return reply.status === 206 && reply.ops.map((op) => [op.userland?.id, Reflect.get(op.opts ?? {}, "parallelMode")]);
  };

  test("marks the steps inside, later ones too, and none outside", async () => {
    expect(
      await modes(({ step, group }) =>
        Promise.all([
          step.run("outside", () => 1),
          group.parallel({ mode: "race" }, async () => {
            await Promise.resolve();
            return step.run("inside", () => 1);
          }),
          step.run("after", () => 1),
        ]),
      ),
    ).toEqual([
      ["outside", undefined],
      ["after", undefined],
      ["inside", "race"],
    ]);
  });

  test("gives back what the callback returns", async () => {
    expect(
      await call(
        client,
        on(({ group }) => group.parallel(async () => 5)),
      ),
    ).toEqual({ status: 200, data: 5 });
  });

  test.each([
    [{ mode: "all" }, 'group.parallel: mode: "all" is not "race"'],
    [undefined, "group.parallel: undefined is not a function"],
  ])("refuses %j", async (options, message) => {
    const fn = on(({ group }) => group.parallel(options as never, (options && (async () => 1)) as never));
    expect(await call(client, fn)).toMatchObject({ error: { message: expect.stringContaining(message) } });
  });
});

describe("surroundings of the user's own", () => {
  const requests = new AsyncLocalStorage<string>();

  test("reach the code of steps", async () => {
    const fn = on(({ step }) => requests.run("r1", () => step.run("a", () => requests.getStore())));
    expect(await call(client, fn)).toMatchObject({ ops: [{ data: "r1" }] });
  });
});

describe("env and waitUntil", () => {
  test("a promise given to waitUntil elsewhere runs on; what it fails with is logged", async () => {
    const error = vi.fn();
    const own = new Inngest({ id: "shop", logger: { ...silent, error } });
    const fn = own.createFunction({ id: "f" }, { event: EVENT.name }, ({ waitUntil, env }) => {
      waitUntil(Promise.reject(new Error("late")));
      return env;
    });
    expect(await call(own, fn)).toEqual({ status: 200, data: {} });
    await vi.waitFor(() => expect(error).toHaveBeenCalledWith(expect.stringContaining("waitUntil"), new Error("late")));
  });
});
