import { hashedSigningKey } from "../protocol/signing-key.ts";

/** What a request to the platform's API needs of a client. */
export interface ApiClient {
  readonly apiBaseUrl: string;
  readonly headers: Record<string, string>;
  readonly fetch: typeof fetch;
  readonly signingKey: string | undefined;
  readonly signingKeyFallback: string | undefined;
}

/**
 * A request to the platform's API with the signing key as bearer; a key that is refused (401, 403) is followed by the
 * fallback key. Without keys, as in development, the request carries none.
 *
 * @param path relative to the API's base URL, such as `fn/register`
 * @param timeoutMs for each try
 */
export async function callApi(
  client: ApiClient,
  path: string,
  request: {
    method?: string;
    body?: string | Uint8Array<ArrayBuffer>;
    headers?: Record<string, string>;
    timeoutMs: number;
  },
): Promise<Response> {
  const url = `${client.apiBaseUrl}${path}`;
  const keys: (string | undefined)[] = signingKeys(client);
  if (keys.length === 0) keys.push(undefined);
  let response: Response | undefined;
  for (const key of keys) {
    await response?.body?.cancel();
    response = await client.fetch(url, {
      method: request.method ?? "GET",
      body: request.body,
      headers: {
        ...client.headers,
        ...request.headers,
        ...(key === undefined ? {} : { authorization: `Bearer ${await hashedSigningKey(key)}` }),
      },
      signal: AbortSignal.timeout(request.timeoutMs),
    });
    if (response.status !== 401 && response.status !== 403) break;
  }
  if (response === undefined) throw new Error(`no answer from ${url}`); // the list of keys is never empty
  return response;
}

/** Keys in the order in which they are tried. */
export function signingKeys({
  signingKey,
  signingKeyFallback,
}: Pick<ApiClient, "signingKey" | "signingKeyFallback">): string[] {
  return [signingKey, signingKeyFallback].filter((key) => key !== undefined);
}
