/** What can be done to a step by hand. */
import type { Step } from "../api/runs.ts";

/** One way in which a wait ends. */
export interface Way {
  kind: "event" | "data" | "error" | "timeout";
  words: string;
  /** what may be written; absent: nothing is */
  example?: string;
}

const OPEN = new Set(["waiting", "registering", "invoking"]);
const NOTHING: Way = { kind: "timeout", words: "nothing, as when its time is over" };

/** None for a step that waits for nothing from outside. */
export function waysToResolve({ kind, status }: Pick<Step, "kind" | "status">): Way[] {
  if (!OPEN.has(status)) return [];
  switch (kind) {
    case "wait":
      return [{ kind: "event", words: "an event", example: '{\n  "data": {}\n}' }, NOTHING];
    case "signal":
      return [{ kind: "data", words: "the signal's data", example: "{}" }, NOTHING];
    case "invoke":
      return [
        { kind: "data", words: "an output of the run that it has invoked", example: "{}" },
        {
          kind: "error",
          words: "a failure of that run",
          example: '{\n  "name": "Error",\n  "message": "refused by hand"\n}',
        },
        { ...NOTHING, words: "a timeout" },
      ];
    default:
      return [];
  }
}

const WITH_INPUT = new Set(["step.run", "step.ai.wrap", "StepRun", "Step", "StepPlanned"]);

/** Whether its code may get other arguments. */
export function takesInput({ kind, type }: Pick<Step, "kind" | "type">): boolean {
  return kind === "run" && WITH_INPUT.has(type);
}
