import { sendSignal } from "../signals.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";
import type { StepTools } from "./tools.ts";

/** `step.sendSignal`: sends a signal. Tried again only when it is not known whether it arrived. */
export function sendSignalTool(ask: Ask, { client }: StepOwner): StepTools["sendSignal"] {
  return async (idOrOptions, { signal, data }) => {
    const options = readStepOptions(idOrOptions, "step.sendSignal");
    const body = () => sendSignal(client, { signal, data }, `step.sendSignal "${options.userId}"`);
    const opts = { ...options.opts, signal };
    const sent = (await ask({ ...options, type: "step.sendSignal", op: "StepRun", opts, body })) as { runId?: string };
    return { runId: sent.runId }; // JSON leaves out what is undefined
  };
}
