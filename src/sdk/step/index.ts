import type { Inngest } from "../client.ts";
import type { StepTools } from "../types.ts";
import { invokeTool } from "./invoke.ts";
import type { Ask } from "./options.ts";
import { runTool } from "./run.ts";
import { sendEventTool } from "./send-event.ts";
import { sleepTool, sleepUntilTool } from "./sleep.ts";
import { waitForEventTool } from "./wait-for-event.ts";

/** The step tools of one execution. */
export function stepTools(ask: Ask, run: { client: Inngest; runId: string }): StepTools {
  return {
    run: runTool(ask),
    sleep: sleepTool(ask),
    sleepUntil: sleepUntilTool(ask),
    waitForEvent: waitForEventTool(ask),
    invoke: invokeTool(ask),
    sendEvent: sendEventTool(ask, run.client, run.runId),
  };
}
