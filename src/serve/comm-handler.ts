import type { Inngest } from "../sdk/client.ts";
import { headerKeys } from "../sdk/constants.ts";
import type { InngestFunction } from "../sdk/function.ts";
import { createHandler, type ServeHandler, type ServeOptions } from "./handler.ts";

type MaybePromise<T> = T | Promise<T>;

/** What is answered, for the framework to send. */
export interface ActionResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A framework's request, as far as the handler asks for it. */
export interface HandlerResponse<TOutput> {
  method(): MaybePromise<string>;
  /** with query; a path alone needs the `host` header */
  url(): MaybePromise<URL | string>;
  headers(name: string): MaybePromise<string | null | undefined>;
  /** text, or what a body parser has made of it */
  body(): MaybePromise<unknown>;
  /** variables and bindings, on platforms that hand them over */
  env?(): MaybePromise<unknown>;
  transformResponse(response: ActionResponse): TOutput;
}

/** Options of {@link InngestCommHandler}, as in Inngest's SDK. */
export interface ServeHandlerOptions<TArgs extends unknown[], TOutput> extends Omit<ServeOptions, "streaming"> {
  client: Inngest;
  functions: readonly InngestFunction<unknown, object>[];
  /** reported to the platform */
  frameworkName: string;
  handler: (...args: TArgs) => HandlerResponse<TOutput>;
}

/**
 * An adapter for a framework that has none, in the form of Inngest's SDK. Where the framework speaks `Request` and
 * `Response`, `createHandler` is simpler.
 *
 * @example
 * export const serve = (options) =>
 *   new InngestCommHandler({
 *     ...options,
 *     frameworkName: "my-framework",
 *     handler: (req, res) => ({
 *       method: () => req.method,
 *       url: () => new URL(req.url, "https://app.example.com"),
 *       headers: (name) => req.headers[name],
 *       body: () => req.body,
 *       transformResponse: ({ status, headers, body }) => res.status(status).headers(headers).send(body),
 *     }),
 *   }).createHandler();
 */
export class InngestCommHandler<TArgs extends unknown[], TOutput> {
  readonly #handle: ServeHandler;
  readonly #read: (...args: TArgs) => HandlerResponse<TOutput>;

  constructor(options: ServeHandlerOptions<TArgs, TOutput>) {
    const { frameworkName, handler, ...serveOptions } = options;
    if (typeof handler !== "function") throw new TypeError("InngestCommHandler: handler: not a function");
    this.#handle = createHandler({ ...serveOptions, framework: frameworkName, canStream: false });
    this.#read = handler;
  }

  createHandler(): (...args: TArgs) => Promise<TOutput> {
    return async (...args) => {
      const given = this.#read(...args);
      const response = await this.#handle(await requestOf(given), { env: await given.env?.() });
      return await given.transformResponse({
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      });
    };
  }
}

async function requestOf(given: HandlerResponse<unknown>): Promise<Request> {
  const method = await given.method();
  const headers = new Headers();
  for (const name of Object.values(headerKeys)) {
    const value = await given.headers(name);
    if (value !== null && value !== undefined && name !== headerKeys.ContentLength) headers.set(name, value);
  }
  const url = new URL(await given.url(), `https://${headers.get(headerKeys.Host) ?? "localhost"}`);
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers });
  const body = await given.body();
  // a parsed body is written again: signatures are over canonical JSON
  return new Request(url, { method, headers, body: typeof body === "string" ? body : JSON.stringify(body ?? {}) });
}
