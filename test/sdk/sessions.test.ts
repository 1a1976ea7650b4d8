import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SessionsError } from "../../src/protocol/sessions.ts";
import { Inngest, Middleware, type ClientOptions, type Context } from "../../src/sdk/index.ts";
import { EVENT } from "../helpers/run-builder.ts";
import { call, silent } from "./middleware/helpers.ts";

/** An event of a conversation, as a server hands it to handlers. */
const IN_CHAT = { ...EVENT, meta: { sessions: { chat: "c-7" } } };
const INHERITS = { propagated_sessions: { chat: "c-7" } };

/** A client whose events are kept. */
function recording(options: Partial<ClientOptions> = {}) {
  const sent: { name: string; meta?: object }[] = [];
  const fetch: typeof globalThis.fetch = async (_url, init) => {
    const events = JSON.parse(String(init?.body));
    sent.push(...events);
    return Response.json({ ids: events.map(() => "id"), status: 200 });
  };
  return { client: new Inngest({ id: "shop", isDev: true, logger: silent, fetch, ...options }), sent };
}

/** What a handler sends, and what is answered, when an event of a conversation has started it. */
async function inRun(handler: (context: Context, client: Inngest) => unknown, options: Partial<ClientOptions> = {}) {
  const { client, sent } = recording(options);
  const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, (context) => handler(context, client));
  const reply = await call(client, fn, { event: IN_CHAT });
  return { reply, sent };
}

beforeEach(() => vi.stubEnv("INNGEST_SESSION_PROPAGATION", undefined));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("[features §1.6] ctx.sessions", () => {
  test("are those of the event", async () => {
    expect((await inRun(({ sessions }) => sessions)).reply).toMatchObject({ data: { chat: "c-7" } });
  });

  test("are undefined without any", async () => {
    const { client } = recording();
    const fn = client.createFunction({ id: "f" }, { event: EVENT.name }, ({ sessions }) => sessions === undefined);
    expect(await call(client, fn)).toMatchObject({ data: true });
  });
});

describe("[features §1.3] events sent inside a run inherit its sessions", () => {
  test.each<[string, (context: Context, client: Inngest) => unknown, (object | undefined)[]]>([
    ["by a step", ({ step }) => step.sendEvent("s", { name: "a" }), [INHERITS]],
    ["each of a list", ({ step }) => step.sendEvent("s", [{ name: "a" }, { name: "b" }]), [INHERITS, INHERITS]],
    ["by the client, in a step", ({ step }, client) => step.run("s", () => client.send({ name: "a" })), [INHERITS]],
    ["by the client, in the handler", (_, client) => client.send({ name: "a" }), [INHERITS]],
    [
      "beside their own",
      ({ step }) => step.sendEvent("s", { name: "a", meta: { sessions: { chat: null, order: 5 } } }),
      [{ ...INHERITS, sessions: { chat: null, order: 5 } }],
    ],
    [
      "unless they say themselves what they inherit",
      (_, client) => client.send({ name: "a", meta: { propagated_sessions: { org: "o" } } }),
      [{ propagated_sessions: { org: "o" } }],
    ],
    [
      "as the handler has left them",
      ({ step, sessions }) => {
        if (sessions) sessions.org = "o";
        return step.sendEvent("s", { name: "a" });
      },
      [{ propagated_sessions: { chat: "c-7", org: "o" } }],
    ],
  ])("%s", async (_, handler, metas) => {
    expect((await inRun(handler)).sent.map(({ meta }) => meta)).toEqual(metas);
  });

  test("as middleware has left them", async () => {
    class Other extends Middleware.BaseMiddleware {
      readonly id = "other";
      override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
        return { ...args, ctx: { ...args.ctx, sessions: { org: "o" } } };
      }
    }
    const { sent } = await inRun(({ step }) => step.sendEvent("s", { name: "a" }), { middleware: [Other] });
    expect(sent).toMatchObject([{ meta: { propagated_sessions: { org: "o" } } }]);
  });

  test("and so does a function that is invoked", async () => {
    const { reply } = await inRun(({ step }) =>
      step.invoke("i", { function: "shop-other", meta: { sessions: { order: "5" } } }),
    );
    expect(reply).toMatchObject({
      ops: [{ op: "InvokeFunction", opts: { payload: { meta: { ...INHERITS, sessions: { order: "5" } } } } }],
    });
  });

  test("but not events of another client, nor those sent outside a run", async () => {
    const other = recording();
    await inRun(() => other.client.send({ name: "a" }));
    await other.client.send({ name: "b" });
    expect(other.sent).toEqual([
      { name: "a", data: {} },
      { name: "b", data: {} },
    ]);
  });

  test("also where there is no AsyncLocalStorage, when a step sends them", async () => {
    vi.resetModules();
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
    const sdk = await import("../../src/sdk/index.ts");
    const helpers = await import("./middleware/helpers.ts");
    const { sent, client } = recording();
    const own = new sdk.Inngest({ id: "shop", isDev: true, logger: silent, fetch: client.fetch });
    const fn = own.createFunction({ id: "f" }, { event: EVENT.name }, ({ step }) => step.sendEvent("s", { name: "a" }));
    await helpers.call(own, fn, { event: IN_CHAT });
    expect(sent).toMatchObject([{ meta: INHERITS }]);
  });
});

