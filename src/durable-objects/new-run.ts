import { versionNote } from "../engine/run-rerun.ts";
import { RUN_SCHEMA, type Run } from "../engine/run.ts";
import { admissionOf } from "../flow-control/admit.ts";
import type { LoggedEvent, StartRequest } from "./objects.ts";

/** A run as it is before anything has happened in it. */
export function newRun({ env, runId, fn, events, invokers, rerun }: StartRequest, now: number): Run {
  const { timeouts, cancelOn } = fn.flow ?? {};
  const [first] = events;
  const admission = first && admissionOf(fn, env, first.record.event, now, first.record.overlap);
  const { transport } = fn;
  const isEndpoint = transport.kind === "endpoint";
  return {
    schema: RUN_SCHEMA,
    id: runId,
    env,
    functionId: fn.id,
    appId: fn.appId,
    functionVersion: fn.version,
    retry: fn.retry,
    eventIds: events.map((logged) => logged.record.internalId),
    eventName: first?.record.event.name ?? "",
    invokers,
    createdAt: now,
    admission: admission ?? undefined,
    cancelOn: cancelOn && { triggers: cancelOn, received: lastReceived(events) },
    timeouts,
    cancelAt: timeouts?.startMs == null ? undefined : now + timeouts.startMs,
    epoch: 0,
    attempt: 0,
    attemptAt: -1,
    losses: 0,
    position: 0,
    steps: 0,
    bytes: 0,
    state: { kind: "blocked" },
    http:
      transport.kind !== "local" && transport.kind !== "binding"
        ? { version: isEndpoint ? 2 : -1, pending: 0, discoveries: 0, emptyAt: null }
        : undefined,
    binding: transport.kind === "binding" ? transport.binding : undefined,
    rerunOf: rerun && { runId: rerun.of },
    warnings: rerun?.from && rerun.version !== fn.version ? [versionNote(rerun, fn.version)] : undefined,
    endpoint: isEndpoint ? true : undefined,
  };
}

/** What came after these events may cancel their run. */
function lastReceived(events: LoggedEvent[]): { at: number; id: string } {
  const received = events.map(({ record, receivedAt }) => ({ at: receivedAt, id: record.internalId }));
  return received.reduce((last, one) => (isAfter(one, last) ? one : last), received[0] ?? { at: 0, id: "" });
}

/** Whether an event was received after another: at the same instant ids of one request tell. */
export function isAfter(one: { at: number; id: string }, other: { at: number; id: string }): boolean {
  return one.at === other.at ? one.id > other.id : one.at > other.at;
}
