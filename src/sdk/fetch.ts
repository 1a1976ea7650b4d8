import { ambient } from "./ambient.ts";

type Fetch = typeof globalThis.fetch;

/** A `fetch` whose requests are steps of the run that makes them. */
export type StepFetch = Fetch & {
  /** As `fetch`, with the step's id before the rest. Default: `step.fetch: ` and the host. Ours: Inngest has no such form. */
  (id: string, ...request: Parameters<Fetch>): Promise<Response>;
  /** Changes what requests are made with where they cannot be steps; `undefined`: they fail there. Returns this very `fetch`. */
  config: (options: StepFetch.Options) => StepFetch;
  readonly fallback?: Fetch | undefined;
};

export declare namespace StepFetch {
  interface Options {
    /** used outside of runs, and inside the code of steps */
    fallback?: Fetch | undefined;
  }

  interface Extras extends Options {
    config: (options: Options) => StepFetch;
  }
}

type Asked = (id: string | undefined, ...request: Parameters<Fetch>) => Promise<Response>;

const globalFetch: Fetch = (...request: Parameters<Fetch>) => globalThis.fetch(...request); // as it is when it is called

/** A `fetch` with all that belongs to one. */
export function stepFetch(
  asked: (fallback: Fetch | undefined, ...all: Parameters<Asked>) => Promise<Response>,
): StepFetch {
  const options: StepFetch.Options = { fallback: globalFetch };
  const call = (...given: unknown[]): Promise<Response> => {
    const [id, ...request] = (hasId(given) ? given : [undefined, ...given]) as Parameters<Asked>;
    return asked(options.fallback, id, ...request);
  };
  return Object.defineProperties(call, {
    config: {
      value: (changed: StepFetch.Options) => {
        Object.assign(options, changed);
        return call;
      },
    },
    fallback: { get: () => options.fallback },
  }) as StepFetch;
}

/** A second argument that is a URL or a request: the first is no URL then. */
function hasId([first, second]: unknown[]): boolean {
  return (
    typeof first === "string" && (typeof second === "string" || second instanceof URL || second instanceof Request)
  );
}

/**
 * A `fetch` for libraries, which makes whatever they do durable: inside a run each request is a step, made once, tried again
 * as the function's steps are, and answered from the journal when the handler is entered again. Answers are read whole, as
 * text. Outside of runs, inside the code of a step, and without AsyncLocalStorage, it is the runtime's own.
 *
 * @example
 * import { fetch } from "@dotdo/inngest";
 * const openai = new OpenAI({ fetch });
 */
export const fetch: StepFetch = stepFetch(async (fallback, id, ...request) => {
  const found = ambient();
  if (found && found.scope?.inside === undefined)
    return id === undefined ? found.step.fetch(...request) : found.step.fetch(id, ...request);
  if (fallback) return fallback(...request);
  const where = found ? `inside the code of step "${found.scope?.inside}"` : "outside of a run";
  throw new Error(`fetch: used ${where}, and no fallback is set; set one by fetch.config({ fallback })`);
});
