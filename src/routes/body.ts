import { HTTPException } from "hono/http-exception";
import { readText } from "../protocol/body.ts";
import { REQUEST_BODY_MAX_BYTES } from "../protocol/limits.ts";

/**
 * The body as text, read no further than its bound.
 *
 * @throws HTTPException 413
 */
export async function readBody(request: Request): Promise<string> {
  const text = await readText(request, REQUEST_BODY_MAX_BYTES);
  if (text !== undefined) return text;
  throw new HTTPException(413, { message: `the request body is over the bound of ${REQUEST_BODY_MAX_BYTES} bytes` });
}
