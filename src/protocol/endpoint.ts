/** Durable endpoints: runs that begin with an HTTP request to an app (inngest-protocol §6.2). */
import * as z from "zod";
import type { JsonValue } from "./json.ts";

export const HTTP_REQUEST_EVENT = "inngest/http.request";

const originSchema = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    "must be the endpoint's origin, as https://shop.example.com",
  );

/** `data` of the event: the request with which the run began, and which enters it anew. */
export const httpRequestSchema = z.looseObject({
  domain: originSchema,
  method: z.string().regex(/^[A-Za-z]{1,20}$/, "must be the method of an HTTP request"),
  path: z.string().startsWith("/", "must be the path of a URL"),
  fn: z.string().nullish(),
  content_type: z.string().nullish(),
  query_params: z.string().nullish(),
  body: z.string().nullish(),
});

export type HttpRequest = z.infer<typeof httpRequestSchema>;

/** Whose function an endpoint is: its app is its origin, its id the one it has or its method and path. */
export function endpointFunction({ domain, method, path, fn }: HttpRequest): { appId: string; functionId: string } {
  const appId = new URL(domain).origin;
  return { appId, functionId: `${appId}-${fn || `${method.toUpperCase()} ${path}`}` };
}

/** Where the request went. */
export function endpointUrl({ domain, path, query_params: query }: HttpRequest): string {
  const url = new URL(domain);
  url.pathname = path;
  url.search = query ?? "";
  return url.href;
}

const answerSchema = z.looseObject({
  status: z.number().int().min(200).max(599).optional(),
  status_code: z.number().int().min(200).max(599).optional(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullish(),
  body: z.string().nullish(),
});

/** What an endpoint answers its own caller with. */
export interface EndpointAnswer {
  status: number;
  headers: [name: string, value: string][];
  body: Uint8Array<ArrayBuffer>;
}

/** A run's output as its endpoint's answer; TypeScript tells `status` and a text, Go `status_code` and base64. */
export function endpointAnswer(output: JsonValue): EndpointAnswer {
  const parsed = answerSchema.safeParse(output);
  const status = parsed.data?.status ?? parsed.data?.status_code;
  if (!parsed.success || status === undefined)
    return { status: 200, headers: [["content-type", "application/json"]], body: bytesOf(JSON.stringify(output)) };
  const { headers, body, status_code: isGo } = parsed.data;
  const named = Object.entries(headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
  return { status, headers: named, body: (isGo === undefined ? null : fromBase64(body ?? "")) ?? bytesOf(body ?? "") };
}

/** Bytes that a text spells in base64; null when it does not. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}
