import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSeed } from "../../src/sdk/send.ts";
import { LIMITS } from "../fixtures/flow-functions.ts";
import { LedgerStage } from "../helpers/ledger-stage.ts";
import { isEnded, runsOf, send, until, type RunListItem } from "../helpers/platform-api.ts";
import { seededRandom } from "../helpers/random.ts";

const SEED = Number(process.env.KILL_SEED ?? 20261121);
const EVENTS = Number(process.env.FLOW_EVENTS ?? 5_000);
const KILLS = Number(process.env.FLOW_KILLS ?? 20);
const PER_REQUEST = 50;
const KILL_AFTER_MIN_MS = 1_000;
const KILL_AFTER_MAX_MS = 3_000;
/** Runs behind narrow limits are slow where the disk is: 25 a second have been seen. */
const SETTLE_WITHIN_MS = 420_000;
const ASKED_AT_ONCE = 20;

let stage: LedgerStage;

beforeAll(async () => {
  stage = await LedgerStage.open("flow", "flow-worker.ts");
});
afterAll(() => stage?.close());

interface Sent {
  name: string;
  data: { key: string; n: number; ledger: string };
}

test("[G1, G7] 20 kills under 5,000 events over 200 keys: no limit is ever exceeded, every event's run completes, no lease stays", async () => {
  const random = seededRandom(SEED);
  const events = eventsOf(random);
  const requests = Array.from({ length: EVENTS / PER_REQUEST }, () => events.splice(0, PER_REQUEST));
  const acknowledged: string[] = [];
  const sending: Promise<void>[] = [];
  const startedAt = performance.now();
  let insides = 0;

  for (let life = 0; life < KILLS; life++) {
    const killAfterMs = KILL_AFTER_MIN_MS + random() * (KILL_AFTER_MAX_MS - KILL_AFTER_MIN_MS);
    for (const request of requests.splice(0, Math.ceil(EVENTS / PER_REQUEST / KILLS)))
      sending.push(delay(random() * killAfterMs).then(() => sendUntilAcknowledged(request, acknowledged)));
    await delay(killAfterMs);
    if (stage.ledger.open.size > 0) insides += 1;
    await stage.killAndRestart();
  }
  await Promise.all(sending);
  const runs = await settledRuns(acknowledged);
  await stage.kill();

  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const steps = new Set(stage.ledger.log.map(({ eventKey, step }) => `${eventKey} ${step}`));
  console.log(
    `flow kill test, seed ${SEED}: ${KILLS} kills, ${insides} with code executing; ${runs.length} runs, ` +
      `${stage.ledger.log.length - steps.size} steps repeated; most at once ${fullest()}; ${seconds} s`,
  );
  for (const { limit } of LIMITS)
    for (const [key, most] of stage.ledger.most)
      if (key.startsWith(`${limit}-`)) expect(most, key).toBeLessThanOrEqual(limit);
  expect(runs.filter((run) => run.status !== "Completed")).toEqual([]);
  expect(new Set(runs.map((run) => run.run_id)).size).toBe(EVENTS);
  expect(new Set(runs.map((run) => run.output)).size).toBe(EVENTS);
  expect(steps.size).toBe(2 * EVENTS);
  expect(leasesOnDisk()).toEqual([]);
}, 780_000);

/** Limits by turns, each with its own share of the keys. */
function eventsOf(random: () => number): Sent[] {
  return Array.from({ length: EVENTS }, (_, n) => {
    const { limit, keys } = LIMITS[n % LIMITS.length]!;
    const key = `${limit}-${Math.floor(random() * keys)}`;
    return { name: `flow/${limit}`, data: { key, n, ledger: stage.ledger.url } };
  });
}

/** One request with one seed, however often it must be sent. */
async function sendUntilAcknowledged(events: Sent[], acknowledged: string[]): Promise<void> {
  const seed = makeSeed();
  const ids = await until("events are acknowledged", 60_000, () => send(stage.url, events, seed));
  acknowledged.push(...ids);
}

/** The runs of all events, one each, once all have ended. */
async function settledRuns(eventIds: string[]): Promise<RunListItem[]> {
  const giveUpAt = performance.now() + SETTLE_WITHIN_MS;
  const settled: RunListItem[] = [];
  for (let i = 0; i < eventIds.length; i += ASKED_AT_ONCE)
    settled.push(
      ...(
        await Promise.all(
          eventIds.slice(i, i + ASKED_AT_ONCE).map((eventId) =>
            until(`the run of ${eventId} has ended`, Math.max(giveUpAt - performance.now(), 1_000), async () => {
              const runs = await runsOf(stage.url, eventId);
              return runs.length === 1 && runs.every(isEnded) ? runs : undefined;
            }),
          ),
        )
      ).flat(),
    );
  return settled;
}

/** What keys still hold, or still have in their lines: read from their files, since nobody but them knows. */
function leasesOnDisk(): string[] {
  const files = readdirSync(stage.stateDir, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.includes("ConcurrencyDO") && file.endsWith(".sqlite") && !file.endsWith("metadata.sqlite"),
  );
  expect(files.length).toBeGreaterThan(100);
  return files.flatMap((file) => {
    const database = new DatabaseSync(join(stage.stateDir, file), { readOnly: true });
    const hasItems = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'item'").all().length > 0;
    const query = "SELECT list || ' ' || id AS item FROM item WHERE list IN ('held', 'line')";
    const items = hasItems
      ? database
          .prepare(query)
          .all()
          .map((row) => `${file}: ${row.item}`)
      : [];
    database.close();
    return items;
  });
}

function fullest(): string {
  return LIMITS.map(({ limit }) => {
    const counts = [...stage.ledger.most].filter(([key]) => key.startsWith(`${limit}-`)).map(([, most]) => most);
    return `${Math.max(0, ...counts)} of ${limit}`;
  }).join(", ");
}
