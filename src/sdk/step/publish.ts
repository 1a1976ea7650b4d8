import { publish } from "../realtime/service.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";
import type { StepTools } from "./tools.ts";

/** `step.realtime.publish`: publishes once the step is reached. Tried again only when it is not known whether it did. */
export function publishTool(ask: Ask, { client, runId }: StepOwner): StepTools["realtime"]["publish"] {
  return async (idOrOptions, topicRef, data) => {
    const options = readStepOptions(idOrOptions, "step.realtime.publish");
    const what = `step.realtime.publish "${options.userId}"`;
    const body = async () => {
      await publish(client, topicRef, data, { what, runId });
      return data;
    };
    return (await ask({ ...options, type: "step.realtime.publish", op: "StepRun", body })) as typeof data; // from the journal
  };
}
