/**
 * The platform's objects in one process without any server: the very classes that run in workerd, over stores in memory,
 * a clock that is moved by hand, and turns that a seed orders.
 *
 * 1. Writes of one turn take effect together at its end, with the alarm that was set in it, as in a Durable Object. Calls
 *    and answers leave after it (output gates). So an object dies between two turns, never inside one.
 * 2. What an object that has died still does is not noticed: nothing that it waits for comes.
 * 3. Everything that goes on is a turn or a timer; when neither is left and no code runs, the world is at rest.
 */
import { ChannelObject } from "../../durable-objects/channel-object.ts";
import { DedupeObject } from "../../durable-objects/dedupe-object.ts";
import { readMessage } from "../../durable-objects/accept.ts";
import { routeBatch, sayFailed } from "../../durable-objects/consumer.ts";
import type { Host } from "../../durable-objects/host.ts";
import { keyObject } from "../../durable-objects/key-object.ts";
import { LogObject } from "../../durable-objects/log-object.ts";
import type { GatewayObjectApi, Objects, RouteMessage } from "../../durable-objects/objects.ts";
import { RegistryObject } from "../../durable-objects/registry-object.ts";
import { RETENTION_DEFAULT } from "../../durable-objects/retention.ts";
import { RUN_TIMING, RunObject } from "../../durable-objects/run-object.ts";
import type { Transports } from "../../durable-objects/transport.ts";
import { SignalObject } from "../../durable-objects/signal-object.ts";
import { WaitsObject } from "../../durable-objects/waits-object.ts";
import { deferred } from "../../protocol/deferred.ts";
import { DiskAccess, MemoryDisk, type DiskWrite } from "../storage/memory-disk.ts";
import { memoryStores } from "../storage/memory-stores.ts";
import { noFaults, type FaultSource, type ObjectKind } from "./faults.ts";
import { Life, ObjectReset } from "./life.ts";
import { plainCopy } from "./plain-copy.ts";
import { Turns } from "./turns.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** The one environment. */
export const ENV = "main";

const QUEUE_RETRIES = 3;
const QUEUE_BATCH = 100;
/** The platform repeats an alarm whose handler has thrown after this and longer. */
const ALARM_RETRY_MS = 2_000;

export interface WorldOptions {
  /** epoch ms at the beginning */
  start: number;
  /** in [0, 1) */
  random: () => number;
  /** ways to the code of functions, for one life of a run's object */
  transports: (life: Life) => Transports;
  faults?: FaultSource;
  /** which of the tasks that are ready goes on */
  choose?: (count: number) => number;
  /** called with writes that have taken effect */
  committed?: (kind: ObjectKind, name: string, writes: readonly DiskWrite[]) => void;
  /** called when an object has left memory */
  ended?: (kind: ObjectKind, name: string) => void;
  /** plays an object itself, so that another can be tried alone; undefined for the real one */
  played?: (kind: ObjectKind, name: string) => object | undefined;
  /** makes the gateway of workers that dial in; without it none can */
  gateway?: (host: Host) => GatewayInstance;
}

/** A gateway, as far as other objects reach it. */
type GatewayInstance = Omit<GatewayObjectApi, "fetch"> & { alarm(): Promise<void> };

/** What is about to happen to an object's disk, with the writes of a commit. */
export type DiskHook = (
  kind: ObjectKind,
  name: string,
  what: "statement" | "commit" | "sync",
  writes: readonly DiskWrite[],
) => unknown;

