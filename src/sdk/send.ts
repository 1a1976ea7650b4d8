import { headers } from "../protocol/headers.ts";
import { serializeError } from "./serialize-error.ts";

const ATTEMPTS = 5; // inngest/inngest-js: five, 100 ms doubling
const FIRST_DELAY_MS = 100;
const ID_ENTROPY_BYTES = 10;

/** Events that could not be delivered. Nothing was accepted, except the events that `ids` names. */
export class SendError extends Error {
  readonly code = "send_failed";
  /** what the server answered; undefined when it was not reached */
  readonly status: number | undefined;
  /** ids of the events that were accepted all the same */
  readonly ids: string[];

  constructor(message: string, options: { status?: number; ids?: string[]; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SendError";
    this.status = options.status;
    this.ids = options.ids ?? [];
  }
}

export interface Delivery {
  /** ends in a slash */
  eventBaseUrl: string;
  eventKey: string;
  /** JSON array of events */
  body: string;
  /** from {@link makeSeed}, the same for every attempt */
  seed: string;
  headers: Record<string, string>;
  fetch: typeof fetch;
}

/** Time and entropy that the server makes event ids from: the same seed again names the same events. */
export function makeSeed(): string {
  const entropy = crypto.getRandomValues(new Uint8Array(ID_ENTROPY_BYTES));
  return `${Date.now()},${btoa(String.fromCharCode(...entropy))}`;
}

/**
 * Posts events, up to five times: again after a network error, 429 or 5xx, with a wait that doubles from 100 ms.
 *
 * @throws SendError
 */
export async function postEvents(delivery: Delivery): Promise<{ ids: string[] }> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await post(delivery);
    if ("ids" in outcome) return outcome;
    if (!outcome.retriable || attempt === ATTEMPTS) throw outcome.error;
    await delay(FIRST_DELAY_MS * 2 ** (attempt - 1) + Math.random() * FIRST_DELAY_MS);
  }
}

type Outcome = { ids: string[] } | { error: SendError; retriable: boolean };

async function post(delivery: Delivery): Promise<Outcome> {
  let response: Response;
  let text: string;
  try {
    response = await delivery.fetch(`${delivery.eventBaseUrl}e/${encodeURIComponent(delivery.eventKey)}`, {
      method: "POST",
      headers: { ...delivery.headers, "content-type": "application/json", [headers.eventIdSeed]: delivery.seed },
      body: delivery.body,
    });
    text = await response.text();
  } catch (cause) {
    return { error: unreachable(delivery, cause), retriable: true };
  }
  const answer = readAnswer(text);
  const status = response.ok ? (answer.status ?? response.status) : response.status;
  if ((status === 200 || status === 201) && answer.error === undefined && answer.ids !== undefined)
    return { ids: answer.ids };
  return { error: refused(delivery, status, answer, text), retriable: status === 429 || status >= 500 };
}

interface Answer {
  ids?: string[];
  status?: number;
  error?: string;
}

function readAnswer(text: string): Answer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof body !== "object" || body === null) return {};
  const { ids, status, error } = body as Record<string, unknown>;
  return {
    ids: Array.isArray(ids) ? ids.map(String) : undefined,
    status: typeof status === "number" ? status : undefined,
    error: typeof error === "string" && error !== "" ? error : undefined,
  };
}

function refused(delivery: Delivery, status: number, answer: Answer, text: string): SendError {
  const said = withoutKey(answer.error ?? text.trim().slice(0, 200), delivery);
  const message = `${remedy(status, delivery)}${said === "" ? "" : ` The server said: ${said}`}`;
  return new SendError(message, { status, ids: answer.ids });
}

/** What a status means and what to do about it (inngest-features §1.2). */
function remedy(status: number, { eventBaseUrl }: Delivery): string {
  switch (status) {
    case 200:
    case 201:
      return `${eventBaseUrl} did not answer as an event API does; check INNGEST_BASE_URL.`;
    case 400:
      return "The events were refused as invalid.";
    case 401:
    case 404:
      return `The event key is not known at ${eventBaseUrl}; check eventKey or INNGEST_EVENT_KEY, and INNGEST_BASE_URL.`;
    case 403:
      return `The event key may not send these events to ${eventBaseUrl}; check the key's permissions.`;
    case 406:
      return "The events were not acceptable to the server.";
    case 409:
    case 412:
      return "The transform of this event key failed; check the transform.";
    case 413:
      return "The events are too large for one request; send fewer at a time, or smaller data.";
    case 429:
      return `${eventBaseUrl} is asked too much at the moment (429), also after ${ATTEMPTS} attempts; send again later.`;
    default:
      return status >= 500
        ? `The server at ${eventBaseUrl} failed (${status}), also after ${ATTEMPTS} attempts; send again later.`
        : `${eventBaseUrl} answered ${status}.`;
  }
}

function unreachable(delivery: Delivery, cause: unknown): SendError {
  const why = withoutKey(serializeError(cause).message, delivery);
  const told = JSON.stringify(serializeError(cause));
  return new SendError(
    `${delivery.eventBaseUrl} cannot be reached after ${ATTEMPTS} attempts (${why}); is the server running, and is INNGEST_BASE_URL or INNGEST_DEV right?`,
    { cause: told === withoutKey(told, delivery) ? cause : undefined }, // some platforms put the URL, hence the key, into their errors
  );
}

function withoutKey(text: string, { eventKey }: Delivery): string {
  if (eventKey.length < 6) return text; // "a", "test": not a secret, and part of other words
  return text.replaceAll(eventKey, "<event key>").replaceAll(encodeURIComponent(eventKey), "<event key>");
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
