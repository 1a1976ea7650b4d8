/** Apps, functions, events and runs as the schema has them; what costs a request is read when it is asked for. */
import type { AppView, LoggedEvent } from "../../durable-objects/objects.ts";
import type { RegisteredFunction } from "../../protocol/function-config.ts";
import { uuidOf } from "../../protocol/ids.ts";
import { traceIdOf } from "../../protocol/trace-context.ts";
import { outputAt } from "../run-trace.ts";
import type { RunView } from "../run-view.ts";
import type { Reader } from "./reader.ts";
import { cronOf, eventRunRow, isBatch, isCron, wireStatus, type RunRow } from "../run-rows.ts";
import { iso } from "../iso.ts";
import { spanNode } from "./spans.ts";

/** `FunctionRunV2` */
export function runV2Node(reader: Reader, row: RunRow) {
  const view = () => reader.view(row.runId);
  return {
    id: row.runId,
    appID: uuidOf(row.appId),
    app: () => appOf(reader, row.appId),
    functionID: uuidOf(row.functionId),
    function: () => functionOf(reader, row),
    traceID: traceIdOf(row.runId),
    queuedAt: iso(row.createdAt),
    startedAt: iso(row.startedAt),
    endedAt: iso(row.endedAt),
    status: wireStatus(row.status),
    sourceID: null,
    triggerIDs: async () => (await view()).run.eventIds,
    eventName: isCron(row.eventName) ? null : row.eventName,
    isBatch: async () => isBatch((await view()).run),
    batchCreatedAt: async () => batchCreatedAt(await view()),
    cronSchedule: async () => (isCron(row.eventName) ? cronOf((await view()).events) : null),
    output: async () => outputText(await view()),
    trace: async () => {
      const found = await view();
      return spanNode(found, await reader.trace(found), () => runNode(reader, row));
    },
    hasAI: async () => (await view()).entries.some(({ type }) => type.startsWith("step.ai") || type === "AIGateway"),
  };
}

/** `FunctionRun`, the older form */
export function runNode(reader: Reader, row: RunRow) {
  const view = () => reader.view(row.runId);
  const events = async () =>
    (await view()).events.map((record) => eventNode(reader, { record, receivedAt: row.createdAt }));
  return {
    id: row.runId,
    functionID: uuidOf(row.functionId),
    function: () => functionOf(reader, row),
    event: async () => (await events())[0] ?? null,
    events,
    batchID: async () => (isBatch((await view()).run) ? row.runId : null),
    batchCreatedAt: async () => batchCreatedAt(await view()),
    status: wireStatus(row.status),
    startedAt: iso(row.startedAt),
    finishedAt: iso(row.endedAt),
    output: async () => outputText(await view()),
    eventID: async () => (await view()).run.eventIds[0] ?? "",
    cron: async () => (isCron(row.eventName) ? cronOf((await view()).events) : null),
  };
}

/** Of a failed run its error, as JSON. */
export function outputText(view: RunView): string | null {
  const output = outputAt(view, { stepId: null, attempt: null });
  return output && JSON.stringify(output.error ?? output.data);
}

/** `Event`, the older form */
export function eventNode(reader: Reader, logged: LoggedEvent) {
  const { record, receivedAt } = logged;
  const { internalId, userId, event } = record;
  const runs = once(async () => (await reader.runsOf(logged)).map(eventRunRow));
  return {
    id: internalId,
    externalID: userId ?? internalId,
    name: event.name,
    createdAt: iso(receivedAt),
    payload: JSON.stringify(event.data),
    raw: JSON.stringify(event),
    status: async () => eventStatus(await runs()),
    pendingRuns: async () => (await runs()).filter(({ endedAt }) => endedAt === null).length,
    totalRuns: async () => (await runs()).length,
    functionRuns: async () => (await runs()).map((row) => runNode(reader, row)),
  };
}

export function eventV2Node(reader: Reader, logged: LoggedEvent) {
  const { record, receivedAt } = logged;
  const { internalId, userId, event } = record;
  return {
    envID: uuidOf(reader.env),
    id: internalId,
    idempotencyKey: userId ?? null,
    name: event.name,
    occurredAt: iso(event.ts),
    raw: JSON.stringify(event),
    receivedAt: iso(receivedAt),
    runs: async () => (await reader.runsOf(logged)).map((run) => runV2Node(reader, eventRunRow(run))),
    version: event.v ?? null,
  };
}

