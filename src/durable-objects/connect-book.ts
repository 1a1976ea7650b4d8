import type { WorkerCall } from "./objects.ts";
import type { Connection } from "./connect-rules.ts";
import type { KeyItem, KeyStore } from "./storage/stores.ts";

const CONNECTIONS = "connection";
const CALLS = "call";
const PAGE = 1000;

/** A call at the gateway. `waiting`: for a worker; else the connection that it was given to. */
export interface GatewayCall extends WorkerCall {
  since: number;
  connectionId: string | null;
  /** of the worker that has it, or had it last */
  leaseId: string | null;
}

/**
 * Connections and calls of a gateway: all in memory, and in the object's storage as far as they are to survive it. How long
 * a lease goes on is in memory alone, so that extending it costs no row: a gateway that wakes gives each a whole one.
 */
export class ConnectBook {
  readonly #store: KeyStore;
  readonly connections = new Map<string, Connection>();
  /** in the order in which they came */
  readonly calls = new Map<string, GatewayCall>();
  /** those of them that no worker has, the oldest first */
  #waiting = new Set<string>();
  readonly #byRun = new Map<string, Set<string>>();
  readonly #inFlight = new Map<string, number>();

  constructor(store: KeyStore) {
    this.#store = store;
    for (const { value } of pages(store, CONNECTIONS)) {
      const connection = value as unknown as Connection; // as it was put
      this.connections.set(connection.id, connection);
    }
    for (const { value } of pages(store, CALLS)) this.#hold(value as unknown as GatewayCall);
  }

  /** All that is written in `body`, or nothing of it on disk when it throws. It must not await. */
  write<T>(body: () => T): T {
    return this.#store.transaction(body);
  }

  putConnection(connection: Connection): void {
    this.connections.set(connection.id, connection);
    this.#store.put({
      id: `${CONNECTIONS}/${connection.id}`,
      list: CONNECTIONS,
      rank: connection.connectedAt,
      value: { ...connection, apps: connection.apps.map((app) => ({ ...app })) },
    });
  }

  dropConnection(id: string): void {
    this.connections.delete(id);
    this.#store.delete(`${CONNECTIONS}/${id}`);
  }

  putCall(call: GatewayCall): void {
    this.#forget(call.requestId, false);
    this.#hold(call);
    this.#store.put({ id: `${CALLS}/${call.requestId}`, list: CALLS, rank: call.since, value: { ...call } });
  }

  /** As {@link putCall}, but not to survive the object: what is stored goes on as it was. */
  reserve(call: GatewayCall): void {
    this.#forget(call.requestId, false);
    this.#hold(call);
  }

  dropCall(requestId: string): void {
    this.#forget(requestId, true);
    this.#store.delete(`${CALLS}/${requestId}`);
  }

  /** Calls that a connection has. */
  inFlight(connectionId: string): number {
    return this.#inFlight.get(connectionId) ?? 0;
  }

  /** Calls that wait for a worker, the oldest first. */
  *waiting(): Generator<GatewayCall> {
    for (const id of this.#waiting) {
      const call = this.calls.get(id);
      if (call) yield call;
    }
  }

  callsOf(runId: string): number {
    return this.#byRun.get(runId)?.size ?? 0;
  }

  #hold(call: GatewayCall): void {
    const isBack = this.calls.has(call.requestId) && call.connectionId === null && !this.#waiting.has(call.requestId);
    this.calls.set(call.requestId, call);
    if (call.connectionId !== null) this.#waiting.delete(call.requestId);
    else this.#waiting.add(call.requestId);
    if (isBack) this.#sortWaiting();
    const ofRun = this.#byRun.get(call.runId) ?? new Set();
    this.#byRun.set(call.runId, ofRun.add(call.requestId));
    this.#count(call, 1);
  }

  /** @param isGone false keeps its place among the others */
  #forget(requestId: string, isGone: boolean): void {
    const call = this.calls.get(requestId);
    if (!call) return;
    this.#count(call, -1);
    if (!isGone) return;
    this.calls.delete(requestId);
    this.#waiting.delete(requestId);
    const ofRun = this.#byRun.get(call.runId);
    if (ofRun?.delete(requestId) && ofRun.size === 0) this.#byRun.delete(call.runId);
  }

  /** One that had left the line stands where it did. */
  #sortWaiting(): void {
    const sinceOf = (id: string) => this.calls.get(id)?.since ?? 0;
    this.#waiting = new Set([...this.#waiting].sort((a, b) => sinceOf(a) - sinceOf(b)));
  }

  #count({ connectionId }: GatewayCall, change: number): void {
    if (connectionId === null) return;
    const count = this.inFlight(connectionId) + change;
    if (count === 0) this.#inFlight.delete(connectionId);
    else this.#inFlight.set(connectionId, count);
  }
}

function* pages(store: KeyStore, list: string): Generator<KeyItem> {
  let last: KeyItem | undefined;
  for (;;) {
    const page = store.list(list, PAGE, last);
    yield* page;
    last = page.at(-1);
    if (page.length < PAGE) return;
  }
}
