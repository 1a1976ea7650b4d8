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
  const keys = signingKeys(client);
  for (let i = 0; ; i++) {
    const key = keys[i]; // none when there are no keys
    const response = await client.fetch(`${client.apiBaseUrl}${path}`, {
      method: request.method ?? "GET",
      body: request.body,
      headers: {
        ...client.headers,
        ...request.headers,
        ...(key === undefined ? {} : { authorization: `Bearer ${await hashedSigningKey(key)}` }),
      },
      signal: AbortSignal.timeout(request.timeoutMs),
    });
    if (i + 1 >= keys.length || ![401, 403].includes(response.status)) return response;
    await response.body?.cancel();
  }
}

/** Keys in the order in which they are tried. */
export function signingKeys({
  signingKey,
  signingKeyFallback,
}: Pick<ApiClient, "signingKey" | "signingKeyFallback">): string[] {
  return [signingKey, signingKeyFallback].filter((key) => key !== undefined);
}
