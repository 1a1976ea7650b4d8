/**
 * Requests and responses of Node's `http`, as all servers built on it have them, to those of the fetch API and back.
 * Typed by shape: this code also runs where there is no Node.
 */
import type { ServeHandler } from "./handler.ts";
import { isRecord } from "./passed.ts";
import { failure, toResponse } from "./respond.ts";

/** `http.IncomingMessage`, or its like of HTTP/2, with what servers add. */
export interface NodeRequest {
  method?: string;
  url?: string;
  /** the path from before a router took its mount point off it */
  originalUrl?: string;
  headers: Record<string, string | string[] | undefined>;
  socket?: unknown;
  /** what a parser has made of the body */
  body?: unknown;
  readableEnded?: boolean;
  on(event: "data", listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** `http.ServerResponse`, or its like of HTTP/2. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  write(chunk: Uint8Array): unknown;
  end(): unknown;
  destroy(error?: Error): unknown;
  on(event: "close", listener: () => void): unknown;
}

/** What a framework knows better than the bare request. */
export interface NodeRequestKnown {
  /** public origin ("https://app.example.com") as far as the framework trusts its proxy. Default: {@link nodeOrigin} */
  origin?: string;
  /** path and query. Default: the request's, from before any mount point was taken off */
  path?: string;
  /** what a parser has made of the body */
  body?: unknown;
}

export function isNodeRequest(value: unknown): value is NodeRequest {
  return isRecord(value) && isRecord(value.headers) && typeof value.on === "function" && !isFetchHeaders(value.headers);
}

function isFetchHeaders(headers: Record<string, unknown>): boolean {
  return typeof headers.get === "function"; // a header of that name would be a text
}

export function isNodeResponse(value: unknown): value is NodeResponse {
  return isRecord(value) && typeof value.setHeader === "function" && typeof value.end === "function";
}

/** Answers a request of Node's. Never rejects. */
export async function answerNode(
  handle: ServeHandler,
  request: NodeRequest,
  response: NodeResponse,
  framework: string,
  known?: NodeRequestKnown,
): Promise<void> {
  await sendResponse(await handleNode(handle, request, framework, known), response);
}

/** The handler's response to a request of Node's, for frameworks that send responses themselves. */
export async function handleNode(
  handle: ServeHandler,
  incoming: NodeRequest,
  framework: string,
  known: NodeRequestKnown = {},
): Promise<Response> {
  const url = requestUrl(incoming, known);
  if (url !== undefined) return handle(fetchRequest(incoming, url, "body" in known ? known.body : incoming.body));
  const host = JSON.stringify(header(incoming, "host") ?? "");
  return toResponse(
    failure(400, "invalid_host", `host: ${host} is not a host name`),
    new Request("http://localhost"),
    framework,
  );
}

/**
 * Scheme and host by which a request came.
 *
 * `x-forwarded-proto` is believed of anybody: at worst the app's address gets the other scheme. `x-forwarded-host` is not:
 * an unsigned PUT makes the app register at the address of that request, so whoever could choose the host would have the
 * platform send its calls there. A front end routes by `host`, which is why that one is trustworthy behind it; an app that
 * is reached directly, or under any name, should set `serveOrigin`. Adapters of frameworks that were told to trust their
 * proxy pass the origin which the framework made out instead.
 */
export function nodeOrigin(request: NodeRequest): string {
  const forwarded = header(request, "x-forwarded-proto")?.split(",")[0]?.trim();
  const isEncrypted = isRecord(request.socket) && request.socket.encrypted === true;
  const scheme = forwarded === "http" || forwarded === "https" ? forwarded : isEncrypted ? "https" : "http";
  return `${scheme}://${header(request, "host") ?? header(request, ":authority") ?? "localhost"}`;
}

export function header(request: NodeRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Joined as text: resolved against the origin, a path such as `//example.com/` would be another host. */
function requestUrl(request: NodeRequest, known: NodeRequestKnown): URL | undefined {
  const target = known.path ?? request.originalUrl ?? request.url ?? "/";
  const path = target.startsWith("/") ? target : absoluteFormPath(target);
  try {
    return new URL((known.origin ?? nodeOrigin(request)) + path);
  } catch {
    return undefined;
  }
}

/** Path of a request target such as `http://app.example.com/api/inngest`, as proxies may send it. */
function absoluteFormPath(target: string): string {
  try {
    const { pathname, search } = new URL(target);
    return pathname + search;
  } catch {
    return "/"; // `*`, of an OPTIONS
  }
}

const REFUSED_BY_FETCH = ["CONNECT", "TRACE", "TRACK"];

function fetchRequest(incoming: NodeRequest, url: URL, parsed: unknown): Request {
  const method = (incoming.method ?? "GET").toUpperCase();
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value === undefined || name.startsWith(":")) continue; // HTTP/2 has its method and path there
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one);
  }
  // a Request of such a method cannot be made; the answer to OPTIONS is the same, 405
  if (REFUSED_BY_FETCH.includes(method)) return new Request(url, { method: "OPTIONS", headers });
  if (method === "GET" || method === "HEAD") return new Request(url, { method, headers });
  const body = bodyOf(incoming, parsed);
  const init: RequestInit & { duplex: "half" } = { method, headers, body, duplex: "half" }; // as Node wants it for streams
  return new Request(url, init);
}

/**
 * The body as the framework's parser left it, or else read from the request. What was parsed is written as JSON again:
 * signatures are over a canonical form, so they hold.
 */
function bodyOf(incoming: NodeRequest, parsed: unknown): BodyInit {
  const isEmpty =
    header(incoming, "transfer-encoding") === undefined && !Number(header(incoming, "content-length") ?? 0);
  if (isEmpty && parsed !== undefined && !isBytes(parsed) && typeof parsed !== "string") return ""; // parsers invent {}
  // body-parser 1 leaves {} for a body of a type that it does not read
  const isUnread = parsed == null || (incoming.readableEnded === false && isEmptyObject(parsed));
  if (isUnread) return streamOf(incoming);
  if (typeof parsed === "string" || isBytes(parsed)) return parsed as BodyInit;
  return JSON.stringify(parsed);
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof ReadableStream;
}

function isEmptyObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

/**
 * Listens to `data` and `end` rather than iterating, because hosts that have read the body already replay it through
 * those two (@vercel/node).
 */
function streamOf(incoming: NodeRequest): ReadableStream<Uint8Array> {
  let isWanted = true;
  return new ReadableStream({
    start(controller) {
      if (incoming.readableEnded === true) {
        const why = "something read the request's body before this handler and left none of it as `body`";
        return controller.error(new Error(`${why}; mount the handler before it`));
      }
      incoming.on("data", (chunk) => {
        if (isWanted) controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
      });
      incoming.on("end", () => isWanted && controller.close());
      incoming.on("error", (error) => isWanted && controller.error(error));
    },
    cancel() {
      isWanted = false; // the rest is read and dropped, so that the client gets to the answer
    },
  });
}

/**
 * Sends a response. Headers that middleware has set stay. There is no waiting for slow readers: an answer is one piece,
 * and a streamed one a blank every few seconds before it.
 */
export async function sendResponse(response: Response, outgoing: NodeResponse): Promise<void> {
  outgoing.statusCode = response.status;
  response.headers.forEach((value, name) => outgoing.setHeader(name, value));
  const reader = response.body?.getReader();
  outgoing.on("close", () => void reader?.cancel().catch(() => undefined)); // the client went: no more keep-alives
  try {
    for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read())
      outgoing.write(next.value);
    outgoing.end();
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
