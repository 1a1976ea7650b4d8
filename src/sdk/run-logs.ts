/**
 * What the code of one pass logs: lines of the step whose code they come from, and lines of the code around steps. They are
 * found by what surrounds the code; without AsyncLocalStorage they are those of the one step that runs, if it is one.
 */
import type { LogBatch, LogLineLevel } from "../protocol/logs.ts";
import { LogLines } from "../protocol/logs.ts";
import { ambient } from "./ambient.ts";
import type { Inngest } from "./client.ts";
import { heard, LEVEL_OF, watchConsole } from "./console-watch.ts";
import type { Logger } from "./context.ts";
import type { StepScope } from "./group.ts";
import { logText } from "./log-text.ts";

export interface RunLogsParts {
  /** the pass that they are of, as its surroundings name it */
  run: object;
  /** epoch ms */
  now(): number;
  /** what is said has been said before */
  isReplaying(): boolean;
  /** what holds for code that is called now, where AsyncLocalStorage does not tell */
  scope(): StepScope;
}

/** What of a function's lines is kept: `logger`: those of `ctx.logger` alone. */
type Capture = "all" | "logger";

export class RunLogs {
  /** what the console is to tell, when that is wanted */
  readonly hear: ((level: LogLineLevel, args: readonly unknown[]) => void) | undefined;
  readonly #parts: RunLogsParts;
  readonly #around = new LogLines();
  /** of step bodies that run, by the hash of their step */
  readonly #steps = new Map<string, LogLines>();

  /** Null for an app that wants none to be kept. */
  static of(client: Pick<Inngest, "option">, parts: RunLogsParts): RunLogs | null {
    const capture = client.option("captureLogs");
    return capture === false ? null : new RunLogs(capture === "logger" ? "logger" : "all", parts);
  }

  private constructor(capture: Capture, parts: RunLogsParts) {
    this.#parts = parts;
    if (capture === "logger") return;
    this.hear = (level, args) => this.#hear(level, args);
    watchConsole();
  }

  /** The logger, heard: what is written with it, and with its children, is kept too. */
  logger(logger: Logger, fields: readonly unknown[] = []): Logger {
    const place = {}; // not the logger itself: it may be frozen, and a proxy must not hide what is frozen
    return new Proxy(place as Logger, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(logger, name);
        if (typeof value !== "function") return value;
        if (name === "child")
          return (...args: unknown[]) =>
            this.logger(Reflect.apply(value, logger, args), [...fields, ...args.slice(0, 1)]);
        const level = typeof name === "string" && Object.hasOwn(LEVEL_OF, name) ? LEVEL_OF[name] : undefined;
        if (level === undefined) return value;
        return (...args: unknown[]) => {
          this.#hear(level, [...args, ...fields]);
          return heard(() => Reflect.apply(value, logger, args));
        };
      },
    });
  }

  /** The code of a step begins. */
  begin(stepId: string): void {
    this.#steps.set(stepId, new LogLines());
  }

  /** Where the lines of that code go, also once another attempt has begun. */
  of(stepId: string): LogLines | undefined {
    return this.#steps.get(stepId);
  }

  /** The code of a step is over. */
  end(stepId: string): LogBatch | undefined {
    const lines = this.#steps.get(stepId);
    this.#steps.delete(stepId);
    return lines?.take();
  }

  /** What the code around steps has logged since the last time. */
  around(): LogBatch | undefined {
    return this.#around.take();
  }

  #hear(level: LogLineLevel, args: readonly unknown[]): void {
    const { isReplaying, now } = this.#parts;
    if (!isReplaying()) this.#place().add(level, now(), () => logText(args));
  }

  #place(): LogLines {
    const found = ambient();
    const scope = found?.run === this.#parts.run ? found.scope : this.#parts.scope();
    if (scope?.execution) return scope.execution.lines ?? this.#around;
    const [only, ...others] = found ? [] : this.#steps.values();
    return only && others.length === 0 ? only : this.#around;
  }
}
