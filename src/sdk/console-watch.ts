/** The runtime's console, heard where code of a run uses it. It prints as before, and elsewhere nothing is different. */
import type { LogLineLevel } from "../protocol/logs.ts";
import { ambient, hasAmbient } from "./ambient.ts";

/** Methods of loggers and of the console, by the level that their lines have. */
export const LEVEL_OF: Record<string, LogLineLevel | undefined> = {
  trace: "debug",
  debug: "debug",
  log: "info",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "error",
};

const METHODS = ["debug", "log", "info", "warn", "error", "trace"] as const;

const watched = new WeakSet<object>();
/** something has been heard of already: loggers use the console, and so do others who watch it */
let isHeard = false;

/** Looks that the console is heard; anybody may have put other methods into it meanwhile. Nothing without AsyncLocalStorage. */
export function watchConsole(): void {
  if (!hasAmbient()) return;
  for (const method of METHODS) {
    const printing = console[method];
    if (typeof printing !== "function" || watched.has(printing)) continue;
    try {
      console[method] = hearing(printing, LEVEL_OF[method] ?? "info");
    } catch {
      return; // a frozen console is nobody's to change
    }
  }
}

/** Runs code that writes what has been heard of. */
export function heard<R>(code: () => R): R {
  const before = isHeard;
  isHeard = true;
  try {
    return code();
  } finally {
    isHeard = before;
  }
}

/** The same function to all who look at it, as tests do that have replaced it. */
function hearing<F extends (...args: unknown[]) => void>(printing: F, level: LogLineLevel): F {
  const proxy = new Proxy(printing, {
    apply: (target, self, args) => {
      if (isHeard) return Reflect.apply(target, self, args);
      ambient()?.hear?.(level, args);
      return heard(() => Reflect.apply(target, self, args));
    },
  });
  watched.add(proxy);
  return proxy;
}
