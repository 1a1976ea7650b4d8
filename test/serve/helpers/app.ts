import { sign } from "../../../src/protocol/signature.ts";
import { Inngest, type ClientOptions } from "../../../src/sdk/client.ts";
import { createHandler, type ServeHandler, type ServeOptions } from "../../../src/serve/handler.ts";

export const KEY = "signkey-test-12345678";
export const FALLBACK = "signkey-test-87654321";
export const APP_URL = "https://app.example.com/api/inngest";

/** A handler of an app with two functions, `shop-ship` and `shop-bill`; the latter has a failure handler. */
export function appHandler(
  client: Partial<ClientOptions> = {},
  options: Partial<ServeOptions> = {},
): ServeHandler & { client: Inngest } {
  const inngest = new Inngest({ id: "shop", ...client });
  const functions = [
    inngest.createFunction({ id: "ship" }, { event: "order/created" }, () => "shipped"),
    inngest.createFunction({ id: "bill", onFailure: () => {} }, () => "billed"),
  ];
  const handler = createHandler({ client: inngest, functions, framework: "test", ...options });
  return Object.assign(handler, { client: inngest });
}

/** A request as a server sends it; signed with `key` unless that is null. */
export async function request(
  method: string,
  options: { query?: string; body?: string; key?: string | null; headers?: Record<string, string> } = {},
): Promise<Request> {
  const { query = "", body, key = null, headers = {} } = options;
  const signed: Record<string, string> =
    key === null ? {} : { "x-inngest-signature": await sign(key, body ?? "", Date.now()) };
  return new Request(APP_URL + query, { method, body, headers: { ...signed, ...headers } });
}
