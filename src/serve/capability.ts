import { headers } from "../protocol/headers.ts";
import { SYNC_TIMEOUT_MS } from "../protocol/limits.ts";
import { callApi, type ApiClient } from "../sdk/api.ts";

/** Servers that have said that they are ours, by their API's URL. One that has not may be replaced, and is asked again. */
const ours = new Set<string>();

/** Whether it is this package's platform that asks. */
export function isOurRequest(request: Request): boolean {
  return request.headers.has(headers.dotdo);
}

/** Whether a client's server is this package's platform: it says so with every answer, whatever it is asked. */
export async function isOurServer(client: ApiClient): Promise<boolean> {
  const url = client.apiBaseUrl;
  if (ours.has(url)) return true;
  const response = await callApi(client, "dev", { timeoutMs: SYNC_TIMEOUT_MS });
  await response.body?.cancel();
  const isOurs = response.headers.has(headers.dotdo);
  if (isOurs) ours.add(url);
  return isOurs;
}
