/** What an event costs on Cloudflare's price list, and what it keeps busy, counted (design §8; ARCHITECTURE.md, "The hot path"). */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { counted as countedRuns, type CountedRun, DEFINITION_ROWS } from "../../bench/counts.ts";
import { install, installedParts } from "../../src/durable-objects/installed.ts";
import { meter } from "../../src/durable-objects/meter.ts";
import type { RunObjectApi } from "../../src/durable-objects/objects.ts";
import { RUN_TIMING } from "../../src/durable-objects/run-object.ts";
import { isEnded } from "../../src/engine/run.ts";
import { runIdOf } from "../../src/protocol/ids.ts";
import { TELLING_APP_URL } from "../helpers/app-urls.ts";
import { carryMail, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, post } from "./helpers/front-door.ts";

type Figures = typeof meter;

const QUIET_MS = 250;

type Cost = Figures & { ids: string[] };

/** What is paid for: alarms count as rows. Without the definition of the run's table, which is a price of its own. */
interface Price {
  rows: number;
  requests: number;
  messages: number;
  objects: number;
}

/** `statements`: SQL, which costs time alone. */
interface StepPrice extends Pick<Price, "rows" | "requests"> {
  statements: number;
}

/**
 * The most that a run of 5 steps costs over each transport: one on a platform that does nothing else, each of 50 whose
 * events came together, and one step more. Of 50, a busy app may be called once more. The prices of README.md and
 * docs/performance.md are made of the same figures; ARCHITECTURE.md has the table: change both.
 */
const TRANSPORTS: { transport: string; idle: Price; batched: Price; step: StepPrice }[] = [
  {
    transport: "local",
    ...most(countedRuns.embedded),
    step: { rows: 1, requests: 0, statements: 1 },
  },
  {
    transport: "binding",
    ...most(countedRuns.binding),
    step: { rows: 1, requests: 0, statements: 1 },
  },
  {
    // over HTTP, told of each step while the call goes on
    transport: "telling",
    ...most(countedRuns.checkpoints),
    step: { rows: 1, requests: 1, statements: 2 },
  },
  {
    // over HTTP, each step the end of a call
    transport: "http",
    ...most(countedRuns.calls),
    step: { rows: 2, requests: 1, statements: 5 },
  },
];

function most({ idle, batched }: CountedRun): { idle: Price; batched: Price } {
  const price = ({ rows, objectRequests, queueMessages }: CountedRun["idle"]): Price => ({
    rows: Number((rows - DEFINITION_ROWS).toFixed(6)),
    requests: objectRequests,
    messages: queueMessages,
    objects: 1,
  });
  return { idle: price(idle), batched: price(batched) };
}

/**
 * What events of `steps` steps cost. Every 5 s an isolate asks, once for all its events, which of them have to stay
 * in order, and every 8 s a log sets its alarm: that is none's own cost, and of counts within that time only one can
 * contain it. Hence the smallest of each.
 */
async function costOf(events: number, steps: number, name: string): Promise<Cost> {
  const { ids, ...least } = await counted(events, steps, name);
  for (let again = events === 1 ? 2 : 1; again > 0; again--) {
    const figures = await counted(events, steps, name);
    for (const key of Object.keys(least) as (keyof Figures)[]) least[key] = Math.min(least[key], figures[key]);
  }
  return { ids, ...least };
}

/** Sends events of `steps` steps to the log of the first shard; counts until nothing is counted any more. */
async function counted(events: number, steps: number, name: string): Promise<Cost> {
  await quiet(() => ({ ...meter }));
  const entropy = crypto.getRandomValues(new Uint8Array(10)).with(0, 0); // the first byte chooses the log's shard
  const seed = `${Date.now()},${btoa(String.fromCharCode(...entropy))}`;
  const before = { ...meter };
  const batch = Array.from({ length: events }, () => ({
    name,
    data: { key: crypto.randomUUID(), n: steps },
  }));
  const { body } = await post("/e/key", batch, { "x-inngest-event-id-seed": seed });
  await allEnded(body.ids, name.replace("/", "-"));
  const count = (): Figures => ({
    rowsWritten: meter.rowsWritten - before.rowsWritten,
    alarmsSet: meter.alarmsSet - before.alarmsSet,
    objectRequests: meter.objectRequests - before.objectRequests,
    queueMessages: meter.queueMessages - before.queueMessages,
    objectsCreated: meter.objectsCreated - before.objectsCreated,
    statements: meter.statements - before.statements,
  });
  await quiet(count);
  return { ...count(), ids: body.ids };
}

