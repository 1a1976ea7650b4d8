import { acceptRecords } from "../durable-objects/accept.ts";
import type { JournalPage, Objects } from "../durable-objects/objects.ts";
import { publishData } from "../durable-objects/publish-data.ts";
import { OrderedNames } from "../durable-objects/ordered-names.ts";
import { answerScheduleRequest } from "../durable-objects/schedule-requests.ts";
import type { Entry } from "../engine/run.ts";
import { orderedNames } from "../flow-control/fifo.ts";
import type { CallBody } from "../protocol/call.ts";
import { internalEvents, type EventRecord, type EventValue } from "../protocol/event.ts";
import { readEvents, readSeed } from "../protocol/event-request.ts";
import { runIdOf, ulidOf } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { ScheduleAnswer, ScheduleRequest } from "../protocol/schedule.ts";
import type { Signal } from "../protocol/signal.ts";
import type { EventPayload } from "../sdk/event.ts";
import { preparePayload, readPayloads } from "../sdk/event-payload.ts";
import type { RealtimeMessage } from "../sdk/realtime/service.ts";
import type { HostedRun } from "../sdk/run-host.ts";
import { memos } from "../transports/http.ts";
import type { AppFunctions } from "./app-functions.ts";
import type { Activations } from "./host/activations.ts";
import { ObjectReset } from "./host/life.ts";
import { ENV, type World } from "./host/world.ts";
import type { Random } from "./random.ts";
import type { PendingAnswer } from "./step-control.ts";

export interface TestClientOptions {
  world: World;
  functions: AppFunctions;
  activations: Activations;
  random: Random;
  /** told of events that are accepted */
  accepted: (records: readonly EventRecord[], at: number) => void;
}

/** A client repeats a request that a crash has cut short, as ours does. */
const REQUEST_ATTEMPTS = 10;

/** What clients ask of the platform: tests, and code inside runs. */
export class TestClient {
  readonly #options: TestClientOptions;
  /** events that were sent, by internal id */
  readonly #sent = new Map<string, { runId: string | null; event: EventValue }>();
  readonly #ordered = new OrderedNames(async () =>
    orderedNames(this.#options.functions.syncs().flatMap(({ functions }) => functions)),
  );
  #registered: Promise<void> | null = null;

  constructor(options: TestClientOptions) {
    this.#options = options;
  }

  /** Events that were sent by anybody, or by one run. */
  sent(runId?: string): EventValue[] {
    return [...this.#sent.values()].flatMap((sent) =>
      runId === undefined || sent.runId === runId ? [sent.event] : [],
    );
  }

  /** Sends events as the first of the clients does. */
  async send(payload: EventPayload | readonly EventPayload[]): Promise<{ ids: string[] }> {
    const [client] = this.#options.functions.clients;
    const payloads = readPayloads(payload);
    const events = await Promise.all(payloads.map(async (event) => (client ? preparePayload(event, client) : event)));
    return this.deliver(null, events);
  }

