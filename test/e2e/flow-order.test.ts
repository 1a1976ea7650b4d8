import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSeed } from "../../src/sdk/send.ts";
import { LedgerStage } from "../helpers/ledger-stage.ts";
import { send, until } from "../helpers/platform-api.ts";
import { seededRandom } from "../helpers/random.ts";

const SEED = Number(process.env.KILL_SEED ?? 20261121);
const EVENTS = 1_000;
const KILL_AT = [300, 650];
const SETTLE_WITHIN_MS = 180_000;

let stage: LedgerStage;

beforeAll(async () => {
  stage = await LedgerStage.open("order", "order-worker.ts");
});
afterAll(() => stage?.close());

test('order "fifo": 1,000 events of one key begin as they were sent, although the queue shuffles, repeats and delays, over two kills', async () => {
  const random = seededRandom(SEED);
  const kills = [...KILL_AT];
  for (let n = 0; n < EVENTS;) {
    const count = Math.min(1 + Math.floor(random() * 20), EVENTS - n);
    const events = Array.from({ length: count }, (_, i) => ({
      name: "order/book",
      data: { key: "k", n: n + i, ledger: stage.ledger.url },
    }));
    const seed = makeSeed();
    await until("events are acknowledged", 60_000, () => send(stage.url, events, seed));
    n += count;
    if (n < (kills[0] ?? Number.POSITIVE_INFINITY)) continue;
    kills.shift();
    await stage.killAndRestart();
  }
  expect(kills).toEqual([]);
  const began = () => [...new Set(stage.ledger.log.map(({ eventKey }) => Number(eventKey)))];
  await until("all runs have begun", SETTLE_WITHIN_MS, async () => began().length === EVENTS);
  expect(began()).toEqual([...Array(EVENTS).keys()]);
  expect(stage.ledger.most.get("k")).toBe(1);
});
