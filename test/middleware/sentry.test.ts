import * as Sentry from "@sentry/cloudflare";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { sentryMiddleware, type SentryOptions } from "../../src/middleware/sentry.ts";
import { NonRetriableError, type Context } from "../../src/sdk/index.ts";
import { EVENT, RUN_ID } from "../helpers/run-builder.ts";
import { call, clientWith, type CallChanges } from "../sdk/middleware/helpers.ts";

/** Events as Sentry would receive them. */
const received: Sentry.ErrorEvent[] = [];

interface Work {
  job: () => Promise<unknown>;
}

/** A Worker under Sentry whose requests do what they are given. Workers' own types are not those of this suite. */
const worker = Sentry.withSentry(
  () => ({
    dsn: "http://public@127.0.0.1:9/1",
    defaultIntegrations: false, // one of them drops an error that looks like the last
    transport: () => ({ send: async () => ({}), flush: async () => true }),
    beforeSend: (event: Sentry.ErrorEvent) => {
      received.push(event);
      return event;
    },
  }),
  { fetch: async (_request: Request, { job }: Work) => (await job(), new Response()) } as object,
) as unknown as { fetch(request: Request, work: Work, ctx: object): Promise<Response> };

async function underSentry(job: () => Promise<unknown>): Promise<void> {
  await worker.fetch(new Request("http://app.test"), { job }, { waitUntil() {}, passThroughOnException() {} });
}

beforeEach(() => received.splice(0));

/** What Sentry hears of one call. */
async function reported(
  handler: (context: Context) => unknown,
  changes: CallChanges = {},
  options: SentryOptions = {},
): Promise<Sentry.ErrorEvent[]> {
  const inngest = clientWith([sentryMiddleware(Sentry, options)]);
  const fn = inngest.createFunction({ id: "charge", name: "Charge" }, { event: EVENT.name }, handler);
  await underSentry(async () => {
    await call(inngest, fn, changes);
    await Sentry.flush(1000);
  });
  return received;
}

const boom = () => {
  throw new Error("boom");
};
const inStep = ({ step }: Context) => step.run("pay", boom);

describe("an error is reported when it is final", () => {
  test.each<[string, (context: Context) => unknown, CallChanges, SentryOptions, number]>([
    ["a step's, with attempts left", inStep, {}, {}, 0],
    ["a step's, at its last attempt", inStep, { attempt: 2 }, {}, 1],
    ["a step's, at each attempt when asked for", inStep, {}, { captureEveryAttempt: true }, 1],
    ["a handler's, with attempts left", boom, {}, {}, 0],
    ["a handler's, at its last attempt", boom, { attempt: 2 }, {}, 1],
    ["a handler's that forbids another", () => Promise.reject(new NonRetriableError("no")), {}, {}, 1],
    ["a failed step's that ends the run: it was reported", inStep, { journal: { pay: failed("Error") } }, {}, 0],
    [
      "a step's that was lost with its process: nobody saw it",
      inStep,
      { journal: { pay: failed("Error", "step_lost") } },
      {},
      1,
    ],
    [
      "an invoked function's that ends this run as well",
      ({ step }) => step.invoke("i", { function: "shop-g" }),
      { journal: { i: failed("Error") } },
      {},
      1,
    ],
    ["none", () => 1, {}, {}, 0],
  ])("%s", async (_, handler, changes, options, times) => {
    expect(await reported(handler, changes, options)).toHaveLength(times);
  });
});

function failed(name: string, code?: string) {
  return { error: { name, message: "boom", ...(code && { code }) } };
}

test("it carries tags that lead to the run, the name of the function, and what the handler has set", async () => {
  const [event] = await reported(
    (context) => {
      (Reflect.get(context, "sentry") as typeof Sentry).setUser({ id: "u1" });
      return inStep(context);
    },
    { attempt: 2 },
  );
  expect(event).toMatchObject({
    exception: { values: [{ type: "Error", value: "boom" }] },
    transaction: "inngest:Charge",
    user: { id: "u1" },
    tags: {
      "inngest.client.id": "shop",
      "inngest.function.id": "shop-charge",
      "inngest.function.name": "Charge",
      "inngest.run.id": RUN_ID,
      "inngest.event.id": EVENT.id,
      "inngest.event.name": EVENT.name,
      "inngest.attempt": "2",
      "inngest.step.id": "pay",
      "inngest.step.type": "run",
    },
    breadcrumbs: [{ category: "inngest.step", message: "pay", level: "error", data: { type: "run" } }],
  });
});

test("runs do not see each other's scope", async () => {
  await Promise.all(
    ["a", "b"].map((id) =>
      reported(async (context) => {
        (Reflect.get(context, "sentry") as typeof Sentry).setTag("own", id);
        await new Promise((resolve) => setImmediate(resolve));
        throw new NonRetriableError(id);
      }, {}),
    ),
  );
  expect(
    received
      .map((event) => [event.exception?.values?.[0]?.value, event.tags?.own])
      .toSorted(([a], [b]) => String(a).localeCompare(String(b))),
  ).toEqual([
    ["a", "a"],
    ["b", "b"],
  ]);
});

test("what is captured is flushed, unless Sentry shall do it", async () => {
  const flush = vi.fn(async () => true);
  const fake = { ...Sentry, flush } as typeof Sentry;
  for (const disableAutomaticFlush of [true, false]) {
    const inngest = clientWith([sentryMiddleware(fake, { disableAutomaticFlush })]);
    const fn = inngest.createFunction({ id: "f" }, { event: EVENT.name }, boom);
    await call(inngest, fn, { attempt: 2 });
    expect(flush).toHaveBeenCalledTimes(disableAutomaticFlush ? 0 : 1);
  }
});

test("without a Sentry it says what to give", () => {
  expect(() => sentryMiddleware(undefined as never)).toThrow("sentryMiddleware: sentry: not a Sentry SDK; pass what");
});
