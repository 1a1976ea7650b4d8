import { RUN_SCHEMA, type Run } from "../engine/run.ts";
import type { StartRequest } from "./objects.ts";

/** A run as it is before anything has happened in it. */
export function newRun({ env, runId, fn, events, invokers }: StartRequest, now: number): Run {
  return {
    schema: RUN_SCHEMA,
    id: runId,
    env,
    functionId: fn.id,
    appId: fn.appId,
    functionVersion: fn.version,
    retry: fn.retry,
    eventIds: events.map((logged) => logged.record.internalId),
    eventName: events[0]?.record.event.name ?? "",
    invokers,
    createdAt: now,
    epoch: 0,
    attempt: 0,
    attemptAt: -1,
    losses: 0,
    position: 0,
    steps: 0,
    bytes: 0,
    state: { kind: "blocked" },
    http: fn.transport.kind === "http" ? { version: -1, pending: 0, discoveries: 0, emptyAt: null } : undefined,
  };
}
