import type { Inngest } from "../client.ts";
import type { StepRequest } from "../execute.ts";
import type { InngestFunction } from "../function.ts";
import type { StepTools } from "./tools.ts";
import { invokeTool } from "./invoke.ts";
import { runTool } from "./run.ts";
import { sendEventTool } from "./send-event.ts";
import { sleepTool, sleepUntilTool } from "./sleep.ts";
import { storing } from "./storing.ts";
import { waitForEventTool } from "./wait-for-event.ts";

/** The step tools of one execution. */
export function stepTools(
  askPlainly: (request: StepRequest) => Promise<unknown>,
  run: { client: Inngest; runId: string; fn?: InngestFunction },
): StepTools {
  const { serializer } = run.client;
  const ask = serializer ? storing(askPlainly, serializer) : askPlainly;
  return {
    run: settlingAlone(runTool(ask, "step.run", serializer)),
    ai: { wrap: settlingAlone(runTool(ask, "step.ai.wrap", serializer)) },
    sleep: settlingAlone(sleepTool(ask)),
    sleepUntil: settlingAlone(sleepUntilTool(ask)),
    waitForEvent: settlingAlone(waitForEventTool(ask, run.client)),
    invoke: settlingAlone(invokeTool(ask, run.client)),
    sendEvent: settlingAlone(sendEventTool(ask, run)),
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
