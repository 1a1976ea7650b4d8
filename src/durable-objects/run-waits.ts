import { cancelsUntil } from "../engine/run-cancel.ts";
import { runTime } from "../engine/run-clock.ts";
import { cancelIndex, isEnded, type Run } from "../engine/run.ts";
import type { EventRecord } from "../protocol/event.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Signal } from "../protocol/signal.ts";
import { isAfter } from "./new-run.ts";
import type { LoggedEvent } from "./objects.ts";
import type { RunDecisions } from "./run-decisions.ts";
import type { RunRecord } from "./run-record.ts";

/** The waits of a run, and which events answer them. */
export class RunWaits {
  readonly #record: RunRecord;
  readonly #decisions: RunDecisions;

  constructor(record: RunRecord, decisions: RunDecisions) {
    this.#record = record;
    this.#decisions = decisions;
  }

  isOpen(stepId: string): boolean {
    if (cancelIndex(stepId) !== undefined) return !isEnded(this.#record.current().state);
    const status = this.#record.stored.entry(stepId)?.status.kind;
    return !isEnded(this.#record.current().state) && (status === "registering" || status === "waiting");
  }

  /** EventDO holds the subscription of a wait, and has found these events in the log. */
  subscribed(stepId: string, found: LoggedEvent[]): void {
    const entry = this.#record.stored.entry(stepId);
    if (entry) this.#decisions.decide({ kind: "subscribed", entry });
    for (const logged of found) if (this.offer(stepId, logged, true) !== "declined") return;
  }

  /** Whether an event answers a wait: first of event and timeout wins, and an event answers a later wait of a run once. */
  offer(stepId: string, logged: LoggedEvent, found = false): "taken" | "declined" | "gone" {
    const { record, receivedAt } = logged;
    const run = this.#record.load();
    const cancels = cancelIndex(stepId);
    if (run && cancels !== undefined) return this.#offerCancel(run, cancels, logged);
    const { stored } = this.#record;
    const entry = run ? stored.entry(stepId) : undefined;
    if (!run || !entry?.wait || isEnded(run.state)) return "gone";
    const { status } = entry;
    if (status.kind !== "waiting" && status.kind !== "registering") return "gone";
    if (runTime(run, receivedAt) > status.until) return "gone"; // its own deadline ends it
    if (run.eventIds.includes(record.internalId)) return "declined"; // its own trigger
    const answeredAt = stored.answeredAt(record.internalId);
    if (answeredAt !== undefined && answeredAt < entry.opened) return "declined"; // an earlier wait of this run had it
    const memo = record.event as unknown as JsonObject;
    const answeredBy = answeredAt === undefined ? record.internalId : undefined;
    this.#decisions.decide({ kind: "answer", entry, memo, found }, answeredBy);
    return "taken";
  }

  /** Another run has the signal that a step was to wait for. */
  conflicted(stepId: string): void {
    const entry = this.#record.stored.entry(stepId);
    const open = this.#record.stored.openEntries();
    if (entry) this.#decisions.decide({ kind: "conflicted", entry, open });
  }

  /** A signal for a step: first of signal and timeout wins, and a step gets one. */
  signal(stepId: string, { name, data }: Signal, receivedAt: number): "taken" | "gone" {
    const run = this.#record.load();
    const entry = run ? this.#record.stored.entry(stepId) : undefined;
    if (!run || entry?.signal?.name !== name || !this.isOpen(stepId)) return "gone";
    const { status } = entry;
    if ("until" in status && runTime(run, receivedAt) > status.until) return "gone"; // its own deadline ends it
    this.#decisions.decide({ kind: "answer", entry, memo: { data: { signal: name, data } } });
    return "taken";
  }

  /** Whether an event came after a run's own. Of one instant another's does, and of one name the greater id, so that one is the last. */
  #isNews(run: Run, own: { at: number; id: string }, { internalId, event }: EventRecord, at: number): boolean {
    if (run.eventIds.includes(internalId)) return false;
    return isAfter({ at, id: internalId }, own) || (at === own.at && event.name !== run.eventName);
  }

  /** Whether an event cancels the run: only what was received after its own trigger does (features §3.10). */
  #offerCancel(run: Run, index: number, { record, receivedAt }: LoggedEvent): "taken" | "declined" | "gone" {
    const trigger = run.cancelOn?.triggers[index];
    if (!trigger || !run.cancelOn || isEnded(run.state)) return "gone";
    if (!this.#isNews(run, run.cancelOn.received, record, receivedAt)) return "declined";
    if (receivedAt > cancelsUntil(trigger, run.createdAt)) return "gone";
    const reason = `cancelOn: event "${record.event.name}" (${record.internalId})`;
    const open = this.#record.stored.openEntries();
    this.#decisions.decide({ kind: "cancel", reason, cascade: trigger.cascade, open });
    return "taken";
  }
}
