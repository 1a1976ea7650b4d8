import { note } from "./trace.ts";

/** Whose line it is: handlers hand it over with each line, since one logger serves all runs. */
export interface Speaker {
  run: string;
  key: string;
  attempt: number;
}

/** Notes what handlers say; what the package itself says goes to the console. */
export const notingLogger = {
  info: (...[text, speaker]: unknown[]) => {
    if (typeof speaker === "object") note({ ...(speaker as Speaker), step: `log: ${text}` });
  },
  debug: () => {},
  warn: (...args: unknown[]) => console.warn(...args),
  error: (...args: unknown[]) => console.error(...args),
};
