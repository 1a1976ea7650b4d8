/**
 * What is stored of a run, and what of it is held in memory.
 *
 * 1. Truth is on disk: what is held here can be dropped at any time, and is read again when somebody asks.
 * 2. A decision is stored as a whole, with the alarm that looks after it, or not at all. After a failure what is held counts
 *    no longer, and its owner drops it.
 */
import type { Lease } from "../engine/lease.ts";
import { runTime } from "../engine/run-clock.ts";
import type { Decision } from "../engine/run-machine.ts";
import { withoutRequest } from "../engine/gateway-entry.ts";
import { isEnded, type Effect, type Run } from "../engine/run.ts";
import { annotate, annotationId, type Annotating } from "../engine/metadata.ts";
import { NO_LOGS, storedLogs, type StoredLogs } from "../engine/run-logs.ts";
import { keepSpans, NO_SPANS, type SpanTally } from "../engine/run-spans.ts";
import type { EventRecord, EventValue } from "../protocol/event.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { EditedInput } from "../protocol/journal.ts";
import type { Annotation } from "../protocol/metadata.ts";
import type { AppSpan } from "../protocol/span.ts";
import type { Host } from "./host.ts";
import { nextDueAt, type Pending, type RunAlarm } from "./run-alarm.ts";
import type { RunStore } from "./storage/stores.ts";

/** A page of the journal: a quarter of what one RPC may carry (cloudflare-facts §4.3), plus at most one entry. */
export const JOURNAL_PAGE_BYTES = 8 * 1024 * 1024;

/** What a run's parts may do with its store besides the commits: look, and forget an effect that has been performed. */
export type StoredRun = Omit<
  RunStore,
  "transaction" | "create" | "effects" | "hasEffects" | "leases" | "deleteLease" | `put${string}`
>;

export class RunRecord {
  readonly #host: Host;
  readonly #alarm: RunAlarm;
  #store: RunStore;
  /** null: there is none; undefined: not read yet */
  #run: Run | null | undefined;
  #events: EventRecord[] = [];
  #inlineEvents: EventRecord[] | undefined;
  /** undefined: not read yet */
  #leases: readonly Lease[] | undefined;
  /** leases that have been given back, whose rows go with what is stored next */
  #givenBack: number[] = [];
  /** leases that stand in a line, by the gate they are at; stored once that lasts */
  readonly #inLine = new Set<string>();
  /** false: it is known that no effect is stored */
  #mayHaveEffects = true;
  /** commits so far, and how many of them are known to be on disk */
  #commits = 0;
  #synced = 0;

  constructor(host: Host, alarm: RunAlarm) {
    this.#host = host;
    this.#alarm = alarm;
    this.#store = host.stores.run();
  }

  get stored(): StoredRun {
    return this.#store;
  }

