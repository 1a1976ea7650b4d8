import { readBytes } from "../../protocol/body.ts";
import { byteLength } from "../../protocol/json.ts";
import { EVENT_ID_MAX_BYTES, REQUEST_BODY_MAX_BYTES } from "../../protocol/limits.ts";
import type { EnvVars } from "../environment.ts";
import { isNonRetriable, serializeError } from "../errors.ts";
import { readPayloads } from "../event-payload.ts";
import type { Logger } from "../context.ts";
import type { EventPayload } from "../event.ts";
import { BodyError, readDelivery, type WebhookDelivery } from "./delivery.ts";
import type { Verifier } from "./verifier.ts";

/** What a webhook needs of its client. */
export interface WebhookClient {
  readonly logger: Logger;
  send(events: readonly EventPayload[]): Promise<{ ids: string[] }>;
  envVar(name: string): string | undefined;
  setEnvVars(env: EnvVars): unknown;
}

/** Events of a delivery; nothing or an empty list accepts it and sends none. */
export type WebhookEvents<TPayload = EventPayload> = TPayload | readonly TPayload[] | null | undefined | void;

export interface WebhookOptions<TPayload = EventPayload> {
  /** names the webhook, in its URL and in the ids of its events: letters, digits, `-`, `_` and `.`, at most 64 */
  id: string;
  /** who may send: `stripe()`, `github()`, … of `@dotdo/inngest/webhooks`, or your own; `false` for anybody */
  verify: Verifier | false;
  /**
   * What a delivery means, in your events. When it throws nothing is sent, and the answer is 500, after which providers
   * repeat; a `NonRetriableError` answers 400. It may run more than once for a delivery, and should be quick: providers
   * wait for seconds.
   */
  transform: (delivery: WebhookDelivery) => WebhookEvents<TPayload> | Promise<WebhookEvents<TPayload>>;
  /**
   * Answers what is not a delivery, such as the GET by which a provider checks the URL. It runs first and before any
   * check of signatures, so it must do nothing but answer; without a response the request goes its usual way.
   */
  respond?: (
    delivery: WebhookDelivery,
  ) => Response | null | undefined | void | Promise<Response | null | undefined | void>;
}

const ID = /^[A-Za-z0-9][\w.-]{0,63}$/;
const RETRY_AFTER_S = 30;

/**
 * A URL that turns the deliveries of a provider into events. Made by `inngest.createWebhook`.
 *
 * The events of a delivery that is repeated keep their ids, so they start nothing twice within 24 hours.
 */
export class InngestWebhook {
  readonly id: string;
  /** its `send` delivers the events */
  readonly client: WebhookClient;
  readonly #options: WebhookOptions<unknown>;

  /** @throws TypeError naming the option, when one cannot be used */
  constructor(client: WebhookClient, options: WebhookOptions<unknown>) {
    const { id, verify, transform, respond } = options;
    if (typeof id !== "string" || !ID.test(id))
      throw new TypeError(
        `createWebhook: id: ${JSON.stringify(id)} cannot be part of a URL; use letters, digits, "-", "_" and ".", at most 64`,
      );
    if (verify !== false && typeof verify !== "function")
      throw new TypeError(
        `webhook "${id}": verify: must be a verifier such as stripe(), or false, which lets anybody send its events`,
      );
    if (typeof transform !== "function") throw new TypeError(`webhook "${id}": transform: must be a function`);
    if (respond !== undefined && typeof respond !== "function")
      throw new TypeError(`webhook "${id}": respond: must be a function`);
    this.id = id;
    this.client = client;
    this.#options = options;
  }

  /**
   * Answers one request; never rejects. 200 with the ids of the events, 400 for what cannot be read, 401 for what is not
   * genuine, 405, 413, 500 when the transform fails, and 503 when the events could not be delivered: the provider repeats.
   *
   * @param env variables of a Worker, for runtimes that hand them to each request
   * @example
   * app.post("/webhooks/stripe", (c) => stripeHook.fetch(c.req.raw, c.env));
   */
  readonly fetch = async (request: Request, env?: unknown): Promise<Response> => {
    try {
      this.client.setEnvVars(textVariables(env));
      return await this.#answer(request);
    } catch (error) {
      return this.#failed(500, "internal_error", error);
    }
  };

