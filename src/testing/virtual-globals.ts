/**
 * Virtual time and seeded chance for the code of runs, and for nobody else. The globals are replaced once per process by
 * wrappers that ask whether the calling code is part of a run under test; all other calls go straight through.
 *
 * Code of a run is found by AsyncLocalStorage: where the runtime has none, globals stay as they are.
 */
import { ambient } from "../sdk/ambient.ts";
import type { Random } from "./random.ts";

/** The code of one pass over a handler, and of the steps that it carries out. */
export interface VirtualPass {
  /** epoch ms */
  now(): number;
  /** @param execution of a step's code, an object each; undefined for the handler */
  chance(execution: { readonly id: string } | undefined): Random;
  /** The handler itself, outside of steps, has called for the time; what it is given. */
  tell?(what: string, now: number): void;
  /** It has called for chance. */
  drawn?(what: string): void;
}

/** What one call of a global finds. */
interface Caller {
  now(what: string): number;
  chance(what: string): Random;
}

/** One per process, however many copies of this module there are: each adds a way of finding the code that calls. */
interface Installation {
  finders: (() => Caller | undefined)[];
  /** Wraps what is not wrapped, or not any more. */
  ensure(): void;
}

const INSTALLATION = Symbol.for("@dotdo/inngest: virtual globals, 1");
/** Of copies that a test runner has loaded before, and whose runs are over. */
const FINDERS_MAX = 8;
/** What `getRandomValues` fills at most (Web Crypto §10.1.1). */
const RANDOM_MAX_BYTES = 65_536;

// taken when this module is loaded: tests replace them later on
const { random: realRandom } = Math;
const { crypto: realCrypto } = globalThis as { crypto?: Crypto };
const { randomUUID: realUUID, getRandomValues: realValues }: Partial<Crypto> = realCrypto ?? {};

const passes = new WeakMap<object, VirtualPass>();
let installation: Installation | undefined;

/** Makes the globals virtual for the code of passes that have been {@link enterVirtual entered}. */
export function installVirtualGlobals(): void {
  if (!installation) {
    const process = globalThis as { [INSTALLATION]?: Installation };
    installation = process[INSTALLATION] ??= install();
    installation.finders.unshift(find);
    installation.finders.length = Math.min(installation.finders.length, FINDERS_MAX);
  }
  installation.ensure();
}

/** The code that calls belongs to this pass, with all that it calls and starts. */
export function enterVirtual(pass: VirtualPass): void {
  const found = ambient();
  if (!found) return;
  passes.set(found.run, pass);
  installation?.ensure();
}

function find(): Caller | undefined {
  const found = ambient();
  const pass = found && passes.get(found.run);
  if (!pass) return undefined;
  const execution = found.scope?.execution;
  return {
    now: (what) => {
      const now = pass.now();
      if (!execution) pass.tell?.(what, now);
      return now;
    },
    chance: (what) => {
      if (!execution) pass.drawn?.(what);
      return pass.chance(execution);
    },
  };
}

function install(): Installation {
  const finders: Installation["finders"] = [];
  const caller = (): Caller | undefined => {
    for (const finder of finders) {
      const found = finder();
      if (found) return found;
    }
    return undefined;
  };
  const node = nodeCrypto();
  const functions = [mathRandom(caller), ...cryptoFunctions(caller), ...(node?.functions(caller) ?? [])];
  const dates = new WeakSet<DateConstructor>();
  return {
    finders,
    ensure: () => {
      // a function that a test has replaced by its own stays so
      const missing = functions.filter(({ owner, name, real }) => Reflect.get(owner, name) === real);
      for (const { owner, name, virtual } of missing)
        Object.defineProperty(owner, name, { value: virtual, configurable: true, writable: true });
      if (missing.length > 0) node?.publish();
      if (dates.has(Date)) return;
      // fake timers replace the class, and put back what they have found; their time is for code outside of runs
      const wrapped = virtualDate(Date, caller);
      dates.add(wrapped);
      globalThis.Date = wrapped;
      constructorIsGlobal(wrapped.prototype);
    },
  };
}

/** `date.constructor === Date` holds whichever class of the two is the global one: fake timers change that at any time. */
function constructorIsGlobal(prototype: Date): void {
  const { constructor: real } = prototype;
  if (Object.getOwnPropertyDescriptor(prototype, "constructor")?.get) return;
  Object.defineProperty(prototype, "constructor", {
    get: () => (Date.prototype === prototype ? Date : real),
    set(this: object, value: unknown) {
      Object.defineProperty(this, "constructor", { value, configurable: true, enumerable: true, writable: true });
    },
    configurable: true,
  });
}

interface Replacement {
  owner: object;
  name: string;
  real: unknown;
  virtual: unknown;
}

