import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { makeSeed } from "../../src/sdk/send.ts";
import { STEPS, visitor } from "../fixtures/kill-functions.ts";
import { appListener, listen, register, type LoopbackServer } from "../helpers/app-server.ts";
import { isEnded, runsOf, send, until, type RunListItem } from "../helpers/platform-api.ts";
import { freePort, spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";
import { seededRandom } from "../helpers/random.ts";
import { startWitness, type Visit, type Witness } from "../helpers/witness.ts";

const SEED = Number(process.env.KILL_SEED ?? 20261121);
const RUNS = 200;
const KILLS = 20;
const INSIDE_MIN = 15;
const KILL_AFTER_MIN_MS = 1_000;
const KILL_AFTER_MAX_MS = 3_000;
/** Half of a life's events arrive this shortly before its end, so that it ends in the midst of work. */
const BURST_MIN_MS = 100;
const BURST_MAX_MS = 400;
const SETTLE_WITHIN_MS = 90_000;

/** Half of the runs live in the Worker, half in an app of this process. */
const APPS = ["inside", "outside"] as const;
const worker = join(import.meta.dirname, "../fixtures/kill-worker.ts");

let stateDir: string;
let witness: Witness;
let app: LoopbackServer;
let platform: PlatformProcess;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "inngest-kill-"));
  const port = await freePort();
  const client = new Inngest({ id: "outside", isDev: true, baseUrl: `http://127.0.0.1:${port}` });
  witness = await startWitness(SEED);
  app = await listen(appListener(client, [visitor(client)]));
  platform = await spawnPlatform({ stateDir, worker, port });
  await register(app.url);
});

afterAll(async () => {
  await platform?.killGroup();
  await app?.close();
  await witness?.close();
  rmSync(stateDir, { recursive: true, force: true });
});

test("[G1, G2, G3] 20 kills: every acknowledged event's run completes, and no step begins again after its successor", async () => {
  const random = seededRandom(SEED);
  const sends = Array.from({ length: RUNS }, (_, i) => ({ key: `k${i}`, app: APPS[i % APPS.length]! }));
  const acknowledged = new Map<string, string>();
  const startedAt = performance.now();
  const sending: Promise<void>[] = [];
  let inside = 0;

  for (let life = 0; life < KILLS; life++) {
    const killAfterMs = KILL_AFTER_MIN_MS + random() * (KILL_AFTER_MAX_MS - KILL_AFTER_MIN_MS);
    const portion = sends.splice(0, RUNS / KILLS);
    for (const [i, one] of portion.entries()) {
      const isBurst = i >= portion.length / 2;
      const burstAt = killAfterMs - BURST_MIN_MS - random() * (BURST_MAX_MS - BURST_MIN_MS);
      const at = isBurst ? burstAt : random() * (killAfterMs - BURST_MAX_MS);
      sending.push(delay(at).then(() => sendUntilAcknowledged(one, acknowledged)));
    }
    await delay(killAfterMs);
    // inside an activation: a step's body is running at the instant of the signal, the witness has yet to answer it
    if (witness.open.size > 0) inside += 1;
    await platform.killGroup();
    platform = await spawnPlatform({ stateDir, worker, port: platform.port });
  }
  await Promise.all(sending);
  const lastStartAt = performance.now();
  const runs = await settledRuns(acknowledged);
  const settledMs = performance.now() - lastStartAt;

  const began = Map.groupBy(witness.log, (visit) => visit.runId);
  const repeated =
    witness.log.length - [...began.values()].reduce((sum, visits) => sum + new Set(visits.map((v) => v.step)).size, 0);
  const seconds = (ms: number) => (ms / 1000).toFixed(0);
  console.log(
    `kill test, seed ${SEED}: ${KILLS} kills, ${inside} inside an activation; ${runs.length} runs of ${STEPS} steps, ` +
      `${repeated} steps repeated; ${seconds(performance.now() - startedAt)} s, the last ${seconds(settledMs)} s to settle`,
  );

  expect(acknowledged.size).toBe(RUNS);
  expect(runs.filter((run) => run.status !== "Completed")).toEqual([]);
  expect(runs.filter((run) => JSON.stringify(run.output) !== JSON.stringify([...Array(STEPS).keys()]))).toEqual([]);
  expect(new Set(runs.map((run) => run.run_id))).toEqual(new Set(began.keys())); // each event started one run
  expect([...began.values()].flatMap(lateRepeats)).toEqual([]);
  expect([...began].filter(([, visits]) => new Set(visits.map((v) => v.step)).size !== STEPS)).toEqual([]);
  expect(inside).toBeGreaterThanOrEqual(INSIDE_MIN);
});

/** One event with one id and one seed, however often it must be sent. */
async function sendUntilAcknowledged(
  one: { key: string; app: string },
  acknowledged: Map<string, string>,
): Promise<void> {
  const seed = makeSeed();
  const event = { name: `${one.app}/visit`, id: one.key, data: { key: one.key, witness: witness.url } };
  const [id] = await until(`event ${one.key} is acknowledged`, 60_000, () => send(platform.url, event, seed));
  acknowledged.set(one.key, id!);
}

/** The runs of all events, one each, once all have ended. */
async function settledRuns(acknowledged: Map<string, string>): Promise<RunListItem[]> {
  const giveUpAt = performance.now() + SETTLE_WITHIN_MS;
  const settled: RunListItem[] = [];
  for (const [key, eventId] of acknowledged) {
    const ended = until(
      `the run of ${key} (${eventId}) has ended`,
      Math.max(giveUpAt - performance.now(), 0),
      async () => {
        const runs = await runsOf(platform.url, eventId);
        return runs.length > 0 && runs.every(isEnded) ? runs : undefined;
      },
    );
    const runs = await ended;
    expect(runs).toHaveLength(1);
    settled.push(...runs);
  }
  return settled;
}

/** Steps that began again after their successor had begun. */
function lateRepeats(visits: Visit[]): string[] {
  let latest = -1;
  return visits.flatMap(({ runId, step }) => {
    const isLate = step < latest;
    latest = Math.max(latest, step);
    return isLate ? [`run ${runId}: step ${step} began again after step ${latest} had begun`] : [];
  });
}
