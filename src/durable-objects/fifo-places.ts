/** Strict order: whoever routes an event takes the place of its run before the run is there (`flow-control/fifo.ts`). */
import { leaseIdOf } from "../engine/lease.ts";
import { admissionOf } from "../flow-control/admit.ts";
import { isFifo, isFifoFunction, type LogPlace } from "../flow-control/fifo.ts";
import { groupBy } from "../protocol/group-by.ts";
import type { Each } from "./intake.ts";
import {
  orderLogBefore,
  type AdmitRequest,
  type LoggedEvent,
  type Objects,
  type RouteMessage,
  type StartRequest,
} from "./objects.ts";

/** Far below what one RPC may carry. */
const RESERVED_AT_ONCE = 500;
/** A run whose event is for later than this asks later, and stands where it comes by then. */
const SOON_MS = 10_000;
/** A run asks for its start with the first of its leases. */
const START_SEQ = 1;

/** Where events of logs of order stand. */
export function placesOf(messages: RouteMessage[], events: LoggedEvent[][]): ReadonlyMap<LoggedEvent, LogPlace> {
  const places = new Map<LoggedEvent, LogPlace>();
  for (const [index, { log, from }] of messages.entries())
    if (orderLogBefore(log) !== null)
      for (const [offset, event] of (events[index] ?? []).entries()) places.set(event, { log, seq: from + offset });
  return places;
}

/** Takes places for the runs that are about to be started; until it has, their events count as not routed. */
export async function reservePlaces(
  objects: Objects,
  env: string,
  starts: readonly StartRequest[],
  places: ReadonlyMap<LoggedEvent, LogPlace>,
  each: Each,
): Promise<void> {
  const wanted = starts.flatMap((start) => placeOf(start, env, places) ?? []);
  await each([...groupBy(wanted, ({ object }) => object)], async ([object, ofKey]) => {
    for (let from = 0; from < ofKey.length; from += RESERVED_AT_ONCE) {
      const part = ofKey.slice(from, from + RESERVED_AT_ONCE);
      await objects.leases(env, object).reserve(part.map(({ request }) => request));
    }
  });
}

function placeOf(
  { runId, fn, events }: StartRequest,
  env: string,
  places: ReadonlyMap<LoggedEvent, LogPlace>,
): { object: string; request: AdmitRequest } | null {
  const [first] = events;
  // what a pause skips never asks
  if (!first || !isFifoFunction(fn) || fn.paused?.triggers === "skip") return null;
  const { record, receivedAt } = first;
  if (record.event.ts > receivedAt + SOON_MS) return null;
  const admission = admissionOf(fn, env, record.event, receivedAt, record.overlap);
  const gate = admission?.gates.find(({ policy }) => isFifo(policy));
  if (!admission || !gate) return null;
  return {
    object: gate.object,
    request: {
      leaseId: leaseIdOf(runId, START_SEQ),
      env,
      runId,
      functionId: fn.id,
      functionVersion: fn.version,
      policy: gate.policy,
      rank: admission.rank,
      key: gate.key,
      order: places.get(first),
    },
  };
}
