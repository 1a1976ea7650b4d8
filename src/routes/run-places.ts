import type { Objects, PlaceView, RunSummary } from "../durable-objects/objects.ts";
import { gatesOf, leaseIdOf, type Gate, type Lease } from "../engine/lease.ts";

/** A lease that a run waits for: at which key, and where in its line; null while the key knows nothing of it (yet). */
export interface Place {
  lease: Lease;
  gate: Gate;
  place: PlaceView | null;
}

/** Of a run that waits for many, these are asked for; the others wait behind them. */
const PLACES_MAX = 10;

/** Where a run stands in the lines of its keys. */
export async function placesOf(objects: Objects, { run, leases = [] }: RunSummary): Promise<Place[]> {
  const { admission } = run;
  if (!admission) return [];
  const waiting = leases.flatMap((lease) => {
    const gate =
      lease.status === "waiting" || lease.status === "asking" ? gatesOf(lease, admission)[lease.passed] : null;
    return gate ? [{ lease, gate }] : [];
  });
  return Promise.all(
    waiting.slice(0, PLACES_MAX).map(async ({ lease, gate }) => {
      const place = await objects.leases(gate.env, gate.object).place(leaseIdOf(run.id, lease.seq));
      return { lease, gate, place };
    }),
  );
}
