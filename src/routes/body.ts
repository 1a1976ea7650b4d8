import { HTTPException } from "hono/http-exception";
import { REQUEST_BODY_MAX_BYTES } from "../protocol/limits.ts";

/**
 * The body as text, read no further than its bound.
 *
 * @throws HTTPException 413
 */
export async function readBody(request: Request): Promise<string> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > REQUEST_BODY_MAX_BYTES) throw tooLarge();
  if (!request.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > REQUEST_BODY_MAX_BYTES) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(): HTTPException {
  return new HTTPException(413, { message: `the request body is over the bound of ${REQUEST_BODY_MAX_BYTES} bytes` });
}
