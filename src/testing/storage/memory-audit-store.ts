import type { AuditStore } from "../../durable-objects/storage/stores.ts";
import { AUDIT_DROPPED_AT_ONCE, outdated, type AuditEntry, type Audited } from "../../protocol/audit.ts";
import type { DiskAccess } from "./memory-disk.ts";

/** An audit trail in memory. Table: `audit`, by number. */
export class MemoryAuditStore implements AuditStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  add(entry: AuditEntry, now: number): void {
    this.#disk.transaction(() => {
      const [last] = this.list(null, 1);
      const added: Audited = { ...entry, seq: (last?.seq ?? 0) + 1, at: now };
      this.#disk.put("audit", keyOf(added.seq), JSON.stringify(added));
      const oldest: Audited[] = [];
      for (const [, text] of this.#disk.from("audit")) {
        oldest.push(JSON.parse(String(text)));
        if (oldest.length === AUDIT_DROPPED_AT_ONCE) break;
      }
      for (const seq of outdated(oldest, added)) this.#disk.delete("audit", keyOf(seq));
    });
  }

  list(before: number | null, limit: number): Audited[] {
    const found: Audited[] = [];
    for (const [, text] of this.#disk.below("audit", before === null ? undefined : keyOf(before))) {
      if (found.length === limit) break;
      found.push(JSON.parse(String(text)));
    }
    return found;
  }
}

/** Keys are in the order of their bytes. */
function keyOf(seq: number): string {
  return String(seq).padStart(16, "0");
}
