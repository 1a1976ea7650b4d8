/** What lists say of a run without asking it, in the words of Inngest's newer APIs (inngest-protocol §10.4, §10.5). */
import type { RunIndexRow } from "../durable-objects/objects.ts";
import { isEnded, runStatus, type Run, type RunStatus } from "../engine/run.ts";
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import type { EventRun } from "./event-runs.ts";

/** What is known of a run without asking it. */
export type RunRow = Omit<RunIndexRow, "dueAt" | "eventId">;

const STATUSES = {
  Scheduled: "QUEUED",
  Running: "RUNNING",
  Completed: "COMPLETED",
  Failed: "FAILED",
  Cancelled: "CANCELLED",
  Skipped: "SKIPPED",
} as const satisfies Record<RunStatus, string>;

export type WireStatus = (typeof STATUSES)[RunStatus];

/** The platform's words for statuses of the schema. */
export function statusesOf(wire: readonly string[]): RunStatus[] {
  return (Object.entries(STATUSES) as [RunStatus, WireStatus][]).flatMap(([own, name]) =>
    wire.includes(name) ? [own] : [],
  );
}

export function wireStatus(status: RunStatus): WireStatus {
  return STATUSES[status];
}

export function rowOf(run: Run): RunRow {
  return {
    runId: run.id,
    functionId: run.functionId,
    appId: run.appId,
    eventName: run.eventName,
    status: runStatus(run),
    createdAt: run.createdAt,
    startedAt: run.startedAt ?? null,
    endedAt: isEnded(run.state) ? run.state.endedAt : null,
  };
}

export function eventRunRow(run: EventRun): RunRow {
  return "summary" in run ? rowOf(run.summary.run) : run.row;
}

export function isBatch(run: Run): boolean {
  return run.eventIds.length > 1;
}

export function isCron(eventName: string): boolean {
  return eventName === internalEvents.scheduledTimer;
}

export function cronOf([record]: readonly EventRecord[]): string | null {
  const cron = record?.event.data.cron;
  return record !== undefined && isCron(record.event.name) && typeof cron === "string" ? cron : null;
}
