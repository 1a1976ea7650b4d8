import { describe, expect, test } from "vitest";
import type { AppSync } from "../../src/durable-objects/objects.ts";
import type { RegistryStore } from "../../src/durable-objects/storage/stores.ts";
import type { RegisteredFunction } from "../../src/protocol/function-config.ts";
import { DEFAULT_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";
import { NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

export const fn = (id: string, more: Partial<RegisteredFunction> = {}): RegisteredFunction => ({
  id: `shop-${id}`,
  name: id,
  appId: "shop",
  version: 0,
  triggers: [{ event: "a", expression: null }],
  crons: [],
  retry: DEFAULT_RETRY_POLICY,
  transport: { kind: "local" },
  ...more,
});
let syncs = 0;
export const sync = (functions: RegisteredFunction[], more: Partial<AppSync> = {}): AppSync => ({
  appId: "shop",
  url: null,
  sdk: "js:v1",
  framework: "hono",
  checksum: `sum ${++syncs}`,
  functions,
  ...more,
});

export function registryStoreContract(open: Open): void {
  function opened() {
    const { stores } = open();
    const reopened = () => stores.registry();
    const versions = () =>
      Object.fromEntries(
        reopened()
          .functions()
          .map((found) => [found.id, found.version]),
      );
    return { store: stores.registry(), reopened, versions };
  }

  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    const store = storage.stores.registry();
    store.unflag("a");
    store.closeLog("x");
    store.dropSchedule("shop-a", "* * * * *");
    store.syncSucceeded("https://app.example.com/");
    expect([store.functions(), store.apps(), store.unsynced(), store.isWaited("a"), store.logs()]).toEqual([
      [],
      [],
      [],
      false,
      [],
    ]);
    store.dropBulk("replay", "1");
    expect([store.pauses(), store.bulks("replay", null, 9), store.isBulk("replay", "1")]).toEqual([[], [], false]);
    expect([
      store.schedules(),
      store.archivedFunction("x"),
      store.archive("x", NOW),
      store.takenBy(sync([fn("a")])),
    ]).toEqual([[], null, false, null]);
    expect(storage.isUntouched()).toBe(true);
  });

  describe("versions of functions", () => {
    test("the first is 1; only a change makes the next", () => {
      const { store, versions } = opened();
      store.sync(sync([fn("a"), fn("b")]), NOW);
      expect(versions()).toEqual({ "shop-a": 1, "shop-b": 1 });
      store.sync(sync([fn("a"), fn("b", { triggers: [] })]), NOW);
      expect(versions()).toEqual({ "shop-a": 1, "shop-b": 2 });
    });

    test("a function that is missing is archived; back unchanged it goes on with its version", () => {
      const { store, versions } = opened();
      store.sync(sync([fn("a"), fn("b")]), NOW);
      store.sync(sync([fn("a", { name: "A" })]), NOW);
      expect(versions()).toEqual({ "shop-a": 2 });
      store.sync(sync([fn("b")]), NOW);
      expect(versions()).toEqual({ "shop-b": 1 });
      store.sync(sync([fn("a")]), NOW); // back, changed since version 2
      expect(versions()).toEqual({ "shop-a": 3 });
    });

    test("[G11] a sync touches no other app's functions", () => {
      const { store, versions } = opened();
      store.sync(sync([fn("a")]), NOW);
      store.sync(sync([], { appId: "other" }), NOW);
      expect(versions()).toEqual({ "shop-a": 1 });
    });
  });

  describe("[§2.2] a sync", () => {
    test("of the same checksum is unmodified and changes nothing", () => {
      const { store, versions } = opened();
      const first = sync([fn("a")]);
      expect(store.sync(first, NOW)).toBe(true);
      expect(store.sync({ ...first, functions: [] }, NOW + 5)).toBe(false);
      expect([versions(), store.apps()[0]?.syncedAt]).toEqual([{ "shop-a": 1 }, NOW]);
    });

    test("shows the app as it said it is", () => {
      const { store } = opened();
      store.sync(sync([], { url: "https://app.example.com" }), NOW);
      store.sync(sync([], { url: "https://new.example.com" }), NOW + 1);
      expect(store.apps()).toEqual([
        {
          id: "shop",
          url: "https://new.example.com",
          sdk: "js:v1",
          framework: "hono",
          appVersion: null,
          version: 2,
          syncedAt: NOW + 1,
          archivedAt: null,
          error: null,
        },
      ]);
    });

    test("keeps the app's own version, and counts those that changed something", () => {
      const { store } = opened();
      const versions = () => store.apps().map((app) => [app.appVersion, app.version]);
      const first = sync([], { appVersion: "v1" });
      store.sync(first, NOW);
      store.sync(first, NOW);
      expect(versions()).toEqual([["v1", 1]]);
      store.sync(sync([], { appVersion: "v2" }), NOW);
      expect(versions()).toEqual([["v2", 2]]);
    });
  });

  describe("an archived app", () => {
    test("has no functions to start, but its runs find theirs", () => {
      const { store, versions } = opened();
      store.sync(sync([fn("a")]), NOW);
      expect(store.archivedFunction("shop-a")).toBe(null);
      expect(store.archive("shop", NOW + 5)).toBe(true);
      expect([versions(), store.apps()[0]?.archivedAt]).toEqual([{}, NOW + 5]);
      expect(store.archivedFunction("shop-a")).toMatchObject({ id: "shop-a", version: 1 });
    });

    test("is restored by its next sync, even an unchanged one; functions keep their versions", () => {
      const { store, versions } = opened();
      const same = sync([fn("a")]);
      store.sync(same, NOW);
      store.archive("shop", NOW + 5);
      expect(store.sync(same, NOW + 10)).toBe(true);
      expect([versions(), store.apps()]).toMatchObject([{ "shop-a": 1 }, [{ archivedAt: null, syncedAt: NOW + 10 }]]);
      expect(store.sync(same, NOW + 20)).toBe(false);
    });

    test("archived again stays archived since; an unknown one is told", () => {
      const { store } = opened();
      expect(store.archive("shop", NOW)).toBe(false);
      store.sync(sync([]), NOW);
      store.archive("shop", NOW + 1);
      expect([store.archive("shop", NOW + 2), store.apps()[0]?.archivedAt]).toEqual([true, NOW + 1]);
    });

    test("[G11] leaves its function ids to others", () => {
      const { store } = opened();
      store.sync(sync([fn("a")]), NOW);
      const other = sync([fn("a", { appId: "shop-x" })], { appId: "shop-x" });
      expect(store.takenBy(other)).toEqual({ functionId: "shop-a", appId: "shop" });
      store.archive("shop", NOW);
      expect(store.takenBy(other)).toBe(null);
    });
  });

  describe("a sync that fails", () => {
    const error = { code: "forbidden", message: "no", at: NOW } as const;
    const url = "https://app.example.com/";

    test("is told beside the app of its URL, until one succeeds; nothing else changes", () => {
      const { store } = opened();
      const same = sync([], { url });
      store.sync(same, NOW);
      const [before] = store.apps();
      store.syncFailed(url, error);
      store.syncFailed(url, { ...error, at: NOW + 1 });
      expect([store.apps(), store.unsynced()]).toEqual([[{ ...before, error: { ...error, at: NOW + 1 } }], []]);
      expect(store.sync(same, NOW + 5)).toBe(false);
      expect(store.apps()).toEqual([before]);
    });

    test("of a URL that never was synced is told by itself", () => {
      const { store } = opened();
      store.syncFailed(url, error);
      expect([store.apps(), store.unsynced()]).toEqual([[], [{ url, error }]]);
      store.syncSucceeded(url);
      expect(store.unsynced()).toEqual([]);
    });

    test("is forgotten when a hundred others have failed since", () => {
      const { store } = opened();
      for (let i = 0; i <= 100; i++) store.syncFailed(`https://${i}.example.com/`, { ...error, at: NOW + i });
      const urls = store.unsynced().map((one) => one.url);
      expect([urls.length, urls.includes("https://0.example.com/"), urls.includes("https://100.example.com/")]).toEqual(
        [100, false, true],
      );
    });
  });

  test("names with waits are flagged until unflagged, however often", () => {
    const { store, reopened } = opened();
    store.flag("a");
    store.flag("a");
    expect([reopened().isWaited("a"), store.isWaited("b")]).toEqual([true, false]);
    store.unflag("a");
    expect(store.isWaited("a")).toBe(false);
  });

  test("logs are listed newest first, once", () => {
    const { store } = opened();
    for (const log of ["2026-01-01.0", "2026-01-02.3", "2026-01-01.0"]) store.openLog(log);
    expect(store.logs()).toEqual(["2026-01-02.3", "2026-01-01.0"]);
    store.closeLog("2026-01-02.3");
    expect(store.logs()).toEqual(["2026-01-01.0"]);
  });

  describe("schedules", () => {
    const row = { functionId: "shop-a", cron: "0 * * * *", nextAt: NOW, missed: 0, idAt: null };

    test("are kept, move on, and go", () => {
      const { store, reopened } = opened();
      store.addSchedule("shop-a", "0 * * * *", NOW);
      store.addSchedule("shop-a", "0 0 1 1 *", null);
      const read = () =>
        reopened()
          .schedules()
          .filter(({ cron }) => cron === row.cron);
      expect(read()).toEqual([row]);
      const settled = { nextAt: NOW + 5, missed: 3, idAt: NOW + 9 };
      store.moveSchedule(row, settled);
      expect(read()).toEqual([{ ...row, ...settled }]);
      store.dropSchedule("shop-a", "0 * * * *");
      expect([read(), store.schedules().length]).toEqual([[], 1]);
    });

    test("one that has moved in the meantime, or gone, is not moved back", () => {
      const { store } = opened();
      store.addSchedule("shop-a", "0 * * * *", NOW + 1);
      store.moveSchedule(row, { nextAt: NOW + 5, missed: 0, idAt: null });
      expect(store.schedules()).toEqual([{ ...row, nextAt: NOW + 1 }]);
      store.dropSchedule("shop-a", "0 * * * *");
      store.moveSchedule(row, { nextAt: NOW + 5, missed: 0, idAt: null });
      expect(store.schedules()).toEqual([]);
    });
  });

  describe("pauses", () => {
    const pause = { triggers: "hold", at: NOW } as const;
    const row = { functionId: "shop-a", pause, endedAt: NOW - 5, isOpening: true };

    test("are kept, one for each function, whatever is synced", () => {
      const { store, reopened } = opened();
      store.putPause({ functionId: "shop-a", pause: null, endedAt: null, isOpening: false });
      store.putPause(row);
      store.sync(sync([fn("a")]), NOW);
      store.sync(sync([]), NOW);
      store.archive("shop", NOW);
      expect(reopened().pauses()).toEqual([row]);
    });
  });

  test.each(["cancellation", "replay"] as const)(
    "bulk operations of a kind are listed newest first, from an id on, each once: %s",
    (kind) => {
      const { store, reopened } = opened();
      const other = kind === "replay" ? "cancellation" : "replay";
      for (const id of ["2", "1", "3", "2"]) store.addBulk(kind, id);
      store.addBulk(other, "4");
      expect([store.bulks(kind, null, 9), store.bulks(kind, null, 2), store.bulks(kind, "3", 1)]).toEqual([
        ["3", "2", "1"],
        ["3", "2"],
        ["2"],
      ]);
      store.dropBulk(kind, "2");
      store.dropBulk(other, "3");
      const again = reopened();
      expect([again.bulks(kind, "3", 9), store.isBulk(kind, "2"), store.isBulk(kind, "3")]).toEqual([
        ["1"],
        false,
        true,
      ]);
      expect([again.bulks(other, null, 9), store.isBulk(other, "3")]).toEqual([["4"], false]);
    },
  );

  test("what is listed is in order, by bytes", () => {
    const { store } = opened();
    const ids = [...NAMES];
    for (const id of ids) store.sync(sync([fn(id, { id: `f/${id}`, appId: id })], { appId: id }), NOW);
    for (const id of ids) {
      store.addSchedule(id, "b", NOW);
      store.addSchedule(id, "a", NOW);
      store.syncFailed(id, { code: "forbidden", message: "no", at: NOW });
      store.putPause({ functionId: id, pause: null, endedAt: NOW, isOpening: false });
    }
    const sorted = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(sorted).not.toEqual(ids.toSorted());
    expect(store.apps().map((app) => app.id)).toEqual(sorted);
    expect(store.functions().map((found) => found.appId)).toEqual(sorted);
    expect(store.unsynced().map(({ url }) => url)).toEqual(sorted);
    expect(store.pauses().map(({ functionId }) => functionId)).toEqual(sorted);
    expect(store.schedules().map(({ functionId, cron }) => [functionId, cron])).toEqual(
      sorted.flatMap((id) => [
        [id, "a"],
        [id, "b"],
      ]),
    );
  });
}

