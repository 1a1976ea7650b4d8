import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** An error that clients tell by its `code`, as Inngest's API words them (inngest-protocol §0.2). */
export class ApiError extends HTTPException {
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(status, { message });
    this.code = code;
  }
}

/** The body of every error. The status is in it too: TypeScript clients read it there (inngest-protocol §2.2). */
export function errorBody(error: HTTPException) {
  const code = error instanceof ApiError ? error.code : undefined;
  return { ...(code === undefined ? {} : { code }), error: error.message, status: error.status, data: null };
}

/** The answer to a request that failed, wherever it was answered. What is nobody's fault but the platform's is in its log alone. */
export function errorResponse(error: unknown, request: Request, own: Record<string, string> = {}): Response {
  const { method, url } = request;
  if (error instanceof HTTPException) return Response.json(errorBody(error), { status: error.status, headers: own });
  console.error(`${method} ${new URL(url).pathname.replace(/^\/e\/.*/, "/e/…")} failed`, error);
  const body = { error: "the platform failed to answer; the reason is in its log", status: 500, data: null };
  return Response.json(body, { status: 500, headers: own });
}
