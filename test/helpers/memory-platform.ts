/**
 * The platform's objects in one process: the same classes as in workerd, over SQLite in memory, a clock that is moved by
 * hand and hops that can be delayed or be the last thing a process does. Death is total: what an old process still
 * tries to write fails.
 */
import { routeBatch } from "../../src/durable-objects/consumer.ts";
import { DedupeObject } from "../../src/durable-objects/dedupe-object.ts";
import type { Host } from "../../src/durable-objects/host.ts";
import { LogObject } from "../../src/durable-objects/log-object.ts";
import { logOf, type Objects, type RouteMessage } from "../../src/durable-objects/objects.ts";
import { acceptRecords } from "../../src/durable-objects/accept.ts";
import { RegistryObject } from "../../src/durable-objects/registry-object.ts";
import { RunObject } from "../../src/durable-objects/run-object.ts";
import { sweep } from "../../src/durable-objects/sweep.ts";
import { WaitsObject } from "../../src/durable-objects/waits-object.ts";
import { readEvents, readSeed } from "../../src/protocol/event-request.ts";
import { runIdOf, type UlidParts } from "../../src/protocol/ids.ts";
import { RETENTION_DEFAULT_MS } from "../../src/protocol/limits.ts";
import { Inngest, type InngestFunction } from "../../src/sdk/index.ts";
import { bindSender } from "../../src/sdk/sender.ts";
import type { RunView } from "../../src/routes/run-view.ts";
import { LocalFunctions } from "../../src/transports/local.ts";
import type { Sql, SqlValue } from "../../src/durable-objects/storage/sql.ts";
import { sqlStores } from "../../src/durable-objects/storage/sql-stores.ts";
import { MemorySql } from "./memory-sql.ts";

const ENV = "main";
const START = Date.UTC(2026, 0, 1);
const QUIET_TURNS = 6;
const QUEUE_RETRIES = 3;

/** Thrown at the hop that is a process's last. */
export class Death extends Error {
  override name = "ProcessDeath";
}

let cryptoAtWork = 0;

/** WebCrypto works on threads of its own, for longer than a few turns: while it does, nothing is at rest. */
for (const name of ["encrypt", "decrypt", "importKey", "deriveBits", "deriveKey", "digest"] as const) {
  const plain: (...args: never[]) => Promise<unknown> = crypto.subtle[name].bind(crypto.subtle);
  const counted = async (...args: never[]) => {
    cryptoAtWork += 1;
    try {
      return await plain(...args);
    } finally {
      cryptoAtWork -= 1;
    }
  };
  Object.defineProperty(crypto.subtle, name, { value: counted, configurable: true });
}

/** Called around every call between objects; may delay it, or throw {@link Death}. */
export type Hop = (name: string) => Promise<void> | void;

interface Instance {
  alarm?(): Promise<void>;
}

export class MemoryPlatform {
  now = START;
  hasQueue = true;
  /** whether all events go to the same log */
  oneShard = false;
  hop: Hop = () => undefined;
  /** Called with an object's name at each of its statements, commits and syncs; may throw, as disks do, and delay a sync. */
  disk: (object: string, what: "statement" | "commit" | "sync", values: SqlValue[]) => unknown = () => undefined;
  /** hops so far, by name: what a test may crash at */
  readonly hops: string[] = [];
  readonly messages: RouteMessage[] = [];
  /** what objects have told people */
  readonly reports: string[] = [];
  readonly #appId: string;
  readonly #functions: LocalFunctions;
  readonly #disks = new Map<string, Sql>();
  readonly #alarms = new Map<string, number>();
  /** alarms whose handler is running */
  readonly #firing = new Set<string>();
  #instances = new Map<string, Instance>();
  #life = 0;
  readonly #seeds = new Map<string, UlidParts>();
  #requests = 0;
  readonly #failures = new WeakMap<RouteMessage, number>();
  #busy = 0;
  #clients = 0;
  #clockMoved = Promise.withResolvers<void>();

  constructor(
    functions: (client: Inngest) => InngestFunction[],
    client: Inngest = new Inngest({ id: "mem", logger: silent }),
  ) {
    this.#appId = client.id;
    this.#functions = new LocalFunctions(client, functions(client));
    bindSender(client, async (events, seed) => {
      // the client's clock is not this one: of its seed only the entropy counts
      const { entropy } = readSeed(seed, Number.parseInt(seed, 10), new Uint8Array(10));
      const records = readEvents(JSON.stringify(events), { timeMs: this.now, entropy }, this.now);
      await acceptRecords(this.objects(), ENV, records, this.now);
      return { ids: records.map((record) => record.internalId) };
    });
  }