  /**
   * Accepts events that a client has made ready.
   *
   * @param run whose code sends them
   * @param idSeed names them, inside a run; outside a client's clock is not this one
   */
  async deliver(run: HostedRun | null, events: EventPayload[], idSeed?: string): Promise<{ ids: string[] }> {
    const { world, random, activations } = this.#options;
    await this.register();
    const { now } = world.clock;
    const entropy = random.bytes(10);
    const seed = idSeed !== undefined && run ? readSeed(idSeed, now, entropy) : { timeMs: now, entropy };
    const records = await this.#ordered.place(readEvents(JSON.stringify(events), seed, now), now);
    const accepted = this.#accept(records);
    await (run ? activations.whileWaiting(run.runId, accepted) : accepted);
    // a step that is tried again sends the same events again
    for (const { event, internalId } of records)
      if (!this.#sent.has(internalId)) this.#sent.set(internalId, { runId: run?.runId ?? null, event });
    return { ids: records.map((record) => record.internalId) };
  }

  /** Starts a function by its id; the run's id. */
  async start(functionId: string, { data, user }: { data?: object; user?: object }): Promise<string> {
    const record = this.#event(internalEvents.invoked, { ...data, _inngest: { fn_id: functionId } }, user);
    await this.#accept([record]);
    return runIdOf(record.internalId, functionId);
  }

  /** What a client asks about schedules. @param runId of the run whose code asks */
  async schedules(runId: string | null, request: ScheduleRequest): Promise<ScheduleAnswer> {
    const { world, activations } = this.#options;
    const answered = (async () => {
      await this.register();
      return this.ask((objects) => answerScheduleRequest(objects, ENV, request, world.clock.now));
    })();
    return runId === null ? answered : activations.whileWaiting(runId, answered);
  }

  /** Hands a signal to the step that waits for it. @param runId of the run whose code sends it */
  async signal(runId: string | null, signal: Signal): Promise<{ runId: string | null }> {
    const sent = this.ask((objects) => objects.signal(ENV, signal.name).send(signal));
    return runId === null ? sent : this.#options.activations.whileWaiting(runId, sent);
  }

  /** Publishes a realtime message. @param runId of the run whose code publishes it */
  async publish(runId: string | null, { topic, ...message }: RealtimeMessage): Promise<void> {
    const { world, activations } = this.#options;
    const published = this.ask((objects) =>
      publishData(objects, ENV, { ...message, topics: [topic] }, world.clock.now),
    );
    await (runId === null ? published : activations.whileWaiting(runId, published));
  }

  /** Tells the platform of the functions, once. */
  register(): Promise<void> {
    this.#registered ??= this.ask(async (objects) => {
      for (const sync of this.#options.functions.syncs()) await objects.registry(ENV).sync(sync);
    });
    return this.#registered;
  }

  /** A request, repeated when it gets no answer. */
  async ask<T>(request: (objects: Objects) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#options.world.invoke(request);
      } catch (error) {
        if (!(error instanceof ObjectReset) || attempt === REQUEST_ATTEMPTS) throw error;
      }
    }
  }

  /** What an app fetches of a run that is too large for a call. @throws Error for a run that does not exist */
  state(runId: string): Promise<Pick<CallBody, "events" | "steps">> {
    return this.ask(async (objects) => {
      const run = objects.run(ENV, runId);
      const summary = await run.summary();
      if (!summary) throw new Error(`run ${runId} not found`);
      const entries: Entry[] = [];
      for (let from: number | null = 0; from !== null;) {
        const page: JournalPage = await run.journal(from);
        entries.push(...page.entries);
        from = page.next;
      }
      return { events: summary.events.map((record) => record.event), steps: memos(entries) };
    });
  }

  /** Gives an open wait the event, or the timeout, that a test has asked for. */
  answer({ runId, stepId, kind, event, signal }: PendingAnswer): Promise<unknown> {
    if (kind === "answer" && signal !== undefined) return this.#answerSignal(runId, stepId, signal, event.data ?? {});
    const record = this.#event(event.name ?? "", event.data, event.user);
    const receivedAt = this.#options.world.clock.now;
    return this.ask<unknown>((objects) => {
      const run = objects.run(ENV, runId);
      return kind === "timeOut" ? run.expire(stepId) : run.offer(stepId, { record, receivedAt });
    });
  }

  #answerSignal(runId: string, stepId: string, name: string, data: object): Promise<unknown> {
    const receivedAt = this.#options.world.clock.now;
    const signal = { name, data: JSON.parse(JSON.stringify(data)) as JsonValue };
    return this.ask((objects) => objects.run(ENV, runId).signal(stepId, signal, receivedAt));
  }

  async #accept(records: EventRecord[]): Promise<void> {
    const { world, accepted } = this.#options;
    await this.register();
    await this.ask((objects) => acceptRecords(objects, ENV, records, world.clock.now));
    accepted(records, world.clock.now);
  }

  #event(name: string, data: object = {}, user: object = {}): EventRecord {
    const { now } = this.#options.world.clock;
    const internalId = ulidOf({ timeMs: now, entropy: this.#options.random.bytes(10) });
    // as JSON carries it
    const event: EventValue = JSON.parse(JSON.stringify({ id: internalId, name, data, user, ts: now }));
    return { internalId, event };
  }
}
