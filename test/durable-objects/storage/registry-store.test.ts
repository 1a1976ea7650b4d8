/** What the registry's SQLite has of its own; what every storage keeps to is in test/contract. */
import { expect, test } from "vitest";
import { SqlRegistryStore } from "../../../src/durable-objects/storage/sql-registry-store.ts";
import { fn, sync } from "../../contract/registry-store.ts";
import { MemorySql } from "../../helpers/memory-sql.ts";
import { NOW } from "../../helpers/run-builder.ts";

function opened() {
  const sql = new MemorySql();
  const store = new SqlRegistryStore(sql);
  const versions = () =>
    Object.fromEntries(new SqlRegistryStore(sql).functions().map((found) => [found.id, found.version]));
  return { sql, store, versions };
}

test("finds rows and tables of an earlier version of the platform", () => {
  const { sql, store } = opened();
  sql.exec("CREATE TABLE app (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, json TEXT NOT NULL) WITHOUT ROWID");
  const old = { id: "shop", url: "https://a.example/", sdk: "", framework: "", syncedAt: NOW, error: null };
  sql.exec("INSERT INTO app VALUES ('shop', 'x', ?)", JSON.stringify(old));
  expect(store.apps()).toEqual([{ ...old, appVersion: null, version: 1, archivedAt: null }]);
  store.syncFailed("https://a.example/", { code: "forbidden", message: "no", at: NOW });
  expect(store.apps()[0]?.error).toEqual({ code: "forbidden", message: "no", at: NOW });
});

test("a registry of an older version has none, and its functions neither; nothing else changes", () => {
  const { sql, store, versions } = opened();
  store.sync(sync([fn("a"), fn("b")]), NOW);
  store.sync(sync([fn("b")]), NOW);
  sql.exec("DROP TABLE schedule");
  sql.exec("UPDATE function SET json = json_remove(json, '$.crons')");
  const upgraded = new SqlRegistryStore(sql);
  expect([upgraded.schedules(), upgraded.functions()]).toEqual([[], [fn("b", { version: 1 })]]);
  expect(upgraded.archivedFunction("shop-a")).toEqual(fn("a", { version: 1 }));
  upgraded.sync(sync([fn("a"), fn("b")]), NOW);
  expect(versions()).toEqual({ "shop-a": 1, "shop-b": 1 });
});