  /** The clock stands still while a client is at work. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#clients += 1;
    try {
      return await work;
    } finally {
      this.#clients -= 1;
    }
  }

  /** Ways to the objects, for one life of the process. */
  objects(): Objects {
    const life = this.#life;
    const to = <Api extends object>(name: string, create: (host: Host) => Api): Api => this.#stub(name, life, create);
    const transports = { local: this.#functions, http: { call: () => Promise.reject(new Error("no http here")) } };
    const timing = { watchdogMs: 20_000, alarmHoldMs: 60_000 };
    return {
      queue: {
        exists: () => this.hasQueue,
        send: async (message) => {
          await this.#pass("queue.send");
          this.messages.push(structuredClone(message));
          return true;
        },
      },
      pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
      run: (_env, id) => to(`run ${id}`, (host) => new RunObject(host, () => transports, timing)),
      log: (_env, log) => to(`log ${log}`, (host) => new LogObject(host, () => RETENTION_DEFAULT_MS)),
      waits: (_env, name) => to(`waits ${name}`, (host) => new WaitsObject(host)),
      dedupe: (_env, shard) => to(`dedupe ${shard}`, (host) => new DedupeObject(host)),
      registry: () => to("registry registry", (host) => new RegistryObject(host)),
    };
  }

  async register(): Promise<void> {
    const functions = this.#functions.registered();
    await this.objects()
      .registry(ENV)
      .sync({ appId: this.#appId, url: null, sdk: "", framework: "", functions, checksum: "1" });
  }

  /**
   * Accepts an event as `POST /e` does; its internal id. Throws when the process dies on the way; the same user id
   * again is the same request, repeated with its seed.
   */
  async send(event: { name: string; data?: object; id: string }): Promise<string> {
    const seed = this.#seeds.get(event.id) ?? {
      timeMs: this.now,
      entropy: entropyOf(this.#requests + this.#seeds.size, this.oneShard),
    };
    this.#seeds.set(event.id, seed);
    const records = readEvents(JSON.stringify(event), seed, this.now);
    await acceptRecords(this.objects(), ENV, records, this.now);
    return records[0]!.internalId;
  }

  /** The process dies: instances and the queue are gone, disks and alarms stay. */
  die(): void {
    this.#life += 1;
    // a handler that did not come to its end is run again
    for (const name of this.#firing) if (!this.#alarms.has(name)) this.#alarms.set(name, this.now);
    this.#firing.clear();
    this.#instances = new Map();
    this.messages.length = 0;
    this.#busy = 0;
  }

  /**
   * Delivers messages and fires alarms, moving the clock on, until `done` says so or nothing is left to do but an alarm
   * later than `horizonMs`.
   */
  async run(
    done: () => Promise<boolean> | boolean = () => false,
    { maxRounds = 500, horizonMs = Number.POSITIVE_INFINITY } = {},
  ): Promise<void> {
    const horizon = this.now + horizonMs;
    for (let round = 0; round < maxRounds; round++) {
      await this.#quiet();
      if (await done()) return;
      const batch = this.messages.splice(0);
      if (batch.length > 0) {
        const again = () => this.messages.push(...batch.filter((message) => this.#deliver(message) <= QUEUE_RETRIES));
        this.#spawn(() => routeBatch(this.objects(), ENV, batch, this.now), again);
        continue;
      }
      if (this.#clients > 0) continue;
      const next = [...this.#alarms].sort((a, b) => a[1] - b[1])[0];
      if (!next || next[1] > horizon) return;
      this.#moveTo(Math.max(this.now, next[1]));
      const [name] = next;
      this.#alarms.delete(name);
      this.#firing.add(name);
      const instance = this.#instance(name, this.#life);
      const life = this.#life;
      this.#spawn(
        async () => {
          await instance.alarm?.();
          if (life === this.#life) this.#firing.delete(name);
        },
        () => this.#alarms.set(name, this.now),
      );
    }
    throw new Error(`not at rest after ${maxRounds} rounds; last hops: ${this.hops.slice(-10).join(", ")}`);
  }

  /** The run that an event started of a function, as the API would read it. */
  async view(eventId: string, functionId: string): Promise<RunView | null> {
    const { hop } = this;
    this.hop = () => undefined;
    try {
      const run = this.objects().run(ENV, runIdOf(eventId, functionId));
      const summary = await run.summary();
      return summary && { ...summary, ...(await run.journal(0)) };
    } finally {
      this.hop = hop;
    }
  }

  /** What the minute's cron does in an hour: older logs are looked at once in that time. */
  async sweepAnHour(): Promise<void> {
    for (let minute = 0; minute < 60; minute++) {
      await sweep(this.objects(), ENV, this.now);
      this.now += 60_000;
    }
  }

  /** Alarms that the platform loses, by the beginning of the object's name. */
  dropAlarms(prefix: string): void {
    for (const name of this.#alarms.keys()) if (name.startsWith(prefix)) this.#alarms.delete(name);
  }

  /** What the index tells of the runs that an event started. */
  async indexOf(eventId: string) {
    return this.objects().log(ENV, logOf(eventId)).runsOf(eventId);
  }

  /** When an object's alarm fires, by the object's name. */
  alarmOf(name: string): number | null {
    return this.#alarms.get(name) ?? null;
  }

  /** The next send of a known user id is a new request. */
  forgetSeeds(): void {
    this.#requests += this.#seeds.size;
    this.#seeds.clear();
  }

  /** What the log of an event still has to route. */
  async isAcknowledged(eventId: string): Promise<boolean> {
    return !this.#alarms.has(`log ${logOf(eventId)}`);
  }

  /** How often a message has failed; past its retries the queue gives it up. */
  #deliver(message: RouteMessage): number {
    const times = (this.#failures.get(message) ?? 0) + 1;
    this.#failures.set(message, times);
    return times;
  }

  #moveTo(now: number): void {
    this.now = now;
    this.#clockMoved.resolve();
    this.#clockMoved = Promise.withResolvers<void>();
  }

  /** Runs a task of this life; when it fails while the process lives, `again` makes it come back. */
  #spawn(task: () => Promise<unknown>, again: () => void): void {
    const life = this.#life;
    void task().catch((error: unknown) => {
      if (error instanceof Death && life === this.#life) this.die();
      else if (life === this.#life) again();
    });
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#busy > 0 || cryptoAtWork > 0) quiet = 0;
    }
  }

  async #pass(name: string): Promise<void> {
    this.hops.push(name);
    this.#busy += 1;
    try {
      await this.hop(name);
    } finally {
      this.#busy = Math.max(this.#busy - 1, 0);
    }
  }

  #stub<Api extends object>(name: string, life: number, create: (host: Host) => Api): Api {
    const kind = name.split(" ")[0];
    return new Proxy({} as Api, {
      get:
        (_target, method) =>
        async (...args: unknown[]) => {
          await this.#pass(`→ ${kind}.${String(method)}`);
          if (life !== this.#life) throw new Death("the caller's process is gone");
          const instance = this.#instance(name, life, create);
          const result = await Reflect.get(instance, method).call(instance, ...structuredClone(args));
          if (life !== this.#life) throw new Death("the callee's process is gone");
          await this.#pass(`← ${kind}.${String(method)}`);
          if (life !== this.#life) throw new Death("the caller's process is gone");
          return structuredClone(result);
        },
    });
  }

  readonly #creators = new Map<string, (host: Host) => object>();

  #instance(name: string, life: number, create?: (host: Host) => object): Instance {
    if (create) this.#creators.set(name, create);
    const known = this.#instances.get(name);
    if (known) return known;
    const made = this.#creators.get(name)!(this.#host(name, life)) as Instance;
    this.#instances.set(name, made);
    return made;
  }

  #host(fullName: string, life: number): Host {
    if (!this.#disks.has(fullName)) this.#disks.set(fullName, new MemorySql());
    const disk = () => this.#disks.get(fullName)!;
    const alive = () => {
      if (life !== this.#life) throw new Death("this process is gone");
    };
    return {
      env: ENV,
      name: fullName.slice(fullName.indexOf(" ") + 1),
      objects: this.objects(),
      stores: sqlStores({
        exec: (query, ...bindings) => (
          alive(),
          this.disk(fullName, "statement", bindings),
          disk().exec(query, ...bindings)
        ),
        transaction: (body) => {
          alive();
          return disk().transaction(() => {
            const result = body();
            this.disk(fullName, "commit", []);
            return result;
          });
        },
      }),
      now: () => this.now,
      random: () => 0,
      setAlarm: (at) => {
        alive();
        if (at === null) this.#alarms.delete(fullName);
        else this.#alarms.set(fullName, at);
      },
      alarm: async () => this.#alarms.get(fullName) ?? null,
      wait: async (delayMs, until) => {
        const end = this.now + delayMs;
        let isOver = false;
        void until.then(() => (isOver = true));
        while (!isOver && this.now < end && life === this.#life) await Promise.race([until, this.#clockMoved.promise]);
        alive();
      },
      sync: async () => {
        alive();
        await this.disk(fullName, "sync", []);
      },
      wipe: async () => {
        alive();
        this.#disks.set(fullName, new MemorySql());
        this.#alarms.delete(fullName);
      },
      report: (message, error) => void this.reports.push(`${message} ${String(error)}`),
    };
  }
}

/** Ten bytes that differ for each request, the first of which spreads requests over shards. */
function entropyOf(n: number, oneShard: boolean): Uint8Array {
  const entropy = new Uint8Array(10).fill(oneShard ? 0 : n % 251);
  new DataView(entropy.buffer).setUint32(1, n);
  return entropy;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
