import type { Sql } from "./sql.ts";
import { SqlAuditStore } from "./sql-audit-store.ts";
import { SqlClaimStore } from "./sql-claim-store.ts";
import { SqlKeyStore } from "./sql-key-store.ts";
import { SqlLogStore } from "./sql-log-store.ts";
import { SqlRegistryStore } from "./sql-registry-store.ts";
import { SqlRunStore } from "./sql-run-store.ts";
import { SqlScheduleStore } from "./sql-schedule-store.ts";
import { SqlWaitStore } from "./sql-wait-store.ts";
import type { Stores } from "./stores.ts";

/** Stores in an object's SQLite. */
export function sqlStores(sql: Sql): Stores {
  return {
    run: () => new SqlRunStore(sql),
    log: () => new SqlLogStore(sql),
    waits: () => new SqlWaitStore(sql),
    registry: () => new SqlRegistryStore(sql),
    schedules: () => new SqlScheduleStore(sql),
    claims: () => new SqlClaimStore(sql),
    audit: () => new SqlAuditStore(sql),
    key: () => new SqlKeyStore(sql),
  };
}