  async #answer(request: Request): Promise<Response> {
    const { verify, respond } = this.#options;
    const bytes = await readBytes(request, REQUEST_BODY_MAX_BYTES);
    if (bytes === undefined)
      return problem(413, "body_too_large", `the body is over the bound of ${REQUEST_BODY_MAX_BYTES} bytes`);
    const own = await respond?.(await readLeniently(request, bytes));
    if (own) return own;
    if (request.method !== "POST") {
      const answer = problem(405, "method_not_allowed", `webhook "${this.id}" takes POST, not ${request.method}`);
      answer.headers.set("allow", "POST");
      return answer;
    }
    let deliveryId: string | undefined;
    if (verify !== false) {
      const verdict = await verify({
        method: request.method,
        headers: request.headers,
        query: new URL(request.url).searchParams,
        bytes,
        now: Date.now(),
        variable: (name) => this.client.envVar(name),
      });
      if (verdict.kind === "answered") return verdict.response;
      if (verdict.kind !== "genuine")
        return problem(401, "not_genuine", `webhook "${this.id}": the delivery is not genuine: ${verdict.why}`);
      deliveryId = verdict.deliveryId;
    }
    let delivery: WebhookDelivery;
    try {
      delivery = await readDelivery(request, bytes);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      return problem(400, error.code, `webhook "${this.id}": ${error.message}`);
    }
    return this.#deliver({ ...delivery, deliveryId });
  }

  async #deliver(delivery: WebhookDelivery): Promise<Response> {
    let events: EventPayload[];
    try {
      const found = await this.#options.transform(delivery);
      events = found === null || found === undefined ? [] : readPayloads(Array.isArray(found) ? found : [found]);
    } catch (error) {
      return this.#failed(isNonRetriable(error) ? 400 : 500, "transform_failed", error);
    }
    if (events.length === 0) return Response.json({ ids: [] });
    const names = delivery.deliveryId === undefined ? undefined : await this.#eventId(delivery.deliveryId);
    const named = events.map((event, n) => ({
      ...event,
      id: event.id ?? (names && (n === 0 ? names : `${names}:${n}`)),
    }));
    try {
      const { ids } = await this.client.send(named);
      return Response.json({ ids });
    } catch (error) {
      if (isRefusal(error)) return this.#failed(isNonRetriable(error) ? 400 : 500, "events_refused", error);
      const answer = this.#failed(503, "send_failed", error);
      answer.headers.set("retry-after", String(RETRY_AFTER_S));
      return answer;
    }
  }

  /** The id of a delivery's first event. Providers' ids are short; a long one is hashed rather than refused. */
  async #eventId(deliveryId: string): Promise<string> {
    const id = `${this.id}:${deliveryId}`;
    if (byteLength(id) + ":9999".length <= EVENT_ID_MAX_BYTES) return id;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(deliveryId));
    return `${this.id}:${Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  #failed(status: number, code: string, error: unknown): Response {
    this.client.logger.error(`webhook "${this.id}" answered ${status}`, error);
    return problem(status, code, `webhook "${this.id}": ${serializeError(error).message}`);
  }
}

/** What `respond` gets: it is asked about every request, also those whose body cannot be read. */
async function readLeniently(request: Request, bytes: Uint8Array<ArrayBuffer>): Promise<WebhookDelivery> {
  try {
    return await readDelivery(request, bytes);
  } catch {
    const raw = new TextDecoder().decode(bytes);
    return { body: raw, headers: request.headers, query: new URL(request.url).searchParams, raw, request };
  }
}

/** Errors of `send` that are the events' fault: sending them again would not change it. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TypeError || isNonRetriable(error)) return true; // no JSON, no event key, not of its schema
  const status: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "status") : undefined;
  return status === 400 || status === 413;
}

function problem(status: number, code: string, error: string): Response {
  return Response.json({ error, code, status }, { status });
}

function textVariables(env: unknown): EnvVars {
  if (typeof env !== "object" || env === null) return {};
  return Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string"));
}
