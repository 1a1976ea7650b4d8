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
        ...(key === undefined ? {} : { authorization: `Bearer ${await bearerOf(key)}` }),
      },
      signal: AbortSignal.timeout(request.timeoutMs),
    });
    if (response.status !== 401 && response.status !== 403) break;
  }
  if (response === undefined) throw new Error(`no answer from ${url}`); // the list of keys is never empty
  return response;
}

const bearers = new Map<string, Promise<string>>();
const BEARERS_MAX = 16;

/** A key as bearer; of the few that a process has each is hashed once. */
function bearerOf(key: string): Promise<string> {
  const known = bearers.get(key);
  if (known) return known;
  if (bearers.size >= BEARERS_MAX) bearers.clear();
  const made = hashedSigningKey(key);
  bearers.set(key, made);
  return made;
}

/** Keys in the order in which they are tried. */
export function signingKeys({
  signingKey,
  signingKeyFallback,
}: Pick<ApiClient, "signingKey" | "signingKeyFallback">): string[] {
  return [signingKey, signingKeyFallback].filter((key) => key !== undefined);
}
