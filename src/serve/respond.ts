import { headers } from "../protocol/headers.ts";
import type { JsonValue } from "../protocol/json.ts";
import { sign } from "../protocol/signature.ts";
import { sdkName } from "../sdk/version.ts";

/** What a part of the handler wants answered. */
export interface Answer {
  status: number;
  body: JsonValue;
  /** the body as it is sent, when middleware has written it; then `body` does not count */
  text?: string;
  headers?: Record<string, string | undefined>;
  /** key that validated the request; the answer is signed with the same one, which the server is sure to know */
  signWith?: string;
}

/** An answer that says what went wrong, in the form that servers read from failed calls (inngest-protocol §3.3). */
export function failure(status: number, code: string, message: string): Answer {
  return { status, body: { name: "Error", message, code }, headers: { [headers.noRetry]: "false" } };
}

/** An answer that is still being worked out: the response begins before it is there. */
export interface PendingAnswer {
  pending: Promise<Answer>;
}

/** The response, with what the wire wants on every one (inngest-protocol §0.1). */
export async function toResponse(answer: Answer, request: Request, framework: string): Promise<Response> {
  const { status, headers: all, body } = await wireAnswer(answer, request, framework);
  return new Response(body, { status, headers: all });
}

/** An answer as it goes over the wire: a response's status, headers and body, or what a streamed response ends with. */
export async function wireAnswer(
  answer: Answer,
  request: Request,
  framework: string,
): Promise<{ status: number; headers: Headers; body: string }> {
  const body = answer.text ?? JSON.stringify(answer.body);
  const all = commonHeaders(request, framework);
  for (const [name, value] of Object.entries(answer.headers ?? {})) if (value !== undefined) all.set(name, value);
  if (answer.signWith !== undefined)
    all.set(headers.signature, await sign(answer.signWith, body, Date.now(), "response"));
  return { status: answer.status, headers: all, body };
}

/** What is known before the answer is. */
export function commonHeaders(request: Request, framework: string): Headers {
  const all = new Headers({
    "content-type": "application/json",
    [headers.sdk]: sdkName,
    [headers.framework]: framework,
    [headers.requestVersion]: "2", // parallel steps are coalesced (inngest-protocol §3.2)
  });
  const serverKind = request.headers.get(headers.serverKind);
  if (serverKind === "dev" || serverKind === "cloud") all.set(headers.serverKind, serverKind);
  return all;
}
