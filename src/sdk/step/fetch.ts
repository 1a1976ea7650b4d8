import type { JsonValue } from "../../protocol/json.ts";
import type { StepRequest } from "../execute.ts";
import { stepFetch, type StepFetch } from "../fetch.ts";
import { stepGateway } from "./gateway.ts";
import type { StepOwner } from "./index.ts";
import { readStepOptions, type Ask } from "./options.ts";

/** The answer as steps store it (inngest-protocol §9.4). */
interface StoredAnswer {
  url: string;
  headers: Record<string, string>;
  body: string;
  status_code: number;
}

/**
 * `step.fetch`. Steps take their places in the order in which they are asked for. Bodies that are no text yet take time to
 * be read: until then nothing else of the run goes on, and later requests wait for their turn.
 */
export function fetchTool(ask: Ask, run: StepOwner): StepFetch {
  let turns: Promise<void> | null = null;

  const asked = async (id: string | undefined, sent: Request, body: string | null): Promise<Response> => {
    const options = readStepOptions(id ?? `step.fetch: ${new URL(sent.url).hostname}`, "step.fetch");
    const request = (opts: Record<string, JsonValue>): StepRequest => ({
      ...options,
      type: "step.fetch",
      op: "Gateway",
      gateway: stepGateway("Gateway", opts, run.fetch, `step.fetch "${options.userId}"`),
      input: [opts],
      withInput: ([changed]) => request(changed as typeof opts), // checked there
    });
    const { url, method, headers } = sent;
    const answer = await ask(request({ url, method, headers: Object.fromEntries(headers), body }));
    return responseOf(answer as StoredAnswer); // of this step
  };

  return stepFetch(async (_fallback, id, input, init) => {
    const sent = new Request(input, init);
    const body = bodyOf(sent, init?.body);
    if (turns === null && body !== undefined) return asked(id, sent, body);
    const release = run.hold();
    const before = turns;
    let answer: Promise<Response> | null = null;
    const placed = (async () => {
      const text = body === undefined ? await read(sent) : body;
      await before;
      answer = asked(id, sent, text);
      answer.catch(() => undefined); // who asked is told
    })();
    const turn = placed
      .catch(() => undefined)
      .then(() => {
        release();
        if (turns === turn) turns = null;
      });
    turns = turn;
    await placed;
    return answer ?? Response.error(); // it is there: the line above has waited for it
  });
}

/** What is known of a body at once; undefined when it must be read. */
function bodyOf(sent: Request, given: unknown): string | null | undefined {
  if (typeof given === "string") return given;
  if (given instanceof URLSearchParams) return given.toString();
  return sent.body === null ? null : undefined;
}

/** @throws TypeError for a body that is no text: results and requests of steps are JSON */
async function read(sent: Request): Promise<string> {
  const bytes = await sent.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TypeError("step.fetch: body: it is not text in UTF-8; send it with `fetch` inside of `step.run`", {
      cause,
    });
  }
}

/** Statuses whose answers have no body, by the Fetch Standard. */
const BODILESS = new Set([101, 103, 204, 205, 304]);

function responseOf({ url, headers, body, status_code: status }: StoredAnswer): Response {
  const response = new Response(BODILESS.has(status) ? null : body, { status, headers });
  Object.defineProperty(response, "url", { value: url });
  return response;
}