describe("[features §1.1] sessionPropagation", () => {
  test.each<[string | undefined, boolean | undefined, boolean]>([
    [undefined, undefined, true],
    ["", undefined, true],
    ["1", undefined, true],
    ["true", undefined, true],
    ["0", undefined, false],
    ["false", undefined, false],
    ["Off", undefined, false],
    ["no", undefined, false],
    ["0", true, true],
    ["1", false, false],
    [undefined, false, false],
  ])("INNGEST_SESSION_PROPAGATION %j and the option %j: %j", async (variable, sessionPropagation, isOn) => {
    vi.stubEnv("INNGEST_SESSION_PROPAGATION", variable);
    const { sent, reply } = await inRun(
      async ({ sessions }, client) => {
        await client.send({ name: "a" });
        return sessions ?? null;
      },
      { sessionPropagation },
    );
    expect(sent.map(({ meta }) => meta)).toEqual([isOn ? INHERITS : undefined]);
    expect(reply).toMatchObject({ data: isOn ? { chat: "c-7" } : null });
  });

  test("off, neither steps nor invocations hand anything on, also when middleware brings sessions", async () => {
    class Adds extends Middleware.BaseMiddleware {
      readonly id = "adds";
      override transformFunctionInput(args: Middleware.TransformFunctionInputArgs) {
        return { ...args, ctx: { ...args.ctx, sessions: { org: "o" } } };
      }
    }
    const { sent, reply } = await inRun(
      ({ step }) => Promise.all([step.sendEvent("s", { name: "a" }), step.invoke("i", { function: "shop-other" })]),
      { sessionPropagation: false, middleware: [Adds] },
    );
    expect(JSON.stringify([sent, reply])).not.toContain("propagated_sessions");
  });
});

describe("what is sent", () => {
  test("`sessions` and `ctx` of a handler's context are left out", async () => {
    const { client, sent } = recording();
    await client.send({ name: "a", sessions: { chat: "c-7" }, ctx: {} } as never);
    expect(sent).toEqual([{ name: "a", data: {} }]);
  });

  test.each<[string, unknown]>([
    ['send: event "a": meta.sessions.chat: NaN is not a session id', { chat: Number.NaN }],
    ['send: event "a": meta.sessions.chat: true is not a session id', { chat: true }],
    ['send: event "a": meta.sessions: has 6 sessions; the bound is 5', { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }],
  ])("[G9] is refused here already: %s", async (message, sessions) => {
    const { client, sent } = recording();
    const sending = client.send({ name: "a", meta: { sessions: sessions as never } });
    await expect(sending).rejects.toThrow(SessionsError);
    await expect(sending).rejects.toThrow(message);
    expect(sent).toEqual([]);
  });

  test("[G9] so is what a function is invoked with", async () => {
    const { reply } = await inRun(({ step }) =>
      step.invoke("i", { function: "shop-other", meta: { sessions: { chat: Number.NaN } } }),
    );
    expect(reply).toMatchObject({
      error: { message: expect.stringContaining('step.invoke "i": meta.sessions.chat: NaN') },
    });
  });
});
