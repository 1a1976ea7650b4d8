/** What every storage keeps to, for each kind of store; and that all of them give the same answers. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import type { Stores } from "../../src/durable-objects/storage/stores.ts";
import type { DiskWatch, DiskWrite } from "../../src/testing/storage/memory-disk.ts";
import { seededRandom } from "../helpers/random.ts";
import { auditStoreContract, auditUse } from "./audit-store.ts";
import { claimStoreContract, claimUse } from "./claim-store.ts";
import { keyStoreContract, keyUse } from "./key-store.ts";
import { logStoreContract, logUse } from "./log-store.ts";
import { registryStoreContract, registryUse } from "./registry-store.ts";
import { runStoreContract, runUse } from "./run-store.ts";
import { scheduleStoreContract, scheduleUse } from "./schedule-store.ts";
import { openMemory, openSql, Random, type Use } from "./storages.ts";
import { waitStoreContract, waitUse } from "./wait-store.ts";

const STORAGES = [
  ["SQLite", openSql],
  ["memory", openMemory],
] as const;

describe.each(STORAGES)("stores in %s", (_, open) => {
  const fresh = () => open();
  describe("run", () => runStoreContract(fresh));
  describe("log", () => logStoreContract(fresh));
  describe("waits", () => waitStoreContract(fresh));
  describe("registry", () => registryStoreContract(fresh));
  describe("schedules", () => scheduleStoreContract(fresh));
  describe("claims", () => claimStoreContract(fresh));
  describe("audit", () => auditStoreContract(fresh));
  describe("key", () => keyStoreContract(fresh));
});

const OPERATIONS = 300;
const SEEDS = [1, 2, 3];
/** Reading all there is costs much more than an operation. */
const READ_EVERY = 4;
const TIMEOUT_MS = 30_000;

function compared<Store>(makeUse: () => Use<Store>): void {
  test.each(SEEDS)(
    "[seed %i] all storages read the same, whatever was done, and failed",
    (seed) => {
      const use = makeUse();
      const random = new Random(seededRandom(seed));
      const storages = STORAGES.map(([, open]) => open());
      let stores = storages.map((storage) => use.open(storage.stores));
      for (const store of stores) use.begin(store);
      for (let n = 0; n < OPERATIONS; n++) {
        const step = use.next(random);
        const fails = random.below(5) === 0 ? use.next(random) : null;
        const reopens = random.below(10) === 0;
        const outcomes = storages.map((storage, i) => {
          const store = stores[i]!;
          const body = () => void [step(store), fails?.(store), stop()];
          if (fails) expect(() => use.transaction?.(store, body) ?? storage.transaction(body)).toThrow();
          return [outcomeOf(() => step(store)), n % READ_EVERY === 0 ? use.read(store) : null];
        });
        // the assertion is slow, and needed only for what it has to say
        if (!isDeepStrictEqual(outcomes[0], outcomes[1]))
          expect(outcomes[1], `operation ${n}`).toStrictEqual(outcomes[0]);
        if (reopens) stores = storages.map((storage) => use.open(storage.stores));
      }
    },
    TIMEOUT_MS,
  );

  test(
    "a transaction that fails half-way leaves nothing",
    () => {
      const use = makeUse();
      const random = new Random(seededRandom(7));
      for (const [, open] of STORAGES) {
        const storage = open();
        use.begin(use.open(storage.stores));
        for (let n = 0; n < 25; n++) {
          const store = use.open(storage.stores);
          const before = use.read(store);
          const steps = random.list(1, 5, () => use.next(random));
          expect(() =>
            storage.transaction(() => {
              for (const step of steps) outcomeOf(() => step(store));
              stop();
            }),
          ).toThrow("stop");
          expect(use.read(use.open(storage.stores))).toEqual(before);
          outcomeOf(() => use.next(random)(store));
        }
      }
    },
    TIMEOUT_MS,
  );

  test(
    "a commit that fails leaves nothing; one that fails afterwards, everything; each method commits once",
    () => {
      const use = makeUse();
      const random = new Random(seededRandom(8));
      const watch: Partial<DiskWatch> = {};
      const watched = openMemory(watch);
      const other = openMemory();
      const [store, twin] = [use.open(watched.stores), use.open(other.stores)];
      for (const one of [store, twin]) use.begin(one);
      let commits = 0;
      for (let n = 0; n < 100; n++) {
        const step = use.next(random);
        const before = use.read(store);
        let written: readonly DiskWrite[] = [];
        watch.committing = (writes) => ((written = writes), stop());
        const first = outcomeOf(() => step(store));
        watch.committing = undefined;
        expect(use.read(store)).toEqual(before);
        let committed = 0;
        watch.committed = () => ((committed += 1), stop());
        const second = outcomeOf(() => step(store));
        watch.committed = undefined;
        const plain = outcomeOf(() => step(twin));
        expect(use.read(store)).toEqual(use.read(twin));
        expect(committed).toBe(written.length > 0 ? 1 : 0);
        if (committed > 0) expect([first, second]).toEqual(["Error: stop", "Error: stop"]);
        else expect([first, second]).toEqual([plain, plain]);
        commits += committed;
      }
      expect(commits).toBeGreaterThan(25);
    },
    TIMEOUT_MS,
  );
}

describe("run", () => compared(runUse));
describe("log", () => compared(logUse));
describe("waits", () => compared(waitUse));
describe("registry", () => compared(registryUse));
describe("schedules", () => compared(scheduleUse));
describe("claims", () => compared(claimUse));
describe("audit", () => compared(auditUse));
describe("key", () => compared(keyUse));

test.each(STORAGES)("each call makes a store of its own on the same storage in %s", (_, open) => {
  const { stores } = open();
  for (const kind of ["run", "log", "waits", "registry", "claims", "audit", "key"] satisfies (keyof Stores)[])
    expect(stores[kind]()).not.toBe(stores[kind]());
});

function stop(): never {
  throw new Error("stop");
}

/** The result, or that it failed: the words of an error may differ. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work() ?? null;
  } catch (error) {
    return error instanceof Error && error.message === "stop" ? String(error) : "failed";
  }
}
