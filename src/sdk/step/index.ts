import type { Inngest } from "../client.ts";
import type { StepRequest } from "../execute.ts";
import type { StepTools } from "../types.ts";
import { invokeTool } from "./invoke.ts";
import { runTool } from "./run.ts";
import { sendEventTool } from "./send-event.ts";
import { sleepTool, sleepUntilTool } from "./sleep.ts";
import { waitForEventTool } from "./wait-for-event.ts";

/** The step tools of one execution. */
export function stepTools(
  ask: (request: StepRequest) => Promise<unknown>,
  run: { client: Inngest; runId: string },
): StepTools {
  return {
    run: settlingAlone(runTool(ask)),
    sleep: settlingAlone(sleepTool(ask)),
    sleepUntil: settlingAlone(sleepUntilTool(ask)),
    waitForEvent: settlingAlone(waitForEventTool(ask)),
    invoke: settlingAlone(invokeTool(ask)),
    sendEvent: settlingAlone(sendEventTool(ask, run.client, run.runId)),
  };
}

/** A step that the handler does not await may fail without ending the process as an unhandled rejection. */
function settlingAlone<Tool extends (...args: never[]) => Promise<unknown>>(tool: Tool): Tool {
  const wrapped = (...args: never[]) => {
    const promise = tool(...args);
    promise.catch(() => undefined);
    return promise;
  };
  return wrapped as Tool; // same parameters, same promise
}
