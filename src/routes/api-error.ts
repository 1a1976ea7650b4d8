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
