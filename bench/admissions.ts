/** Flow control: leases that keys give, and runs that pass them. Per second. */
import type { Objects } from "../src/durable-objects/objects.ts";
import { derivedUlid } from "../src/protocol/ids.ts";
import type { Client } from "./client.ts";

const AT_ONCE = 50;
/** Nobody waits: what is measured is the hop, there and back. */
const LIMIT = 1_000_000;

/** Asks for so many leases, and gives each back, from inside the platform's Worker. */
export async function admitAndRelease(objects: Objects, env: string, leases: number, keys: number): Promise<void> {
  const random = crypto.randomUUID();
  const numbers = Array.from({ length: leases }, (_, i) => i)[Symbol.iterator]();
  const one = async (i: number) => {
    const key = objects.leases(env, `concurrency/step/0-fn/bench/${random}-${i % keys}`);
    const runId = derivedUlid(Date.now(), `${random}/${i}`);
    const leaseId = `${runId}.1`;
    const policy = { rule: "concurrency", limit: LIMIT, order: "age" } as const;
    await key.admit({ leaseId, env, runId, functionId: "bench", functionVersion: 1, policy, rank: i });
    await key.release(leaseId);
  };
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const i of numbers) await one(i);
    }),
  );
}

/** Between requests the platform is asked how it is, and a slow machine must have time to answer. */
const LEASES_PER_REQUEST = 200;

/** @returns leases given and taken back per second */
export async function admissions(client: Client, leases: number, keys: number): Promise<number> {
  const startedAt = performance.now();
  for (let done = 0; done < leases; done += LEASES_PER_REQUEST) {
    const count = Math.min(LEASES_PER_REQUEST, leases - done);
    await client.get(`/bench/admissions/${count}/${Math.min(count, keys)}`);
  }
  return (leases * 1000) / (performance.now() - startedAt);
}
