import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSeed } from "../../src/sdk/send.ts";
import { startLedger, type Ledger } from "../helpers/ledger.ts";
import { send, until } from "../helpers/platform-api.ts";
import { freePort, spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";
import { seededRandom } from "../helpers/random.ts";
import { makeStateDir } from "../helpers/state-dir.ts";

const SEED = Number(process.env.KILL_SEED ?? 20261121);
const EVENTS = 1_000;
const KILL_AT = [300, 650];
const SETTLE_WITHIN_MS = 180_000;

const worker = join(import.meta.dirname, "../fixtures/order-worker.ts");

let stateDir: string;
let ledger: Ledger;
let platform: PlatformProcess;

beforeAll(async () => {
  stateDir = makeStateDir("order");
  ledger = await startLedger();
  platform = await spawnPlatform({ stateDir, worker, port: await freePort() });
});

afterAll(async () => {
  await platform?.killGroup();
  await ledger?.close();
  rmSync(stateDir, { recursive: true, force: true });
});

test('order "fifo": 1,000 events of one key begin as they were sent, although the queue shuffles, repeats and delays, over two kills', async () => {
  const random = seededRandom(SEED);
  const kills = [...KILL_AT];
  for (let n = 0; n < EVENTS;) {
    const count = Math.min(1 + Math.floor(random() * 20), EVENTS - n);
    const events = Array.from({ length: count }, (_, i) => ({
      name: "order/book",
      data: { key: "k", n: n + i, ledger: ledger.url },
    }));
    const seed = makeSeed();
    await until("events are acknowledged", 60_000, () => send(platform.url, events, seed));
    n += count;
    if (n < (kills[0] ?? Number.POSITIVE_INFINITY)) continue;
    kills.shift();
    await platform.killGroup();
    platform = await spawnPlatform({ stateDir, worker, port: platform.port });
  }
  expect(kills).toEqual([]);
  const began = () => [...new Set(ledger.log.map(({ eventKey }) => Number(eventKey)))];
  await until("all runs have begun", SETTLE_WITHIN_MS, async () => began().length === EVENTS);
  expect(began()).toEqual([...Array(EVENTS).keys()]);
  expect(ledger.most.get("k")).toBe(1);
});
