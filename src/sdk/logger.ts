import type { Logger } from "./context.ts";

export type LogArg = unknown;

/** Levels of {@link ConsoleLogger}; `fatal` is `error`. */
export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "silent";

const RANK = { debug: 0, info: 1, warn: 2, error: 3, fatal: 3, silent: 4 };

type Method = keyof Logger;

/**
 * Writes to the console what is at least of a level.
 *
 * @example
 * new Inngest({ id: "my-app", logger: new ConsoleLogger({ level: "warn" }) });
 */
export class ConsoleLogger implements Logger {
  readonly #rank: number;

  /** @param options.level Default `info` */
  constructor(options: { level?: LogLevel } = {}) {
    const { level = "info" } = options;
    const rank: number | undefined = RANK[level];
    if (rank === undefined)
      throw new TypeError(
        `new ConsoleLogger: level: ${JSON.stringify(level)} is not a level; there are ${Object.keys(RANK).join(", ")}`,
      );
    this.#rank = rank;
  }

  debug(...args: LogArg[]): void {
    this.#log("debug", args);
  }

  info(...args: LogArg[]): void {
    this.#log("info", args);
  }

  warn(...args: LogArg[]): void {
    this.#log("warn", args);
  }

  error(...args: LogArg[]): void {
    this.#log("error", args);
  }

  #log(method: Method, args: LogArg[]): void {
    if (RANK[method] >= this.#rank) console[method](...stringFirst(args));
  }
}

/**
 * Lets a logger that wants its message first (Winston, the console) take calls that begin with an object, as Pino's do.
 *
 * @example
 * new Inngest({ id: "my-app", logger: wrapStringFirstLogger(winstonLogger) });
 */
export function wrapStringFirstLogger(logger: Logger): Logger {
  const log =
    (method: Method) =>
    (...args: LogArg[]) =>
      logger[method](...stringFirst(args));
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function stringFirst(args: LogArg[]): LogArg[] {
  const [first, second, ...rest] = args;
  const isPino = typeof first === "object" && first !== null && !Array.isArray(first) && typeof second === "string";
  return isPino ? [second, first, ...rest] : args;
}

/** A logger that can be silenced: what it is given while it is silent is lost. It is silent at first. */
export class ProxyLogger implements Logger {
  readonly #logger: Logger;
  readonly #gated: Logger;
  #isEnabled = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#gated = gatedLogger(logger, () => !this.#isEnabled);
  }

  debug(...args: LogArg[]): void {
    this.#gated.debug(...args);
  }

  info(...args: LogArg[]): void {
    this.#gated.info(...args);
  }

  warn(...args: LogArg[]): void {
    this.#gated.warn(...args);
  }

  error(...args: LogArg[]): void {
    this.#gated.error(...args);
  }

  enable(): void {
    this.#isEnabled = true;
  }

  disable(): void {
    this.#isEnabled = false;
  }

  /** Resolves when what was logged has left, for loggers that say so. */
  async flush(): Promise<void> {
    await flushLogger(this.#logger);
  }
}

/** The logger, all its methods and children, silent whenever `isSilent` says so. */
export function gatedLogger(logger: Logger, isSilent: () => boolean): Logger {
  const gate = {}; // not the logger itself: it may be frozen, and a proxy must not hide what is frozen
  return new Proxy(gate as Logger, {
    get(_target, name) {
      const value: unknown = Reflect.get(logger, name);
      if (typeof value !== "function") return value;
      if (name === "child") return (...args: unknown[]) => gatedLogger(Reflect.apply(value, logger, args), isSilent);
      return (...args: unknown[]) => (isSilent() ? undefined : Reflect.apply(value, logger, args));
    },
  });
}

/** A run's own logger, when the logger can make one. */
export function childLogger(logger: Logger, fields: Record<string, unknown>): Logger {
  const child: unknown = Reflect.get(logger, "child");
  return typeof child === "function" ? Reflect.apply(child, logger, [fields]) : logger;
}

/** What has to be waited for until all that was logged has left; undefined for most loggers. */
export function flushLogger(logger: Logger): Promise<unknown> | undefined {
  const flush: unknown = Reflect.get(logger, "flush");
  if (typeof flush !== "function") return undefined;
  return (async () => Reflect.apply(flush, logger, []))();
}