/** `StreamItem` */
export function streamNode(reader: Reader, logged: LoggedEvent) {
  const { internalId, event } = logged.record;
  const isTick = isCron(event.name);
  return {
    id: internalId,
    trigger: isTick ? (cronOf([logged.record]) ?? "") : event.name,
    type: isTick ? "CRON" : "EVENT",
    createdAt: iso(logged.receivedAt),
    runs: async () => (await reader.runsOf(logged)).map((run) => runNode(reader, eventRunRow(run))),
    inBatch: async () => (await reader.runsOf(logged)).some((run) => "summary" in run && isBatch(run.summary.run)),
  };
}

function eventStatus(runs: readonly RunRow[]): string {
  if (runs.length === 0) return "NO_FUNCTIONS";
  if (runs.some(({ endedAt }) => endedAt === null)) return "RUNNING";
  const failed = runs.filter(({ status }) => status === "Failed").length;
  return failed === 0 ? "COMPLETED" : failed === runs.length ? "FAILED" : "PARTIALLY_FAILED";
}

export function appNode(reader: Reader, app: AppView) {
  const own = async () => (await reader.registered()).functions.filter((fn) => fn.appId === app.id);
  const isConnect = async () => (await own()).some((fn) => fn.transport.kind === "connect");
  const [, sdkLanguage = "", sdkVersion = ""] = /^([^:]*):v?(.*)$/.exec(app.sdk) ?? [];
  return {
    id: uuidOf(app.id),
    externalID: app.id,
    name: app.id,
    sdkLanguage,
    sdkVersion,
    framework: app.framework,
    url: app.url,
    checksum: String(app.version),
    error: app.error?.message ?? null,
    functions: async () => (await own()).map((fn) => functionNode(reader, fn)),
    connectionType: async () => ((await isConnect()) ? "CONNECT" : "SERVERLESS"),
    method: async () => ((await isConnect()) ? "CONNECT" : "SERVE"),
    appVersion: app.appVersion,
    connected: app.error === null && app.archivedAt === null,
    functionCount: async () => (await own()).length,
    autodiscovered: false,
  };
}

async function appOf(reader: Reader, id: string) {
  const { apps } = await reader.registered();
  return appNode(reader, apps.find((app) => app.id === id) ?? unknownApp(id));
}

function unknownApp(id: string): AppView {
  return {
    id,
    url: null,
    sdk: "",
    framework: "",
    appVersion: null,
    version: 0,
    syncedAt: 0,
    archivedAt: 0,
    error: null,
  };
}

export function functionNode(reader: Reader, fn: RegisteredFunction) {
  const { id, name, appId, triggers, crons, transport, flow } = fn;
  return {
    id: uuidOf(id),
    name,
    slug: id,
    config: JSON.stringify(fn),
    concurrency: flow?.concurrency?.[0]?.limit ?? 0,
    triggers: [
      ...triggers.map(({ event, expression }) => ({ type: "EVENT", value: event, condition: expression })),
      ...crons.map(({ cron }) => ({ type: "CRON", value: cron, condition: null })),
    ],
    url: transport.kind === "http" ? transport.url : "",
    appID: uuidOf(appId),
    app: () => appOf(reader, appId),
    isPaused: fn.paused !== undefined,
  };
}

async function functionOf(reader: Reader, { functionId, appId }: RunRow) {
  const fn = await reader.function(functionId);
  return fn
    ? functionNode(reader, fn)
    : {
        id: uuidOf(functionId),
        name: functionId,
        slug: functionId,
        config: "{}",
        concurrency: 0,
        triggers: [],
        url: "",
        appID: uuidOf(appId),
        app: () => appOf(reader, appId),
        isPaused: false,
      };
}

export function batchCreatedAt({ run }: RunView): string | null {
  return isBatch(run) ? iso(run.createdAt) : null;
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => (value ??= read());
}