function mathRandom(caller: () => Caller | undefined): Replacement {
  const virtual = function random(): number {
    return caller()?.chance("Math.random()").next() ?? realRandom();
  };
  return { owner: Math, name: "random", real: realRandom, virtual };
}

function cryptoFunctions(caller: () => Caller | undefined): Replacement[] {
  if (!realCrypto || !realUUID || !realValues) return [];
  const [owner, values] = [realCrypto, realValues];
  const virtualUUID = () => {
    const found = caller();
    return found ? uuid(found.chance("crypto.randomUUID()").bytes(16)) : realUUID.call(owner);
  };
  const virtualValues = (view: ArrayBufferView): ArrayBufferView => {
    const found = isFillable(view) ? caller() : undefined; // what cannot be filled is refused by the real one
    if (!found) return values.call(owner, view as never);
    const bytes = found.chance("crypto.getRandomValues()").bytes(view.byteLength);
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(bytes);
    return view;
  };
  return [
    { owner, name: "randomUUID", real: realUUID, virtual: virtualUUID },
    { owner, name: "getRandomValues", real: realValues, virtual: virtualValues },
  ];
}

/** What `import { randomUUID } from "node:crypto"` gives, on runtimes where modules built in can be changed. */
function nodeCrypto() {
  const { process, Buffer } = globalThis as unknown as NodeGlobals;
  let owner: NodeModule | undefined;
  let publish: (() => void) | undefined;
  try {
    owner = process?.getBuiltinModule?.("node:crypto");
    publish = process?.getBuiltinModule?.("node:module")?.syncBuiltinESMExports;
    publish?.(); // workerd has it, and throws
  } catch {
    return undefined;
  }
  if (!owner?.randomUUID || !owner.randomBytes || !owner.randomInt || !publish || !Buffer) return undefined;
  const { randomUUID, randomBytes, randomInt } = owner;
  const functions = (caller: () => Caller | undefined): Replacement[] => [
    {
      owner,
      name: "randomUUID",
      real: randomUUID,
      virtual: (...args: unknown[]) => {
        const found = caller();
        return found ? uuid(found.chance("randomUUID()").bytes(16)) : randomUUID(...args);
      },
    },
    {
      owner,
      name: "randomBytes",
      real: randomBytes,
      virtual: (...args: unknown[]) => {
        const [size] = args;
        const found = args.length === 1 && isCount(size) ? caller() : undefined; // with a callback it stays as it is
        return found ? Buffer.from(found.chance("randomBytes()").bytes(Number(size))) : randomBytes(...args);
      },
    },
    {
      owner,
      name: "randomInt",
      real: randomInt,
      virtual: (...args: unknown[]) => {
        const [min, max] = args.length === 1 ? [0, Number(args[0])] : [Number(args[0]), Number(args[1])];
        const isRange = args.length <= 2 && Number.isSafeInteger(min) && isCount(max - min - 1);
        const found = isRange ? caller() : undefined;
        return found ? min + found.chance("randomInt()").below(max - min) : randomInt(...args);
      },
    },
  ];
  return { functions, publish };
}

/** The part of Node that is asked for, wherever it is. */
interface NodeGlobals {
  Buffer?: { from(bytes: Uint8Array): unknown };
  process?: { getBuiltinModule?(name: string): NodeModule | undefined };
}

interface NodeModule {
  randomUUID?: (...args: unknown[]) => unknown;
  randomBytes?: (...args: unknown[]) => unknown;
  randomInt?: (...args: unknown[]) => unknown;
  syncBuiltinESMExports?: () => void;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 31;
}

function isFillable(view: unknown): view is ArrayBufferView {
  if (!ArrayBuffer.isView(view) || view.byteLength > RANDOM_MAX_BYTES) return false;
  return !(view instanceof DataView || view instanceof Float32Array || view instanceof Float64Array);
}

/** Version 4, as RFC 9562 §5.4 has it. */
function uuid(bytes: Uint8Array): string {
  const fixed = bytes.map((byte, at) => (at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte));
  const hex = Array.from(fixed, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The class as it is, but for the questions that are about now. */
function virtualDate(real: DateConstructor, caller: () => Caller | undefined): DateConstructor {
  const { now: realNow } = real;
  const virtualNow = function now(): number {
    return caller()?.now("Date.now()") ?? realNow.call(real);
  };
  const virtual: DateConstructor = new Proxy(real, {
    construct(target, args, newTarget) {
      const found = args.length === 0 ? caller() : undefined;
      // of the class itself, unless another extends it: asking a proxy for its prototype takes its time
      const made = newTarget === virtual ? target : newTarget;
      return Reflect.construct(target, found ? [found.now("new Date()")] : args, made);
    },
    apply(target, self, args) {
      const found = caller();
      return found ? new target(found.now("Date()")).toString() : Reflect.apply(target, self, args);
    },
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      return name === "now" && value === realNow ? virtualNow : value; // unless a test has replaced it
    },
  });
  return virtual;
}
