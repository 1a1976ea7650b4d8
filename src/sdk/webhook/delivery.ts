import { formFields, isForm, readForm } from "../../protocol/form.ts";

/**
 * Body of a delivery that no schema describes. Its properties are unchecked, so that transforms read `body.type` without
 * a cast; what must hold is for the transform to check.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- as for UntypedData: unknown would ask every transform for casts
export type WebhookBody = any;

/** One request of a provider, as `transform` gets it. */
export interface WebhookDelivery {
  /**
   * What names this delivery, however often it is repeated, when the verifier knows. Events get it as their `id`, after
   * the webhook's own, unless the transform gives them one.
   */
  deliveryId?: string;
  /**
   * The parsed JSON; for forms, URL-encoded or multipart, an object of lists of texts (`{ "field": ["a", "b"] }`), in
   * which a file is its name; any other body as text. The content type does not matter when a body begins as JSON does.
   */
  body: WebhookBody;
  /** compare without case: `headers.get("x-github-event")` */
  headers: Headers;
  query: URLSearchParams;
  /** the body as text */
  raw: string;
  /** the form, with its files; only for bodies that are one */
  form?: FormData;
  /** its body has been read: it is in `body` and `raw` */
  request: Request;
}

/** A body that is not what its content type says. */
export class BodyError extends TypeError {
  readonly code = "body_invalid";
}

/**
 * A request and its body, read.
 *
 * @throws BodyError
 */
export async function readDelivery(request: Request, bytes: Uint8Array<ArrayBuffer>): Promise<WebhookDelivery> {
  const raw = new TextDecoder().decode(bytes);
  const { headers } = request;
  const query = new URL(request.url).searchParams;
  const contentType = headers.get("content-type") ?? "";
  if (looksLikeJson(raw) || isJson(contentType))
    return { body: parseJson(raw, contentType), headers, query, raw, request };
  if (!isForm(contentType)) return { body: raw, headers, query, raw, request };
  try {
    const form = await readForm(bytes, contentType);
    return { body: formFields(form), headers, query, raw, form, request };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BodyError(`the body is not ${contentType.split(";")[0]?.trim()}: ${why}`, { cause });
  }
}

function looksLikeJson(raw: string): boolean {
  return /^\s*[[{]/.test(raw);
}

function isJson(contentType: string): boolean {
  return /^\s*[\w.-]+\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

/** A body that only looks like JSON is text, unless it says that it is JSON. */
function parseJson(raw: string, contentType: string): WebhookBody {
  if (raw.trim() === "") return "";
  try {
    return JSON.parse(raw);
  } catch (cause) {
    if (!isJson(contentType)) return raw;
    throw new BodyError(`the body is not JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
