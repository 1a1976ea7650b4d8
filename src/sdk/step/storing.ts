import type { StepRequest } from "../execute.ts";
import type { Serializer } from "../serializer.ts";
import type { Ask } from "./options.ts";

/** Steps whose results a serializer writes and reads. */
export function storing(ask: Ask, serializer: Serializer): Ask {
  const stored = (request: StepRequest): StepRequest => {
    const { body, withInput } = request;
    return {
      ...request,
      body: body && (async (step) => serializer.encode(await body(step))),
      withInput: withInput && ((input) => stored(withInput(input))),
    };
  };
  return async (request) => serializer.decode(await ask(stored(request)));
}
