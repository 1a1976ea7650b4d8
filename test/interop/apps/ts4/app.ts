/** Clients of the v4 line: `ts4`, `ts4-plain` (no checkpointing), `ts4-serial` (parallelism not optimised), `ts4-streaming`, and
 * `ts4-connect`, a worker that dials in. */
import {
  cron,
  Inngest,
  Middleware,
  NonRetriableError,
  referenceFunction,
  RetryAfterError,
  realtime,
  staticSchema,
} from "inngest-v4";
import { createDefer, metadataMiddleware, scoreMiddleware } from "inngest-v4/experimental";
import { connect } from "inngest-v4/connect";
import { serve } from "inngest-v4/node";
import { type Data, interopFunctions, notesOf } from "../typescript/functions.ts";
import { notingLogger } from "../typescript/logger.ts";
import { gate, serveApp } from "../typescript/trace.ts";

const id = process.env["INTEROP_CLIENT"] ?? "ts4";

class Greeting extends Middleware.BaseMiddleware {
  readonly id = "greeting";

  override transformFunctionInput(arg: Middleware.TransformFunctionInputArgs) {
    if (arg.fn.opts.id !== "middleware") return arg;
    const event = { ...arg.ctx.event, data: { ...arg.ctx.event.data, greeting: "hello" } };
    return { ...arg, ctx: { ...arg.ctx, event } };
  }

  override async wrapFunctionHandler({ fn, next }: Middleware.WrapFunctionHandlerArgs) {
    const output = await next();
    return fn.opts.id === "middleware" ? { ...(output as object), stamped: true } : output;
  }
}

const client = new Inngest({
  id,
  logger: notingLogger,
  internalLogger: console,
  middleware: [Greeting, metadataMiddleware(), scoreMiddleware()],
  ...(id === "ts4-plain" && { checkpointing: false }),
  ...(id === "ts4-serial" && { optimizeParallelism: false }),
});

type V4Handler = Parameters<typeof client.createFunction>[1];

const functions = interopFunctions({
  client: id,
  define: (options, triggers, handler) =>
    client.createFunction(
      { ...options, triggers: triggers.map((one) => ("cron" in one ? cron(one.cron) : one)) },
      handler as unknown as V4Handler,
    ),
  reference: (appId, functionId) => referenceFunction({ appId, functionId }),
  NonRetriableError,
  RetryAfterError,
});

const raceMode = client.createFunction({ id: "race-mode", triggers: [{ event: `${id}/race-mode` }] }, async (input) => {
  const { event, step, group } = input;
  const data = event.data as Data;
  const noted = notesOf(input);
  const run = (name: string, body: () => string | Promise<string>) =>
    step.run(name, () => {
      noted(name);
      return body();
    });
  const winner = await group.parallel({ mode: "race" }, () =>
    Promise.race([run("quick", () => "quick"), run("slow", () => gate(data.gate).then(() => "slow"))]),
  );
  return { winner, after: await run("after", () => "after") };
});

/** Of v4 alone: two steps of one call, the first of which a test holds up. */
const held = client.createFunction({ id: "held", triggers: [{ event: `${id}/held` }] }, async (input) => {
  const noted = notesOf(input);
  await input.step.run("hold", () => {
    noted("hold");
    return gate((input.event.data as Data).gate);
  });
  return input.step.run("next", () => noted("next"));
});

const heldLater = client.createFunction(
  { id: "held-later", triggers: [{ event: `${id}/held-later` }] },
  async (input) => {
    await input.step.run("first", () => notesOf(input)("first"));
    await input.step.run("hold", () => gate((input.event.data as Data).gate));
    return "held";
  },
);

const publish = client.createFunction(
  { id: "publish", triggers: [{ event: `${id}/publish` }] },
  async ({ event, step }) => {
    const { channel: name } = event.data as Data;
    const { updates } = realtime.channel({ name, topics: { updates: { schema: staticSchema<{ n: number }>() } } });
    await step.realtime.publish("publish", updates, { n: 1 });
    await step.run("after", () => null);
    return "published";
  },
);

const deferred = createDefer(client, { id: "deferred" }, async (input) => {
  await input.step.run("late", () => notesOf(input)("late"));
  return (input.event.data as Data).n;
});
const defer = client.createFunction(
  { id: "defer", triggers: [{ event: `${id}/defer` }] },
  async ({ event, step, defer: deferTo }) => {
    deferTo("later", { function: deferred, data: { key: (event.data as Data).key, n: 7 } });
    await step.run("after", () => null);
    return "deferred";
  },
);

const metadata = client.createFunction(
  { id: "metadata", triggers: [{ event: `${id}/metadata` }] },
  async ({ step }) => {
    await step.metadata("measure").run().set({ weight: 3 });
    await step.score("score", { name: "quality", value: 0.5 });
    return "measured";
  },
);

const all = [...functions, raceMode, held, heldLater, publish, deferred, defer, metadata];
if (id === "ts4-connect") {
  await connect({ apps: [{ client, functions: all }] });
  serveApp((_, response) => response.end("{}")); // registered by its connection
} else serveApp(serve({ client, functions: all, ...(id === "ts4-streaming" && { streaming: true }) }));
