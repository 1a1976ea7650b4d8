import { describe, expect, test } from "vitest";
import type { AppSync } from "../../../src/durable-objects/objects.ts";
import { RegistryStore } from "../../../src/durable-objects/storage/registry-store.ts";
import type { RegisteredFunction } from "../../../src/protocol/function-config.ts";
import { DEFAULT_RETRY_POLICY } from "../../../src/protocol/retry-policy.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { NOW } from "../../helpers/run-builder.ts";

const fn = (id: string, more: Partial<RegisteredFunction> = {}): RegisteredFunction => ({
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
const sync = (functions: RegisteredFunction[], more: Partial<AppSync> = {}): AppSync => ({
  appId: "shop",
  url: null,
  sdk: "js:v1",
  framework: "hono",
  checksum: `sum ${++syncs}`,
  functions,
  ...more,
});

function opened() {
  const sql = new MemorySql();
  const store = new RegistryStore(sql);
  const versions = () =>
    Object.fromEntries(new RegistryStore(sql).functions().map((found) => [found.id, found.version]));
  return { sql, store, versions };
}

test("[design §3] nothing is created by looking", () => {
  const { sql, store } = opened();
  store.unflag("a");
  expect([store.functions(), store.apps(), store.isWaited("a"), store.logs()]).toEqual([[], [], false, []]);
  expect(sql.objects()).toEqual([]);
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
      { id: "shop", url: "https://new.example.com", sdk: "js:v1", framework: "hono", syncedAt: NOW + 1, error: null },
    ]);
  });
});

test("names with waits are flagged until unflagged, however often", () => {
  const { sql, store } = opened();
  store.flag("a");
  store.flag("a");
  expect([new RegistryStore(sql).isWaited("a"), store.isWaited("b")]).toEqual([true, false]);
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
