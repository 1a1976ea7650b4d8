import { DurableObject } from "cloudflare:workers";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { installedParts } from "./installed.ts";
import { LogObject } from "./log-object.ts";
import type {
  EventFilter,
  EventPlace,
  LogInterest,
  LogObjectApi,
  RunIndexRow,
  RunListFilter,
  RunPlace,
  RunsQuery,
  SeqRange,
} from "./objects.ts";
import type { MetricsQuery } from "./run-metrics.ts";
import type { AppendPart } from "./storage/append-parts.ts";
import { workerdHost } from "./workerd-host.ts";

/** Log and run index of one day and shard. */
export class HistoryDO extends DurableObject implements LogObjectApi {
  readonly #log: LogObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#log = new LogObject(workerdHost(ctx), () => installedParts().retention);
  }

  append(request: AppendPart[], receivedAt: number) {
    return this.#log.append(request, receivedAt);
  }

  read(from: number, to: number) {
    return this.#log.read(from, to);
  }

  acknowledge(ranges: SeqRange[]) {
    return this.#log.acknowledge(ranges);
  }

  routed(seq: number | null) {
    return this.#log.routed(seq);
  }

  working(ranges: SeqRange[]) {
    return this.#log.working(ranges);
  }

  failed(ranges: SeqRange[], error: string) {
    return this.#log.failed(ranges, error);
  }

  event(internalId: string) {
    return this.#log.event(internalId);
  }

  events(filter: EventFilter) {
    return this.#log.events(filter);
  }

  since(name: string, from: number, cursor: number) {
    return this.#log.since(name, from, cursor);
  }

  index(row: RunIndexRow) {
    return this.#log.index(row);
  }

  listRuns(filter: RunListFilter, place: RunPlace | null) {
    return this.#log.listRuns(filter, place);
  }

  countRuns(filter: RunListFilter) {
    return this.#log.countRuns(filter);
  }

  runsOf(eventId: string) {
    return this.#log.runsOf(eventId);
  }

  runs(query: RunsQuery, after: RunPlace | null) {
    return this.#log.runs(query, after);
  }

  metrics(query: MetricsQuery) {
    return this.#log.metrics(query);
  }

  unindexed(functions: RegisteredFunction[], receivedFrom: number, place: EventPlace | null) {
    return this.#log.unindexed(functions, receivedFrom, place);
  }

  changes(place: string | null, withinMs: number, interest: LogInterest) {
    return this.#log.changes(place, withinMs, interest);
  }

  mayKnow(runId: string) {
    return this.#log.mayKnow(runId);
  }

  parked() {
    return this.#log.parked();
  }

  reroute(from: number, to: number) {
    return this.#log.reroute(from, to);
  }

  sweep() {
    return this.#log.sweep();
  }

  override alarm() {
    return this.#log.alarm();
  }
}
