import type { Stores } from "../../durable-objects/storage/stores.ts";
import { MemoryAuditStore } from "./memory-audit-store.ts";
import { MemoryClaimStore } from "./memory-claim-store.ts";
import type { DiskAccess } from "./memory-disk.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";
import { MemoryLogStore } from "./memory-log-store.ts";
import { MemoryRegistryStore } from "./memory-registry-store.ts";
import { MemoryRunStore } from "./memory-run-store.ts";
import { MemoryScheduleStore } from "./memory-schedule-store.ts";
import { MemoryWaitStore } from "./memory-wait-store.ts";

/** Stores on one instance's disk in memory. */
export function memoryStores(disk: DiskAccess): Stores {
  return {
    run: () => new MemoryRunStore(disk),
    log: () => new MemoryLogStore(disk),
    waits: () => new MemoryWaitStore(disk),
    registry: () => new MemoryRegistryStore(disk),
    schedules: () => new MemoryScheduleStore(disk),
    claims: () => new MemoryClaimStore(disk),
    audit: () => new MemoryAuditStore(disk),
    key: () => new MemoryKeyStore(disk),
  };
}
