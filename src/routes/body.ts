import { HTTPException } from "hono/http-exception";
import { readText } from "../protocol/body.ts";
import { REQUEST_BODY_MAX_BYTES } from "../protocol/limits.ts";

/**
 * The body as text, read no further than its bound.
 *
 * @throws HTTPException 413
 */
export async function readBody(request: Request): Promise<string> {
  // a body whose length its request names is no longer than that: the runtime sees to it, and reads it in one go
  const { headers } = request;
  const length = headers.has("content-encoding") ? Number.NaN : Number(headers.get("content-length") ?? Number.NaN);
  if (length <= REQUEST_BODY_MAX_BYTES) return request.text();
  const text = await readText(request, REQUEST_BODY_MAX_BYTES);
  if (text !== undefined) return text;
  throw new HTTPException(413, { message: `the request body is over the bound of ${REQUEST_BODY_MAX_BYTES} bytes` });
}
