import type { Inngest } from "../sdk/client.ts";
import { commonHeaders, wireAnswer, type Answer } from "./respond.ts";

/** How often a streamed answer says that it is still coming (inngest-protocol §3.3, as inngest/inngest-js does). */
export const KEEP_ALIVE_MS = 3_000;

/** `true` or `"force"`: always. `"allow"`: where the adapter can. `false`: never. The words are those of Inngest's v3. */
export type StreamingOption = boolean | "allow" | "force";

interface Streams {
  client: Inngest;
  framework: string;
  streaming?: StreamingOption;
  /** false for frameworks that want an answer whole. Default true */
  canStream?: boolean;
}

/** @throws TypeError when the option is not one, or asks for what the adapter cannot do */
export function checkStreaming({ streaming, framework, canStream = true }: Streams): void {
  if (streaming === undefined || streaming === false || streaming === "allow") return;
  if (streaming !== true && streaming !== "force")
    throw new TypeError(
      `serve: streaming: ${JSON.stringify(streaming)} is not one of true, false, "allow" and "force"`,
    );
  if (!canStream) throw new TypeError(cannotStream("streaming", framework));
}

/**
 * Whether calls are answered by a stream: the option, else `INNGEST_STREAMING`.
 *
 * @throws TypeError when the variable is not a choice, or asks for what the adapter cannot do; before any call is made,
 *   a signed introspection and the sync say so too
 */
export function isStreaming(app: Streams): boolean {
  const choice = app.streaming ?? readVariable(app.client.envVar("INNGEST_STREAMING"));
  if (choice === false || (choice === "allow" && app.canStream === false)) return false;
  if (app.canStream === false) throw new TypeError(cannotStream("INNGEST_STREAMING", app.framework));
  return true;
}

function readVariable(value: string | undefined): StreamingOption {
  if (value === undefined || /^(?:0|false|no|off)$/i.test(value)) return false;
  if (/^(?:1|true|yes|on|force)$/i.test(value)) return true;
  if (/^allow$/i.test(value)) return "allow";
  throw new TypeError(`INNGEST_STREAMING: ${JSON.stringify(value)} is not one of true, false, allow and force`);
}

function cannotStream(setting: string, framework: string): string {
  return `serve (${framework}): ${setting}: this adapter cannot stream its answers; remove the setting or set it to "allow"`;
}

/**
 * Answers 201 at once, keeps the connection busy while the answer is being worked out, and ends with one JSON of its
 * `status`, `headers` and `body`. The body is in there as text: the signature, among the headers, is over those bytes.
 */
export function streamedResponse(pending: Promise<Answer>, request: Request, framework: string): Response {
  const encoder = new TextEncoder();
  let keepAlive: ReturnType<typeof setInterval> | null = null;
  let isOpen = true;
  const stop = () => {
    if (keepAlive !== null) clearInterval(keepAlive);
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const write = (text: string) => controller.enqueue(encoder.encode(text));
      write(" "); // some servers hold the status line back until there is a body
      keepAlive = setInterval(() => write(" "), KEEP_ALIVE_MS);
      pending
        .then((answer) => wireAnswer(answer, request, framework))
        .then(({ status, headers, body: text }) => {
          if (!isOpen) return;
          write(JSON.stringify({ status, headers: Object.fromEntries(headers), body: text }));
          controller.close();
        })
        .catch((error: unknown) => controller.error(error))
        .finally(stop);
    },
    cancel() {
      isOpen = false; // the caller is gone; what the function has begun goes on, its answer is lost
      stop();
    },
  });
  const headers = commonHeaders(request, framework);
  headers.set("cache-control", "no-store, no-transform"); // compression would hold the keep-alives back
  headers.set("x-accel-buffering", "no"); // and so would nginx
  return new Response(body, { status: 201, headers });
}
