import type { JsonValue } from "./json.ts";

/** An error as it travels: in step ops, memos, outcomes and replies (inngest-protocol §3.3). */
export interface WireError {
  name: string;
  message: string;
  stack?: string;
  /** stable machine-readable kind; ours are listed in docs/errors.md */
  code?: string;
  cause?: JsonValue;
  /** partial step output of official Go clients, kept verbatim */
  data?: JsonValue;
  noRetry?: boolean;
  [key: string]: JsonValue | undefined;
}

/** Names of errors that the engine itself puts into steps and runs. */
export const errorNames = {
  stepLost: "StepLostError",
  invokeTimeout: "InngestInvokeTimeoutError",
  functionOverflowed: "InngestErrFunctionOverflowed",
  stateOverflowed: "InngestErrStateOverflowed",
  timeoutTooLong: "InngestErrTimeoutTooLong",
  functionSkipped: "FunctionSkippedError",
} as const;

/** What the step gets that invoked a function which flow control did not let run. */
export function skippedError(functionId: string, rule: string): WireError {
  return {
    name: errorNames.functionSkipped,
    code: "function_skipped",
    message: `function "${functionId}" was not run: ${rule}`,
  };
}
