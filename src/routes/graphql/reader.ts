/** What the resolvers of one query read, each thing once, within the bounds of a query. */
import type {
  AppView,
  ConnectionView,
  EventFilter,
  LoggedEvent,
  Objects,
  RunListFilter,
} from "../../durable-objects/objects.ts";
import type { RegisteredFunction } from "../../protocol/function-config.ts";
import { uuidOf } from "../../protocol/ids.ts";
import { runsOfEvent, type EventRun } from "../event-runs.ts";
import { findEvent, newestEvents, type EventList } from "../events.ts";
import { listRuns, type RunList } from "../run-list.ts";
import { traceOf, type Span } from "../run-trace.ts";
import type { RunView } from "../run-view.ts";
import { findView } from "../runs.ts";
import { Lookups } from "./bounds.ts";

/** An app's registration, and what is registered. */
export interface Registered {
  apps: AppView[];
  functions: RegisteredFunction[];
}

export class Reader {
  readonly objects: Objects;
  readonly env: string;
  readonly #lookups = new Lookups();
  readonly #views = new Map<string, Promise<RunView>>();
  #registered: Promise<Registered> | undefined;

  constructor(objects: Objects, env: string) {
    this.objects = objects;
    this.env = env;
  }

  registered(): Promise<Registered> {
    this.#registered ??= this.#readRegistered();
    return this.#registered;
  }

  async #readRegistered(): Promise<Registered> {
    this.#lookups.spend(2);
    const registry = this.objects.registry(this.env);
    const [apps, functions] = await Promise.all([registry.apps(), registry.functions()]);
    return { apps, functions };
  }

  /** Also one that its app no longer has. */
  async function(slug: string): Promise<RegisteredFunction | null> {
    const known = (await this.registered()).functions.find((fn) => fn.id === slug);
    if (known) return known;
    this.#lookups.spend();
    return this.objects.registry(this.env).callable(slug);
  }

  async functionByUuid(uuid: string): Promise<RegisteredFunction | undefined> {
    return (await this.registered()).functions.find((fn) => uuidOf(fn.id) === uuid);
  }

  /** @throws HTTPException 400, 404 */
  view(runId: string): Promise<RunView> {
    let view = this.#views.get(runId);
    if (!view) {
      this.#lookups.spend(5);
      view = findView(this.objects, this.env, runId);
      this.#views.set(runId, view);
    }
    return view;
  }

  /** A run's spans, with those that its app has recorded. */
  async trace(view: RunView): Promise<Span> {
    this.#lookups.spend();
    return traceOf(view, (await this.objects.run(this.env, view.run.id).spans()).spans);
  }

  /** @throws HTTPException 400, 404 */
  event(id: string): Promise<LoggedEvent> {
    this.#lookups.spend(2);
    return findEvent(this.objects, this.env, id);
  }

  events(filter: EventFilter): Promise<EventList> {
    this.#lookups.spend(5);
    return newestEvents(this.objects, this.env, filter);
  }

  async runsOf(logged: LoggedEvent): Promise<EventRun[]> {
    this.#lookups.spend(3);
    const runs = await runsOfEvent(this.objects, this.env, logged);
    this.#lookups.spend(runs.length);
    return runs;
  }

  /** Workers that have dialled in. Where no app ever did, the gateway is not made by asking for it. */
  async connections(): Promise<ConnectionView[]> {
    const { functions } = await this.registered();
    if (!functions.some(({ transport }) => transport.kind === "connect")) return [];
    this.#lookups.spend();
    return this.objects.gateway(this.env).connections();
  }

  runs(filter: RunListFilter, cursor: string | null): Promise<RunList> {
    this.#lookups.spend(10);
    return listRuns(this.objects, this.env, filter, cursor);
  }
}