export class World {
  readonly clock: VirtualClock;
  readonly turns: Turns;
  /** what objects have told people, oldest first */
  readonly reports: { at: number; message: string; error: unknown }[] = [];
  /** realtime messages as subscribers would get them, oldest first */
  readonly published: string[] = [];
  /** whether events go through a queue; without one logs deliver by themselves */
  hasQueue = true;
  /** how long logs keep what has ended */
  retention = RETENTION_DEFAULT;
  /** called before an object reads, writes, commits or syncs: what it throws the storage throws, and a sync waits for it */
  storage: DiskHook = () => undefined;
  readonly #options: WorldOptions;
  readonly #faults: FaultSource;
  readonly #disks = new Map<string, MemoryDisk>();
  readonly #open = new Map<string, OpenTurn>();
  readonly #messages: { message: string; failures: number }[] = [];
  readonly #instances = new Map<string, Instance>();
  /** lives of invocations that are no object's */
  readonly #invocations = new Set<Life>();
  /** processes that have died */
  #process = 0;
  /** queues that have lost all they had */
  #queue = 0;
  #timers = 0;
  #isPaused = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#faults = options.faults ?? noFaults;
    this.clock = new VirtualClock(options.start);
    this.turns = new Turns(options.choose);
  }

  /** The objects, for a caller that does not die. */
  objects(life: Life = new Life()): Objects {
    return {
      queue: { exists: () => this.hasQueue, send: (message) => this.#enqueue(life, message) },
      pause: () => life.within(this.turns.next()),
      room: (wanted) => wanted,
      run: (_env, id) => this.#stub("run", id, life),
      log: (_env, log) => this.#stub("log", log, life),
      waits: (_env, name) => this.#stub("waits", name, life),
      signal: (_env, name) => this.#stub("signal", name, life),
      channel: (_env, channel) => this.#stub("channel", channel, life),
      subscribe: () => Promise.reject(new Error("nobody subscribes in memory: what is published is in `published`")),
      dedupe: (_env, shard) => this.#stub("dedupe", String(shard), life),
      registry: () => this.#stub("registry", "registry", life),
      leases: (_env, object) => this.#stub("key", object, life),
      rateLimit: (_env, object) => this.#stub("key", object, life),
      collector: (_env, object) => this.#stub("key", object, life),
      lines: (_env, functionId) => this.#stub("key", `lines/${functionId}`, life),
      bulk: (_env, kind, id) => this.#stub("key", `${kind}/${id}`, life),
      gateway: () => this.#stub("gateway", "gateway", life),
    };
  }

  /** What an object has stored, also when it is not in memory; undefined for one that never stored anything. */
  disk(kind: ObjectKind, name: string): MemoryDisk | undefined {
    return this.#disks.get(`${kind} ${name}`);
  }

  /** Names of the objects of a kind that have stored anything, in the order of their first write. */
  names(kind: ObjectKind): string[] {
    return [...this.#disks].flatMap(([name, disk]) =>
      name.startsWith(`${kind} `) && !disk.isEmpty ? [name.slice(kind.length + 1)] : [],
    );
  }

  /** Whether an object is in memory. */
  isAwake(kind: ObjectKind, name: string): boolean {
    return this.#instances.has(`${kind} ${name}`);
  }

  /** An object loses its memory, as when the platform moves it; what it was in the midst of is repeated by its alarm. */
  reset(kind: ObjectKind, name: string): void {
    this.#end(`${kind} ${name}`);
  }

  /** The whole process dies. Disks and alarms stay; so do messages, unless the queue was in the process too. */
  resetAll({ losesMessages = false } = {}): void {
    this.#process += 1;
    for (const name of this.#instances.keys()) this.#end(name);
    for (const life of this.#invocations) life.end();
    this.#invocations.clear();
    if (losesMessages) this.loseMessages();
  }

  /** Whether all events of a log have been routed: its alarm, if one is set, will find nothing to do. */
  isRouted(log: string): boolean {
    if (this.clock.at(`log ${log}`) === null) return true;
    const api = this.#instances.get(`log ${log}`)?.api;
    return api instanceof LogObject && api.isRouted;
  }

  /** Messages that wait in the queue. */
  get messages(): number {
    return this.#messages.length;
  }

  /** Copies of them. */
  get queued(): RouteMessage[] {
    return this.#messages.map(({ message }) => readMessage(message));
  }

  /** Nothing is delivered while the queue is paused. */
  pauseQueue(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  /** The queue loses what waits in it, and what is being delivered should that fail. */
  loseMessages(): void {
    this.#messages.length = 0;
    this.#queue += 1;
  }

  /** An alarm that the platform loses. */
  loseAlarm(kind: ObjectKind, name: string): void {
    this.clock.clear(`${kind} ${name}`);
  }

  /** Starts what can start now without time moving: deliveries, and timers that are due. False when there is nothing. */
  startDue(): boolean {
    if (this.#messages.length > 0 && !this.#isPaused) {
      this.#deliver();
      return true;
    }
    const timer = this.clock.next();
    if (!timer || timer.at > this.clock.now) return false;
    this.clock.fire(timer);
    return true;
  }

  /** Work of a Worker's invocation, which dies with its process. */
  async invoke<T>(task: (objects: Objects) => Promise<T>): Promise<T> {
    const life = new Life();
    this.#invocations.add(life);
    const died = new Promise<never>((_resolve, reject) =>
      life.onEnd(() => reject(new ObjectReset("the process died"))),
    );
    try {
      return await Promise.race([task(this.objects(life)), died]);
    } finally {
      this.#invocations.delete(life);
    }
  }

  // ---- the queue ----------------------------------------------------------------------------------------------------

  async #enqueue(life: Life, message: string): Promise<boolean> {
    await life.within(this.turns.next());
    const fault = this.#faults.delivery();
    const copy = () => ({ message, failures: 0 });
    if (fault === "lost") return true;
    if (typeof fault === "object" && fault !== null) {
      this.#after(fault.delayMs, () => void this.#messages.push(copy()));
      return true;
    }
    this.#messages.push(copy());
    if (fault === "twice") this.#messages.push(copy());
    return true;
  }

  #deliver(): void {
    const batch = this.#messages.splice(0, QUEUE_BATCH);
    const queue = this.#queue;
    const bodies = batch.map(({ message }) => readMessage(message));
    this.invoke((objects) => this.#consume(objects, bodies)).catch(() => {
      if (queue !== this.#queue) return;
      for (const sent of batch)
        if (sent.failures < QUEUE_RETRIES) this.#messages.push({ ...sent, failures: sent.failures + 1 });
    });
  }

  /** As the Worker's queue handler: logs are told why a message could not be routed. */
  async #consume(objects: Objects, messages: RouteMessage[]): Promise<void> {
    try {
      await routeBatch(objects, ENV, messages, this.clock.now);
    } catch (error) {
      await sayFailed(objects, ENV, messages, error);
      throw error;
    }
  }

  // ---- calls --------------------------------------------------------------------------------------------------------

  #stub<Api extends object>(kind: ObjectKind, name: string, from: Life): Api {
    return new Proxy({} as Api, {
      get: (_target, method) => {
        if (typeof method === "symbol" || method === "then") return undefined;
        return (...args: unknown[]) => from.within(this.#exchange({ kind, name, method, args: plainCopy(args) }, from));
      },
    });
  }

  async #exchange(call: ObjectCall, from: Life): Promise<unknown> {
    const process = this.#process;
    await this.turns.next();
    if (from.isOver) return undefined; // it has died in the turn in which it called
    const fault = this.#faults.call(call.kind, call.method);
    if (fault === "request-lost") throw new ObjectReset(`the request ${call.kind}.${call.method} was lost`);
    if (typeof fault === "object" && fault !== null) await this.later(fault.delayMs);
    this.#checkProcess(process);
    const again = fault === "twice" ? plainCopy(call) : call;
    const answer = await this.#answer(call);
    if (fault === "twice") await this.#answer(again);
    this.#checkProcess(process);
    if (fault === "reply-lost") throw new ObjectReset(`the reply of ${call.kind}.${call.method} was lost`);
    return plainCopy(answer);
  }

  #checkProcess(process: number): void {
    if (process !== this.#process) throw new ObjectReset("the process died");
  }

  /** The answer leaves in the turn after, if the object lives to see it: what it wrote has taken effect by then. */
  #answer({ kind, name, method, args }: ObjectCall): Promise<unknown> {
    const { api, life } = this.#instance(kind, name);
    const { promise, resolve, reject } = deferred<unknown>();
    const reset = () => new ObjectReset(`${kind} ${name} was reset while it was asked to ${method}`);
    life.onEnd(() => reject(reset()));
    const work: unknown = Reflect.get(api, method);
    if (typeof work !== "function") throw new TypeError(`an object of kind ${kind} has no ${method}`);
    Promise.resolve(Reflect.apply(work, api, args)).then(resolve, reject);
    return promise.finally(async () => {
      await this.turns.next();
      if (life.isOver) throw reset();
    });
  }

  /** Resolves when so much time has passed; nothing waits for it meanwhile. */
  later(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(ms, resolve));
  }

  /** Calls back after so long, unless the function returned is called first. */
  timer(key: string, ms: number, fire: () => void): () => void {
    this.#after(ms, fire, key);
    return () => this.clock.clear(key);
  }

  #after(ms: number, task: () => void, key = `timer ${(this.#timers += 1)}`): void {
    this.clock.set(key, this.clock.now + Math.max(ms, 0), task);
  }

  // ---- lives of objects ---------------------------------------------------------------------------------------------

  #instance(kind: ObjectKind, name: string): Instance {
    const fullName = `${kind} ${name}`;
    const known = this.#instances.get(fullName);
    if (known) return known;
    const life = new Life();
    const instance: Instance = {
      api: this.#options.played?.(kind, name) ?? this.#make(kind, this.#host(kind, name, life), life),
      life,
      isInAlarm: false,
      isDueAgain: false,
    };
    this.#instances.set(fullName, instance);
    return instance;
  }

  #make(kind: ObjectKind, host: Host, life: Life): Instance["api"] {
    switch (kind) {
      case "run": {
        const transports = this.#options.transports(life);
        return new RunObject(host, () => transports, RUN_TIMING);
      }
      case "log":
        return new LogObject(host, () => this.retention);
      case "waits":
        return new WaitsObject(host);
      case "signal":
        return new SignalObject(host);
      case "channel":
        return new ChannelObject({
          host,
          subscribers: () => [],
          readToken: async () => undefined,
          published: (messages) => {
            for (const { frame } of messages) if (typeof frame === "string") this.published.push(frame);
          },
        });
      case "dedupe":
        return new DedupeObject(host);
      case "registry":
        return new RegistryObject(host);
      case "key":
        return keyObject(host);
      case "gateway":
        if (this.#options.gateway) return this.#options.gateway(host);
        throw new Error("no worker can dial in here");
    }
  }

  #end(fullName: string): void {
    const instance = this.#instances.get(fullName);
    if (!instance) return;
    this.#instances.delete(fullName);
    this.#undo(fullName);
    instance.life.end();
    const { kind, name } = partsOf(fullName);
    this.#options.ended?.(kind, name);
    // a handler that did not come to its end is run again
    if (instance.isInAlarm && this.clock.at(fullName) === null) this.#setAlarm(fullName, this.clock.now);
  }

  #host(kind: ObjectKind, name: string, life: Life): Host {
    const fullName = `${kind} ${name}`;
    const disk = this.#disks.get(fullName) ?? new MemoryDisk();
    this.#disks.set(fullName, disk);
    const access = new DiskAccess(disk, {
      access: () => {
        if (life.isOver) throw new ObjectReset(`${fullName} is no longer in memory`);
        this.storage(kind, name, "statement", []);
      },
      committing: (writes) => void this.storage(kind, name, "commit", writes),
      committed: (writes) => this.#turnOf(fullName).writes.push(...writes),
    });
    return {
      env: ENV,
      name,
      objects: this.objects(life),
      stores: memoryStores(access),
      now: () => this.clock.now,
      random: () => this.#options.random(),
      setAlarm: (at) => {
        if (!life.isOver) this.#turnOf(fullName).alarm = at;
      },
      alarm: async () => {
        const open = this.#open.get(fullName)?.alarm;
        return open === undefined ? this.clock.at(fullName) : open;
      },
      wait: (delayMs, until) => this.#wait(fullName, life, delayMs, until),
      sync: async () => {
        await this.storage(kind, name, "sync", []);
        return life.within(this.turns.next());
      },
      wipe: async () => {
        if (life.isOver) return;
        this.#open.delete(fullName);
        disk.clear();
        this.clock.clear(fullName);
      },
      report: (message, error) => {
        if (!life.isOver) this.reports.push({ at: this.clock.now, message, error });
      },
    };
  }

  async #wait(fullName: string, life: Life, delayMs: number, until: Promise<unknown>): Promise<void> {
    const key = `${fullName} wait ${(this.#timers += 1)}`; // an object may wait for several things
    await life.within(
      new Promise<void>((resolve) => {
        this.#after(delayMs, resolve, key);
        life.onEnd(() => this.clock.clear(key));
        void until.then(() => {
          this.clock.clear(key);
          resolve();
        });
      }),
    );
  }

  // ---- what takes effect at the end of a turn -----------------------------------------------------------------------

  #turnOf(fullName: string): OpenTurn {
    const known = this.#open.get(fullName);
    if (known) return known;
    const open: OpenTurn = { writes: [], alarm: undefined };
    this.#open.set(fullName, open);
    this.turns.atEnd(() => this.#commit(fullName, open));
    return open;
  }

  #commit(fullName: string, open: OpenTurn): void {
    if (this.#open.get(fullName) !== open) return; // undone meanwhile
    const { kind, name } = partsOf(fullName);
    const { writes, alarm } = open;
    const fault = writes.length > 0 ? this.#faults.commit({ kind, name, writes }) : null;
    if (fault === "crash-all") return this.resetAll({ losesMessages: true });
    if (fault === "crash-before") return this.#end(fullName);
    this.#open.delete(fullName);
    if (alarm !== undefined) this.#setAlarm(fullName, alarm);
    if (writes.length > 0) this.#options.committed?.(kind, name, writes);
    if (fault === "crash-after") this.#end(fullName);
  }

  #undo(fullName: string): void {
    const open = this.#open.get(fullName);
    this.#open.delete(fullName);
    for (const { table, key, before } of open?.writes.toReversed() ?? [])
      this.#disks.get(fullName)?.write(table, key, before);
  }

  // ---- alarms -------------------------------------------------------------------------------------------------------

  #setAlarm(fullName: string, at: number | null): void {
    if (at === null) this.clock.clear(fullName);
    else this.clock.set(fullName, at, () => this.#fire(fullName));
  }

  #fire(fullName: string): void {
    const { kind } = partsOf(fullName);
    const fault = this.#faults.alarm(kind);
    if (typeof fault === "object" && fault !== null) {
      const late = this.clock.now + fault.delayMs;
      return this.clock.set(fullName, late, () => void this.#alarm(fullName, 1));
    }
    void this.#alarm(fullName, fault === "twice" ? 2 : 1);
  }

  async #alarm(fullName: string, times: number): Promise<void> {
    const { kind, name } = partsOf(fullName);
    const instance = this.#instance(kind, name);
    const { api, life } = instance;
    if (instance.isInAlarm) {
      instance.isDueAgain = true; // handlers of one object do not overlap
      return;
    }
    instance.isInAlarm = true;
    try {
      for (let time = 0; time < times; time++) await life.within(api.alarm?.() ?? Promise.resolve());
      await life.within(this.turns.next());
    } catch (error) {
      // the platform repeats a handler that has thrown
      this.reports.push({ at: this.clock.now, message: `${fullName}: its alarm failed`, error });
      if (this.clock.at(fullName) === null) this.#setAlarm(fullName, this.clock.now + ALARM_RETRY_MS);
    }
    instance.isInAlarm = false;
    if (instance.isDueAgain && this.clock.at(fullName) === null) this.#setAlarm(fullName, this.clock.now);
    instance.isDueAgain = false;
  }
}

interface ObjectCall {
  kind: ObjectKind;
  name: string;
  method: string;
  args: unknown[];
}

interface Instance {
  api: { alarm?(): Promise<void> };
  life: Life;
  /** its handler runs */
  isInAlarm: boolean;
  /** its alarm went off meanwhile */
  isDueAgain: boolean;
}

/** What an object has done in a turn that is not over. */
interface OpenTurn {
  writes: DiskWrite[];
  /** undefined when it was not set */
  alarm: number | null | undefined;
}

/** Kind and own name of an object. */
export function partsOf(fullName: string): { kind: ObjectKind; name: string } {
  const space = fullName.indexOf(" ");
  return { kind: fullName.slice(0, space) as ObjectKind, name: fullName.slice(space + 1) };
}
