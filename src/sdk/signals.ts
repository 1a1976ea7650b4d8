import { byteLength, isObject, type JsonObject, type JsonValue } from "../protocol/json.ts";
import { headers } from "../protocol/headers.ts";
import { STEP_OUTPUT_MAX_BYTES } from "../protocol/limits.ts";
import { signalNameProblem, type Signal, type SignalService } from "../protocol/signal.ts";
import { callApi, type ApiClient } from "./api.ts";
import { serializeError } from "./serialize-error.ts";
import type { Serializer } from "./serializer.ts";

/** What became of a signal. */
export interface SendSignalResponse {
  /** the run that got it; undefined when nobody waited for it */
  runId: string | undefined;
}

/** A signal, as it is sent. */
export interface SendSignalOptions {
  /** its name, unique in the environment: at most one step waits for it. 1 to 512 bytes */
  signal: string;
  /** JSON of at most 4 MiB. Default null */
  data?: unknown;
}

/** A signal that was refused, or that the platform did not answer: whether it arrived is not known then. */
export class SendSignalError extends Error {
  readonly code = "signal_failed";
  /** what the platform answered; undefined when it was not reached */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SendSignalError";
    this.status = options.status;
  }
}

const TIMEOUT_MS = 30_000;
const SERVICE = Symbol.for("dotdo.inngest.signals"); // shared by all copies of this package

/** Lets a client signal in process: how a Worker that holds app and platform avoids calling itself. */
export function bindSignals(client: object, service: SignalService): void {
  Object.defineProperty(client, SERVICE, { value: service, configurable: true });
}

/** Hands a signal to the platform. @throws TypeError for a name that cannot be, SendSignalError */
export async function sendSignal(
  client: ApiClient & { readonly serializer?: Serializer },
  options: SendSignalOptions & { env?: string },
  what: string,
): Promise<SendSignalResponse> {
  const problem = signalNameProblem(options?.signal);
  if (problem !== null) throw new TypeError(`${what}: signal ${problem}`);
  const { signal: name, env } = options;
  const data = client.serializer ? client.serializer.encode(options.data) : options.data;
  const signal: Signal = { name, data: JSON.parse(JSON.stringify(data ?? null)) }; // what HTTP would carry, no more
  const service = (client as { [SERVICE]?: SignalService })[SERVICE];
  const size = byteLength(JSON.stringify(signal.data));
  if (size > STEP_OUTPUT_MAX_BYTES)
    throw new RangeError(`${what}: data of ${size} bytes is over the bound of ${STEP_OUTPUT_MAX_BYTES}`);
  const { runId } = service ? await service(signal, env) : await post(client, signal, env, what);
  return { runId: runId ?? undefined };
}

async function post(
  client: ApiClient,
  { name, data }: Signal,
  env: string | undefined,
  what: string,
): Promise<{ runId: string | null }> {
  let response: Response;
  let text: string;
  try {
    response = await callApi(client, "v1/signals", {
      method: "POST",
      body: JSON.stringify({ signal: name, data }),
      headers: { "content-type": "application/json", ...(env === undefined ? {} : { [headers.env]: env }) },
      timeoutMs: TIMEOUT_MS,
    });
    text = await response.text();
  } catch (cause) {
    throw new SendSignalError(
      `${what}: ${client.apiBaseUrl} cannot be reached (${serializeError(cause).message}); is the server running, and is INNGEST_BASE_URL or INNGEST_DEV right?`,
      { cause },
    );
  }
  if (response.status === 404) return { runId: null };
  const { data: sent, error } = readBody(text);
  if (response.ok && isObject(sent) && typeof sent.run_id === "string") return { runId: sent.run_id };
  const said = typeof error === "string" ? error : `${client.apiBaseUrl} answered ${response.status}`;
  throw new SendSignalError(`${what}: ${said}`, { status: response.status });
}

function readBody(text: string): JsonObject {
  try {
    const body: JsonValue = JSON.parse(text);
    return isObject(body) ? (body as JsonObject) : {};
  } catch {
    return {};
  }
}