/** Until each event's run of a function has ended; asks their objects behind the meter's back. */
async function allEnded(eventIds: string[], functionId: string): Promise<void> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  for (const id of eventIds) {
    const run = namespace.getByName(`main/${runIdOf(id, functionId)}`) as unknown as RunObjectApi; // RPC to our own class
    for (let found = await run.ended(100); !found || !isEnded(found.state); found = await run.ended(100))
      await scheduler.wait(10);
  }
}

/** Until nothing is counted any more. Reading through the API would be counted too: it watches the meter itself. */
async function quiet(count: () => Figures): Promise<void> {
  for (let last = count(), quietMs = 0; quietMs < QUIET_MS; quietMs += 25) {
    await scheduler.wait(25);
    if (JSON.stringify(count()) !== JSON.stringify(last)) quietMs = 0;
    last = count();
  }
}

async function expectCompleted(ids: string[], steps: number): Promise<void> {
  for (const id of ids)
    expect(await ended(id)).toMatchObject({ status: "Completed", output: (steps * (steps - 1)) / 2 });
}

async function definitionRows(): Promise<number> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  const create = "CREATE TABLE record (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID";
  return runInDurableObject(
    namespace.getByName(`cost/${crypto.randomUUID()}`),
    (_object, state) => state.storage.sql.exec(create).rowsWritten,
  );
}

/** Rows that a run's table costs by being created. */
let definition = 0;
let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  install({ ...installedParts(), timing: RUN_TIMING }); // the fixture's watchdog would be one more alarm of each busy run
  await registerHttpApp();
  await registerHttpApp("telling", TELLING_APP_URL);
  mail = carryMail();
  definition = await definitionRows();
  expect(definition).toBe(DEFINITION_ROWS);
});
afterAll(() => mail.stop());

/** What each of some runs cost. */
function priceOf({ rowsWritten, alarmsSet, objectRequests, queueMessages, objectsCreated }: Figures, runs = 1): Price {
  return {
    rows: (rowsWritten + alarmsSet) / runs - definition,
    requests: objectRequests / runs,
    messages: queueMessages / runs,
    objects: objectsCreated / runs,
  };
}

function expectAtMost<Of extends Price | StepPrice>(price: Of, most: Of): void {
  const more = Object.entries(most).filter(([what, count]) => Reflect.get(price, what) > count);
  expect(more, `more than at most ${JSON.stringify(most)}: ${JSON.stringify(price)}`).toEqual([]);
}

describe.each(TRANSPORTS)("an event that starts a run of 5 steps, $transport", ({ transport, idle, batched, step }) => {
  const loop = `${transport}/loop`;
  const say = (what: string, price: Price | StepPrice) =>
    console.log(`cost, ${transport}, ${what}: ${JSON.stringify(price)}; the run's table: ${definition} rows`);
  beforeAll(async () => {
    await expectCompleted((await counted(1, 5, loop)).ids, 5); // registry and log exist from here on
  });

  it("alone", async () => {
    const { ids, ...cost } = await costOf(1, 5, loop);
    await expectCompleted(ids, 5);
    say("alone", priceOf(cost));
    expectAtMost(priceOf(cost), idle);
  });

  it("50 in one request", { timeout: 120_000 }, async () => {
    const { ids, ...cost } = await costOf(50, 5, loop);
    await expectCompleted(ids, 5);
    say("each of 50", priceOf(cost, 50));
    expectAtMost(priceOf(cost, 50), batched);
  });

  it("each further step", async () => {
    // what an isolate does now and then, a statement or two, may fall into the one count and not into the other
    const [few, more] = [await costOf(1, 5, loop), await costOf(1, 25, loop)];
    const ofEach = (from: number, to: number) => Math.round((to - from) / 20);
    const price: StepPrice = {
      rows: ofEach(priceOf(few).rows, priceOf(more).rows),
      requests: ofEach(few.objectRequests, more.objectRequests),
      statements: ofEach(few.statements, more.statements),
    };
    say("step", price);
    expectAtMost(price, step);
  });
});

it("a limit of the function costs two requests more, and nothing per step", async () => {
  await expectCompleted((await costOf(1, 5, "local/limited-loop")).ids, 5); // its key exists from here on
  const without = await costOf(1, 5, "local/loop");
  const five = await costOf(1, 5, "local/limited-loop");
  const ten = await costOf(1, 10, "local/limited-loop");
  console.log(`cost of a limit: ${priceOf(five).rows - priceOf(without).rows} rows`);
  await expectCompleted(five.ids, 5);
  expect(five.objectRequests).toBe(without.objectRequests + 2);
  expect(priceOf(five).rows - priceOf(without).rows).toBeLessThanOrEqual(8);
  expect(priceOf(ten)).toEqual({ ...priceOf(five), rows: priceOf(five).rows + 5 });
});