const APPS = ["shop", "shop-x", "bank"];
const FUNCTIONS = ["a", "b", "é", "😀", "ﬀ"];

export function registryUse(): Use<RegistryStore> {
  return {
    open: (stores) => stores.registry(),
    begin: (store) => store.openLog("2026-01-01.0"),
    next(random) {
      const [appId, id, name] = [random.pick(APPS), random.pick(FUNCTIONS), random.pick(NAMES)];
      const at = NOW + random.below(9);
      const instant = random.pick([null, NOW, NOW + 1]);
      const kind = random.pick(["cancellation", "replay"] as const);
      switch (random.below(18)) {
        case 0:
          return (store) => store.archive(appId, at);
        case 1:
          return (store) => store.syncFailed(`https://${name}/`, { code: "forbidden", message: "no", at });
        case 2:
          return (store) => store.syncSucceeded(`https://${name}/`);
        case 3:
          return (store) => store.addSchedule(id, name, instant);
        case 4:
        case 5: {
          const from = { functionId: id, cron: name, nextAt: instant, missed: 0, idAt: null };
          return (store) => store.moveSchedule(from, { nextAt: NOW + 1, missed: 2, idAt: at });
        }
        case 6:
          return (store) => store.dropSchedule(id, name);
        case 7:
          return (store) => store.flag(name);
        case 8:
          return (store) => store.unflag(name);
        case 9:
          return (store) => store.openLog(`2026-01-0${at - NOW}`);
        case 13: {
          const pause = instant === null ? null : { triggers: random.pick(["skip", "hold"] as const), at };
          return (store) => store.putPause({ functionId: id, pause, endedAt: instant, isOpening: at > NOW + 4 });
        }
        case 14:
          return (store) => store.addBulk(kind, name);
        case 15:
          return (store) => store.dropBulk(kind, name);
        case 16:
          return (store) => store.openEnvironment(name);
        case 17:
          return (store) => store.closeEnvironment(name);
        case 10:
          return (store) => store.closeLog(`2026-01-0${at - NOW}`);
        default: {
          const functions = [...new Set(random.list(0, 4, () => random.pick(FUNCTIONS)))].map((one) =>
            fn(one, { appId, name: random.pick([one, "other"]), triggers: [] }),
          );
          const given = sync(functions, {
            appId,
            url: random.pick([null, `https://${name}/`]),
            checksum: random.pick(["1", "2", "3"]),
          });
          return (store) => [store.takenBy(given), store.sync(given, at)];
        }
      }
    },
    read: (store) => ({
      apps: [store.apps(), store.unsynced()],
      functions: [store.functions(), FUNCTIONS.map((id) => store.archivedFunction(`shop-${id}`))],
      schedules: store.schedules(),
      pauses: store.pauses(),
      bulks: (["cancellation", "replay"] as const).map((kind) => [
        store.bulks(kind, null, 99),
        store.bulks(kind, "a/b", 2),
        store.isBulk(kind, "a"),
      ]),
      waited: NAMES.map((name) => store.isWaited(name)),
      logs: store.logs(),
      environments: store.environments(),
    }),
  };
}
