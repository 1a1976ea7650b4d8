import { models } from "@inngest/ai";
import type { Inngest } from "../client.ts";
import type { PropagatedEventSessions } from "../event.ts";
import type { StepRequest } from "../execute.ts";
import type { InngestFunction } from "../function.ts";
import type { EventSender } from "../sender.ts";
import type { StepTools } from "./tools.ts";
import { fetchTool } from "./fetch.ts";
import type { StepFetcher } from "./gateway.ts";
import { inferTool } from "./infer.ts";
import { invokeTool } from "./invoke.ts";
import { publishTool } from "./publish.ts";
import { runTool } from "./run.ts";
import { sendEventTool } from "./send-event.ts";
import { sendSignalTool } from "./send-signal.ts";
import { sleepTool, sleepUntilTool } from "./sleep.ts";
import { storing } from "./storing.ts";
import { waitForEventTool } from "./wait-for-event.ts";
import { waitForSignalTool } from "./wait-for-signal.ts";

/** The run whose steps they are. */
export interface StepOwner {
  client: Inngest;
  runId: string;
  fn?: InngestFunction;
  /** what the events that it sends inherit */
  sessions(): PropagatedEventSessions | undefined;
  /** delivers them, when the run's host does */
  send?: EventSender;
  /** epoch ms */
  now(): number;
  /** makes requests where the platform is in this process */
  fetch: StepFetcher;
  /** Holds the run's steps back until the function returned is called. */
  hold(): () => void;
}

/** The step tools of one execution. */
export function stepTools(askPlainly: (request: StepRequest) => Promise<unknown>, run: StepOwner): StepTools {
  const { serializer } = run.client;
  const ask = serializer ? storing(askPlainly, serializer) : askPlainly;
  return {
    run: settlingAlone(runTool(ask, "step.run", serializer)),
    ai: {
      wrap: settlingAlone(runTool(ask, "step.ai.wrap", serializer)),
      infer: settlingAlone(inferTool(ask, run)),
      models: { ...models },
    },
    fetch: fetchTool(ask, run),
    sleep: settlingAlone(sleepTool(ask)),
    sleepUntil: settlingAlone(sleepUntilTool(ask)),
    waitForEvent: settlingAlone(waitForEventTool(ask, run.client)),
    waitForSignal: settlingAlone(waitForSignalTool(ask)),
    sendSignal: settlingAlone(sendSignalTool(ask, run)),
    invoke: settlingAlone(invokeTool(ask, run)),
    sendEvent: settlingAlone(sendEventTool(ask, run)),
    realtime: { publish: settlingAlone(publishTool(ask, run)) },
  };
}

/** What the handler does not await may fail without ending the process as an unhandled rejection. */
export function settlingAlone<Tool extends (...args: never[]) => Promise<unknown>>(tool: Tool): Tool {
  const wrapped = (...args: never[]) => {
    const promise = tool(...args);
    promise.catch(() => undefined);
    return promise;
  };
  return wrapped as Tool; // same parameters, same promise
}
