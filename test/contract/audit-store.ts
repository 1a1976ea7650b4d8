import { expect, test } from "vitest";
import type { AuditStore } from "../../src/durable-objects/storage/stores.ts";
import type { AuditEntry } from "../../src/protocol/audit.ts";
import { AUDIT_RETENTION_MS } from "../../src/protocol/limits.ts";
import { NOW } from "../helpers/run-builder.ts";
import { NAMES, type Open, type Use } from "./storages.ts";

const entry = (who: string, detail: string | null = null): AuditEntry => ({
  by: "session",
  who,
  method: "DELETE",
  path: "/v1/runs/01J0000000000000000000000X",
  detail,
  status: 200,
});

export function auditStoreContract(open: Open): void {
  test("[design §3] nothing is created by looking", () => {
    const storage = open();
    expect([storage.stores.audit().list(null, 9), storage.isUntouched()]).toEqual([[], true]);
  });

  test("what was done is listed newest first, from a number on, just as it was noted", () => {
    const { stores } = open();
    const store = stores.audit();
    for (const [index, who] of NAMES.entries()) store.add(entry(who, index % 2 === 0 ? who : null), NOW + index);
    const all = stores.audit().list(null, 99);
    expect(all.map(({ who }) => who)).toEqual(NAMES.toReversed());
    expect(all.at(-1)).toEqual({ ...entry("a", "a"), seq: 1, at: NOW });
    expect(store.list(all[2]!.seq, 2)).toEqual(all.slice(3, 5));
    expect(store.list(1, 9)).toEqual([]);
  });

  test("what is too old goes when something new comes, at most ten at a time", () => {
    const store = open().stores.audit();
    for (let n = 1; n <= 12; n++) store.add(entry("a"), NOW);
    store.add(entry("b"), NOW + AUDIT_RETENTION_MS);
    expect(store.list(null, 99)).toHaveLength(13);
    store.add(entry("c"), NOW + AUDIT_RETENTION_MS + 1);
    expect(store.list(null, 99).map(({ seq }) => seq)).toEqual([14, 13, 12, 11]);
    store.add(entry("d"), NOW + AUDIT_RETENTION_MS + 1);
    expect(store.list(null, 99).map(({ who }) => who)).toEqual(["d", "c", "b"]);
  });
}

export function auditUse(): Use<AuditStore> {
  let now = NOW;
  return {
    open: (stores) => stores.audit(),
    begin: (store) => store.add(entry("first"), NOW),
    next(random) {
      const at = (now += random.below(2) === 0 ? 0 : AUDIT_RETENTION_MS / 20);
      const added = entry(random.pick(NAMES));
      return (store) => store.add(added, at);
    },
    read: (store) => [store.list(null, 999), store.list(7, 2)],
  };
}