  /** The header; null for a run that was never started. */
  load(): Run | null {
    if (this.#run !== undefined) return this.#run;
    const run = this.#store.run();
    if (!run) return (this.#run = null);
    const events = this.#store.events();
    this.#events = events.records;
    this.#inlineEvents = events.inline ? events.records : undefined;
    // the header is not written with every step: what it missed is in the journal
    const { position, steps, bytes, logs } = this.#store.counters();
    const { dropped } = run.logs ?? NO_LOGS;
    const logged = logs.seq > 0 || dropped > 0 ? { logs: { ...logs, dropped } } : {};
    return (this.#run = { ...run, position, steps, bytes: Math.max(run.bytes, bytes), ...logged });
  }

  /** The header of a run that was started. */
  current(): Run {
    const run = this.load();
    if (!run) throw new Error(`run ${this.#host.name} does not exist`);
    return run;
  }

  /** Its trigger events. */
  events(): EventRecord[] {
    this.load();
    return this.#events;
  }

  /** The first of its trigger events. */
  event(): EventValue {
    const [record] = this.events();
    if (!record) throw new Error(`run ${this.#host.name} has no event`);
    return record.event;
  }

  /** The arguments that somebody has written for a step of this run, until it settles. */
  editedInput(): EditedInput | undefined {
    const { step } = this.current().rerunOf ?? {};
    if (!step?.isEdited || this.#store.entry(step.id)?.status.kind === "settled") return undefined;
    return { stepId: step.id, input: this.#store.extra("input", step.id) as JsonValue[] }; // as the first commit stored it
  }

  /** What it holds or asks for, by number. A run without gates has none, and is not asked. */
  leases(): readonly Lease[] {
    return (this.#leases ??= this.load()?.admission ? this.#store.leases() : []);
  }

  /** A lease has been given back. Its row may stay for a while: it is given back once more when this is forgotten. */
  forgetLease(seq: number): void {
    this.#leases = this.leases().filter((lease) => lease.seq !== seq);
    this.#givenBack.push(seq);
  }

  /** Stores what the next commit would store with its own. */
  tidy(): void {
    if (this.#givenBack.length > 0) this.#store.transaction(() => this.#deleteGivenBack());
    this.#givenBack = [];
  }

  #deleteGivenBack(): void {
    for (const seq of this.#givenBack) this.#store.deleteLease(seq);
  }

  /** A key has said that a lease waits: it is not asked for again, unless this is forgotten. */
  noteInLine(lease: Lease): void {
    this.#inLine.add(placeOf(lease));
  }

  /** Whether a lease is written down as asked for, and is known to stand in the line of the gate that it is at. */
  isInLine(lease: Lease): boolean {
    return lease.status === "asking" && this.#inLine.has(placeOf(lease));
  }

  /** What is to be done outside, beside what follows from its end. */
  effects(): Effect[] {
    const effects = this.#mayHaveEffects ? this.#store.effects() : [];
    this.#mayHaveEffects = effects.length > 0;
    return effects;
  }

  hasEffects(): boolean {
    return (this.#mayHaveEffects = this.#mayHaveEffects && this.#store.hasEffects());
  }

  /** Whether something is to be done outside: effects, leases to ask for or to give back. */
  hasToDo(): boolean {
    return this.hasEffects() || isToBeAsked(this.leases().filter((lease) => !this.isInLine(lease)));
  }

  /** The run's own time. */
  now(): number {
    return runTime(this.current(), this.#host.now());
  }

  /** When the next open entry, or the run's own timeout, is really due. */
  nextDueAt(): number | null {
    return nextDueAt(this.current(), this.#store);
  }

  /** The first commit of a run. */
  create({ run, entries, extras, effects, leases }: Decision, events: EventRecord[]): void {
    this.#mayHaveEffects = effects.length > 0;
    this.#storing(run, leases, true, [
      () => (this.#inlineEvents = this.#store.create(run, events).inline ? events : undefined),
      ...entries.map((entry) => () => this.#store.putEntry(entry)),
      ...extras.map((extra) => () => this.#store.putExtra(extra)),
      ...effects.map((effect) => () => this.#store.putEffect(effect)),
    ]);
    this.#events = events;
  }

  /**
   * @param answeredBy internal id of the event that an answer is
   * @returns what people cannot be told, and why
   */
  commit({ run, entries, effects, leases, extras, annotations, saveRun }: Decision, answeredBy?: string): string[] {
    const refused: string[] = [];
    const isToArm =
      saveRun ||
      this.current().state.kind !== "executing" ||
      effects.length > 0 ||
      leases.length > 0 ||
      entries.some((entry) => entry.status.kind !== "settled");
    const writes: (() => void)[] = [
      ...entries.map((entry) => () => this.#store.putEntry(entry)),
      ...effects.map((effect) => () => this.#store.putEffect(effect)),
      ...extras.map((extra) => () => this.#store.putExtra(extra)),
      ...annotations.map((annotating) => () => {
        this.#store.transaction(() => refused.push(...this.#annotate(annotating)));
      }),
    ];
    if (answeredBy !== undefined) writes.push(() => this.#store.putAnswered(answeredBy, run.position));
    if (saveRun) writes.push(() => this.#store.putRun(run, this.#inlineEvents));
    if (isEnded(run.state) && run.http?.gateways) writes.push(() => this.#forgetRequests());
    if (effects.length > 0) this.#mayHaveEffects = true;
    this.#storing(run, leases, isToArm, writes);
    return refused;
  }

  /** What was to be asked holds secrets, and nobody asks it any more. */
  #forgetRequests(): void {
    for (const entry of this.#store.entries()) if (entry.gateway) this.#store.putEntry(withoutRequest(entry));
  }

  /** What people are told of the run and its steps. */
  annotations(): Annotation[] {
    return this.#store.extras("metadata").map(({ value }) => value as unknown as Annotation); // as `#annotate` stored it
  }

  /** Tells people something of a run, also when it has ended; the text says why not. */
  annotate(annotating: Annotating): string | null {
    return this.#store.transaction(() => this.#annotate(annotating)[0] ?? null);
  }

  #annotate(annotating: Annotating): string[] {
    const annotated = annotate(this.annotations(), annotating, this.#host.now());
    if (annotated.kind === "too-large") return [annotated.message];
    for (const one of annotated.changed)
      this.#store.putExtra({ list: "metadata", id: annotationId(one), value: one as unknown as JsonValue });
    return [];
  }

  /** Keeps spans of its app, as far as there is room; how many it has no room for. */
  addSpans(spans: readonly AppSpan[]): number {
    const isKnown = (spanId: string) => this.#store.extra("span", spanId) !== undefined;
    const { kept, refused, tally } = keepSpans(this.#tally(), spans, isKnown);
    this.#store.transaction(() => {
      for (const span of kept)
        this.#store.putExtra({ list: "span", id: span.spanId, value: span as unknown as JsonValue });
      if (kept.length > 0 || refused > 0) this.#store.putExtra({ list: "tally", id: "span", value: { ...tally } });
    });
    return refused;
  }

  /** In the order in which they began. */
  spans(): { spans: AppSpan[]; refused: number } {
    const spans = this.#store.extras("span").map(({ value }) => value as unknown as AppSpan); // as `addSpans` stored it
    const order = (one: AppSpan, other: AppSpan) =>
      one.startNs.length - other.startNs.length || (one.startNs < other.startNs ? -1 : 1);
    return { spans: spans.sort(order), refused: this.#tally().refused };
  }

  /** What its code has logged, in the order in which it was told. */
  logs(): StoredLogs[] {
    return storedLogs(this.#store);
  }

  #tally(): SpanTally {
    return (this.#store.extra("tally", "span") as unknown as SpanTally | undefined) ?? NO_SPANS; // as `addSpans` stored it
  }

  /** Writes all or nothing. The alarm is set when that has succeeded, in the same turn, which is stored as a whole. */
  #storing(run: Run, changed: readonly Lease[], isToArm: boolean, writes: (() => void)[]): void {
    const leases = this.#run === null ? changed : withChanged(this.leases(), changed);
    const alarm = this.#whole(writes.length === 1 && changed.length + this.#givenBack.length === 0 && !isToArm, () => {
      for (const write of writes) write();
      for (const lease of changed) this.#store.putLease(lease);
      this.#deleteGivenBack();
      return isToArm ? this.#alarm.change(run, this.#pending(leases)) : undefined;
    });
    this.#run = run;
    this.#leases = leases;
    this.#givenBack = [];
    this.#commits += 1;
    if (alarm !== undefined) this.#alarm.set(alarm);
  }

  /** A single write, as that of a step, is all or nothing by itself. */
  #whole<T>(isOneWrite: boolean, body: () => T): T {
    return isOneWrite ? body() : this.#store.transaction(body);
  }

  /** Sets the alarm to the earliest thing that must happen by itself. */
  arm(isForced = false): void {
    const alarm = this.#alarm.change(this.current(), this.#pending(this.leases()), isForced);
    if (alarm !== undefined) this.#alarm.set(alarm);
  }

  #pending(leases: readonly Lease[]): Pending {
    return {
      nextDueAt: () => this.#store.nextDueAt(),
      hasToDo: () => isToBeAsked(leases) || this.hasEffects(),
    };
  }

  /** Whether all commits so far are known to be on disk. */
  get isSynced(): boolean {
    return this.#synced === this.#commits;
  }

  /** Resolves when all commits so far are on disk. */
  async sync(): Promise<void> {
    const commits = this.#commits;
    await this.#host.sync();
    this.#synced = Math.max(this.#synced, commits);
  }

  /** Deletes the run. */
  async wipe(): Promise<void> {
    await this.#host.wipe();
    this.drop();
  }

  /** Nothing is left to do: what is held in memory is read again if anybody asks for it. */
  rest(): void {
    this.#run = undefined;
    this.#events = [];
    this.#inlineEvents = undefined;
    this.#leases = undefined;
  }

  /** Forgets what is held in memory, which may not be what is stored. */
  drop(): void {
    this.rest();
    this.#givenBack = [];
    this.#inLine.clear();
    this.#mayHaveEffects = true;
    this.#alarm.forget();
    this.#store = this.#host.stores.run();
  }
}

/** A lease is at one gate of its way after the other. */
function placeOf({ seq, passed }: Lease): string {
  return `${seq}/${passed}`;
}

function isToBeAsked(leases: readonly Lease[]): boolean {
  return leases.some(({ status }) => status === "asking" || status === "releasing");
}

function withChanged(leases: readonly Lease[], changed: readonly Lease[]): readonly Lease[] {
  if (changed.length === 0) return leases;
  const numbers = new Set(changed.map(({ seq }) => seq));
  return [...leases.filter(({ seq }) => !numbers.has(seq)), ...changed].sort((a, b) => a.seq - b.seq);
}
