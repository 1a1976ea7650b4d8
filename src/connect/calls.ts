import { type GatewayExecutorRequestData, SDKResponse, SDKResponseStatus } from "../protocol/connect/connect.ts";
import { headers } from "../protocol/headers.ts";
import { serializeError } from "../sdk/errors.ts";
import { inngestConfigs } from "../sdk/inngest-server.ts";
import { sdkName } from "../sdk/version.ts";
import { type ServedApp, servedApp } from "../serve/app.ts";
import { executeTrusted } from "../serve/execution.ts";
import { type Answer, failure } from "../serve/respond.ts";
import type { ConnectSettings } from "./options.ts";

export const frameworkName = "connect";

/** What official clients give functions as their address; only id and step in it are read. */
const REGISTERED_AT = "wss://connect";
const CALLED_AT = "http://connect.inngest.com/";
/** Parallel steps are coalesced (inngest-protocol §3.2). */
const REQUEST_VERSION = 2;

/** The apps of a worker, by id. */
export function appsOf({ apps }: ConnectSettings): Map<string, ServedApp> {
  return new Map(
    apps.map(({ client, functions }) => [
      client.id,
      servedApp({ client, functions: functions ?? client.funcs, framework: frameworkName }),
    ]),
  );
}

/**
 * What is registered of an app: a JSON array of function configs.
 *
 * @param isOurs the platform is this package's; another is told what Inngest's protocol has
 * @throws TypeError naming functions and options that another platform cannot do
 */
export function configsOf({ client, functions }: ServedApp, isOurs: boolean): Uint8Array {
  const all = functions.flatMap((fn) => fn.configs(client.id, REGISTERED_AT));
  const { configs, dropped, refused } = isOurs ? { configs: all, dropped: [], refused: [] } : inngestConfigs(all);
  if (refused.length > 0)
    throw new TypeError(
      `The platform is not @dotdo/inngest, and cannot do what these options ask for: ${refused.join("; ")}`,
    );
  for (const one of dropped)
    client.internalLogger.warn(`${one}. The platform is not @dotdo/inngest, so this is left out`);
  const registered = configs.map((config) => ({
    ...config,
    steps: { step: { ...config.steps.step, runtime: { ...config.steps.step.runtime, type: "ws" } } },
  }));
  return new TextEncoder().encode(JSON.stringify(registered));
}

/** Executes a call, by the same code as `serve`. Never rejects: what goes wrong is an answer. */
export async function answerCall(
  app: ServedApp,
  request: GatewayExecutorRequestData,
  isOurs: boolean,
): Promise<SDKResponse> {
  const answer = await execute(app, request, isOurs);
  const { requestId, accountId, envId, appId, systemTraceCtx, userTraceCtx, runId } = request;
  return {
    requestId,
    accountId,
    envId,
    appId,
    status: statusOf(answer.status),
    body: new TextEncoder().encode(answer.text ?? JSON.stringify(answer.body)),
    noRetry: answer.headers?.[headers.noRetry] === "true",
    retryAfter: answer.headers?.[headers.retryAfter],
    sdkVersion: sdkName,
    requestVersion: REQUEST_VERSION,
    systemTraceCtx,
    userTraceCtx,
    runId,
  };
}

async function execute(app: ServedApp, request: GatewayExecutorRequestData, isOurs: boolean): Promise<Answer> {
  const body = new TextDecoder().decode(request.requestPayload);
  const url = new URL(CALLED_AT);
  url.searchParams.set("fnId", request.functionSlug);
  url.searchParams.set("stepId", request.stepId || "step");
  const said = {
    "content-type": "application/json",
    [headers.requestId]: request.requestId,
    [headers.runId]: request.runId,
    ...traceOf(request.userTraceCtx),
    ...(isOurs ? { [headers.dotdo]: "1" } : {}),
  };
  try {
    return await executeTrusted(app, new Request(url, { method: "POST", body, headers: said }), body, {});
  } catch (error) {
    const { name, message, code } = serializeError(error);
    return failure(500, code ?? "internal_error", `${name}: ${message}`);
  }
}

/** A non-retriable error of a function is "done, and not to be tried again" for official clients and servers. */
function statusOf(status: number): SDKResponseStatus {
  if (status === 206) return SDKResponseStatus.NOT_COMPLETED;
  return status >= 500 ? SDKResponseStatus.ERROR : SDKResponseStatus.DONE;
}

function traceOf(bytes: Uint8Array): Record<string, string> {
  try {
    const { traceparent, tracestate } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return typeof traceparent === "string" && typeof tracestate === "string" ? { traceparent, tracestate } : {};
  } catch {
    return {}; // it came without
  }
}
