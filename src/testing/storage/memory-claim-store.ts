import type { DedupeClaim } from "../../durable-objects/objects.ts";
import type { ClaimStore } from "../../durable-objects/storage/stores.ts";
import type { DiskAccess } from "./memory-disk.ts";

interface StoredClaim {
  internalId: string;
  expiresAt: number;
}

/** Claims in memory. Table: `claim`, by user id and function. */
export class MemoryClaimStore implements ClaimStore {
  readonly #disk: DiskAccess;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  claim(claims: DedupeClaim[], now: number, expiresAt: number): string[] {
    return this.#disk.transaction(() =>
      claims.map(({ userId, functionId, internalId }) => {
        const key = JSON.stringify([userId, functionId]);
        const text = this.#disk.text("claim", key);
        const known: StoredClaim | undefined = text === undefined ? undefined : JSON.parse(text);
        if (known && known.expiresAt > now) return known.internalId;
        this.#disk.put("claim", key, JSON.stringify({ internalId, expiresAt }));
        return internalId;
      }),
    );
  }

  holders(claims: Omit<DedupeClaim, "internalId">[], now: number): (string | null)[] {
    return claims.map(({ userId, functionId }) => {
      const text = this.#disk.text("claim", JSON.stringify([userId, functionId]));
      const known: StoredClaim | undefined = text === undefined ? undefined : JSON.parse(text);
      return known && known.expiresAt > now ? known.internalId : null;
    });
  }

  expire(now: number): void {
    const expired = [...this.#claims()].filter(([, claim]) => claim.expiresAt <= now);
    this.#disk.transaction(() => {
      for (const [key] of expired) this.#disk.delete("claim", key);
    });
  }

  nextExpiry(): number | null {
    let next: number | null = null;
    for (const [, { expiresAt }] of this.#claims()) next = next === null ? expiresAt : Math.min(next, expiresAt);
    return next;
  }

  *#claims(): Generator<[key: string, claim: StoredClaim]> {
    for (const [key, text] of this.#disk.from("claim")) yield [key, JSON.parse(String(text))];
  }
}
