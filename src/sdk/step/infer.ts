import type { AiAdapter } from "@inngest/ai";
import type { JsonValue } from "../../protocol/json.ts";
import type { StepRequest } from "../execute.ts";
import { stepGateway } from "./gateway.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";
import type { AiInferOptions, StepTools } from "./tools.ts";

/** `step.ai.infer`: one request to a model, made by the platform. */
export function inferTool(ask: Ask, run: StepOwner): StepTools["ai"]["infer"] {
  return async (idOrOptions, options) => {
    const read = readStepOptions(idOrOptions, "step.ai.infer");
    const what = `step.ai.infer "${read.userId}"`;
    const request = (given: AiInferOptions<AiAdapter>): StepRequest => ({
      ...read,
      type: "step.ai.infer",
      op: "AIGateway",
      gateway: stepGateway("AIGateway", inferOpts(given, what), run.fetch, what),
      input: [given],
      withInput: ([changed]) => request(changed as typeof given), // checked there
    });
    return (await ask(request(options))) as never; // the provider's JSON, typed by its adapter
  };
}

/** What the wire carries, with what the adapter makes of the model and the body. */
function inferOpts({ model, body, ...rest }: AiInferOptions<AiAdapter>, what: string): Record<string, JsonValue> {
  if (typeof model !== "object" || model === null)
    throw new TypeError(
      `${what}: model: ${String(model)} is none; make one by step.ai.models, such as openai({ model })`,
    );
  const [asked, sent] = [{ ...model }, { ...body }];
  model.onCall?.(asked, sent);
  const { url, headers, authKey, format } = asked;
  const opts = { ...rest, url, headers, auth_key: authKey, format, body: sent };
  return JSON.parse(JSON.stringify(opts)) as Record<string, JsonValue>; // what JSON carries of it
}
