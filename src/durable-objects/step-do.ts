import { DurableObject } from "cloudflare:workers";
import { installedParts } from "./installed.ts";
import type { LoggedEvent, RunObjectApi, StartRequest } from "./objects.ts";
import { RunObject } from "./run-object.ts";
import { workerdHost } from "./workerd-host.ts";
import type { Refusal } from "../engine/lease.ts";
import type { Resolution } from "../engine/run-resolve.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { Annotating } from "../engine/metadata.ts";
import type { Memo } from "../protocol/call.ts";
import type { WorkerResult } from "../protocol/connect/result.ts";
import type { Signal } from "../protocol/signal.ts";
import type { AppSpan } from "../protocol/span.ts";

/** One run: journal, attempts, deadlines, outcome. The rules are in `engine/run-machine.ts`. */
export class StepDO extends DurableObject implements RunObjectApi {
  readonly #run: RunObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#run = new RunObject(workerdHost(ctx), () => installedParts().transports, installedParts().timing);
  }

  start(request: StartRequest) {
    return this.#run.start(request);
  }

  offer(stepId: string, logged: LoggedEvent) {
    return this.#run.offer(stepId, logged);
  }

  signal(stepId: string, signal: Signal, receivedAt: number) {
    return this.#run.signal(stepId, signal, receivedAt);
  }

  waitsForSignal(stepId: string) {
    return this.#run.waitsForSignal(stepId);
  }

  calleeEnded(stepId: string, memo: Memo) {
    return this.#run.calleeEnded(stepId, memo);
  }

  checkpoint(text: string) {
    return this.#run.checkpoint(text);
  }

  answered(requestId: string, result: WorkerResult, apps: string[] | null) {
    return this.#run.answered(requestId, result, apps);
  }

  workerMessage(requestId: string) {
    return this.#run.workerMessage(requestId);
  }

  endpointTold(functionUuid: string, ops: StepOp[]) {
    return this.#run.endpointTold(functionUuid, ops);
  }

  ended(withinMs: number) {
    return this.#run.ended(withinMs);
  }

  cancel(reason: string, cascade?: boolean) {
    return this.#run.cancel(reason, cascade);
  }

  admitted(leaseId: string, object: string) {
    return this.#run.admitted(leaseId, object);
  }

  refused(leaseId: string, object: string, refusal: Refusal) {
    return this.#run.refused(leaseId, object, refusal);
  }

  holding(leaseIds: string[]) {
    return this.#run.holding(leaseIds);
  }

  advance(byMs: number) {
    return this.#run.advance(byMs);
  }

  wake(step?: string) {
    return this.#run.wake(step);
  }

  pause() {
    return this.#run.pause();
  }

  resume() {
    return this.#run.resume();
  }

  resolve(step: string, resolution: Resolution) {
    return this.#run.resolve(step, resolution);
  }

  expire(stepId: string) {
    return this.#run.expire(stepId);
  }

  annotate(annotating: Annotating) {
    return this.#run.annotate(annotating);
  }

  annotations() {
    return this.#run.annotations();
  }

  addSpans(spans: AppSpan[]) {
    return this.#run.addSpans(spans);
  }

  spans() {
    return this.#run.spans();
  }

  logs() {
    return this.#run.logs();
  }

  summary() {
    return this.#run.summary();
  }

  journal(position: number) {
    return this.#run.journal(position);
  }

  changes(place: string | null, withinMs: number) {
    return this.#run.changes(place, withinMs);
  }

  poke() {
    return this.#run.poke();
  }

  forget() {
    return this.#run.forget();
  }

  override alarm() {
    return this.#run.alarm();
  }
}
