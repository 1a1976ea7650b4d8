import type { Overlap } from "./flow-control.ts";
import type { JsonObject } from "./json.ts";

/** An event as user code sees it: handlers, waits and expressions (inngest-protocol §1.1). */
export interface EventValue {
  /** the user's id, or the internal one when none was given */
  id: string;
  name: string;
  data: JsonObject;
  user: JsonObject;
  /** epoch ms; receipt time when the sender gave none */
  ts: number;
  v?: string;
  meta?: JsonObject;
}

/** An accepted event: what the log stores and the Queue carries. */
export interface EventRecord {
  /** ULID, unique in the environment; names the log object that holds it */
  internalId: string;
  /** the sender's idempotency id, absent when none was given */
  userId?: string;
  /** the function that this event starts, whatever its triggers: one whose schedule has ticked */
  functionId?: string;
  /** how its runs get along with those of the schedule's tick before */
  overlap?: Overlap;
  event: EventValue;
}

/** Names below this prefix are the platform's own; only it sends them (inngest-protocol §1.6). */
export const RESERVED_PREFIX = "inngest/";

export const internalEvents = {
  invoked: "inngest/function.invoked",
  failed: "inngest/function.failed",
  finished: "inngest/function.finished",
  cancelled: "inngest/function.cancelled",
  scheduledTimer: "inngest/scheduled.timer",
  deferred: "inngest/deferred.schedule",
} as const;
