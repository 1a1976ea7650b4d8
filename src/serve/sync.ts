import { headers } from "../protocol/headers.ts";
import type { JsonObject } from "../protocol/json.ts";
import { SYNC_TIMEOUT_MS } from "../protocol/limits.ts";
import { isNo } from "../sdk/environment.ts";
import { serializeError } from "../sdk/errors.ts";
import { inngestConfigs } from "../sdk/inngest-server.ts";
import { sdkName, version } from "../sdk/version.ts";
import { callApi, signingKeys } from "../sdk/api.ts";
import { serveUrl, type ServedApp } from "./app.ts";
import { authenticate, missingSigningKey } from "./authenticate.ts";
import { isOurRequest, isOurServer } from "./capability.ts";
import { introspect } from "./introspection.ts";
import { failure, type Answer } from "./respond.ts";

/**
 * PUT: tells a server about the app's functions. In-band, the answer carries them; out-of-band, this asks the API to
 * register them and answers how that went (inngest-protocol §2.1).
 */
export async function sync(app: ServedApp, request: Request, body: string): Promise<Answer> {
  const { client } = app;
  const isInBand = request.headers.get(headers.syncKind) === "in_band" && isAllowed(app, "INNGEST_ALLOW_IN_BAND_SYNC");
  const isSigned = request.headers.has(headers.signature);
  const isOpen = app.enableUnauthedSync ?? isAllowed(app, "INNGEST_ENABLE_UNAUTHED_SYNC");
  if (isInBand || isSigned || !isOpen) {
    const caller = await authenticate(client, request, body);
    if (caller.kind === "refused") return caller.answer;
    const signWith = caller.kind === "signed" ? caller.key : undefined;
    return { ...(await (isInBand ? inBand(app, body, isOurRequest(request)) : outOfBand(app, request))), signWith };
  }
  return outOfBand(app, request);
}

/** Both kinds of sync are allowed unless a variable says no (inngest-protocol §0). */
function isAllowed({ client }: ServedApp, variable: string): boolean {
  return !isNo(client.envVar(variable));
}

async function inBand(app: ServedApp, body: string, isOurs: boolean): Promise<Answer> {
  const { client, framework } = app;
  const url = readUrl(body);
  if (url === undefined)
    return failure(
      400,
      "invalid_request",
      'The body must be JSON such as {"url": "https://app.example.com/api/inngest"}',
    );
  const served = serveUrl(app, url);
  const told = configs(app, served, isOurs);
  if (told.refused.length > 0) return failure(400, "only_ours", refusal(told.refused));
  return {
    status: 200,
    headers: { [headers.syncKind]: "in_band" },
    body: {
      app_id: client.id,
      appVersion: client.appVersion ?? null,
      capabilities: { in_band_sync: "v1", trust_probe: "v1" },
      env: client.env ?? null,
      framework,
      functions: told.configs,
      inspection: await introspect(app, served, true),
      platform: null,
      sdk: sdkName,
      sdk_author: "dotdo",
      sdk_language: "js",
      sdk_version: version,
      url: served,
    },
  };
}

async function outOfBand(app: ServedApp, request: Request): Promise<Answer> {
  const { client, framework } = app;
  if (client.mode === "cloud" && signingKeys(client).length === 0) return missingSigningKey();
  const url = serveUrl(app, request.url);
  const deployId = new URL(request.url).searchParams.get("deployId");
  const expectedKind = request.headers.get(headers.serverKind);
  const unreachable = (error: unknown) =>
    registered(
      500,
      `${client.apiBaseUrl} cannot be reached (${serializeError(error).message}); is the server running?`,
      false,
    );
  let told: Told;
  try {
    told = configs(app, url, isOurRequest(request) || (await isOurServer(client)));
  } catch (error) {
    return unreachable(error);
  }
  if (told.refused.length > 0) return registered(400, refusal(told.refused), false);
  const registration: JsonObject = {
    url,
    deployType: "ping",
    framework,
    appName: client.id,
    functions: told.configs,
    sdk: sdkName,
    v: "0.1", // of the registration's form, as inngest/inngest-js sends it
    capabilities: { in_band_sync: "v1", trust_probe: "v1" },
    ...(client.appVersion === undefined ? {} : { appVersion: client.appVersion }),
    ...(deployId === null ? {} : { deployId }),
  };
  let response: Response;
  let text: string;
  try {
    const query = deployId === null ? "" : `?deployId=${encodeURIComponent(deployId)}`;
    response = await callApi(client, `fn/register${query}`, {
      method: "POST",
      body: JSON.stringify(registration),
      headers: {
        "content-type": "application/json",
        [headers.framework]: framework,
        [headers.syncKind]: "out_of_band",
        ...(expectedKind === null ? {} : { [headers.expectedServerKind]: expectedKind }),
      },
      timeoutMs: SYNC_TIMEOUT_MS,
    });
    text = await response.text();
  } catch (error) {
    return unreachable(error);
  }
  return readReply(response.status, text);
}

/** How a registration went. Servers say so in the body, whatever the status (inngest-protocol §2.2). */
function readReply(httpStatus: number, text: string): Answer {
  const reply = readObject(text);
  if (reply === undefined)
    return registered(
      500,
      `The server answered ${httpStatus} without JSON, so it is no Inngest API: ${text.slice(0, 200)}`,
      false,
    );
  const status = typeof reply.status === "number" ? reply.status : httpStatus;
  const error = typeof reply.error === "string" && reply.error !== "" ? reply.error : undefined;
  if (status >= 400) return registered(status, error ?? `The server refused the registration (${status})`, false);
  return registered(status, error ?? "Successfully registered", reply.modified === true);
}

function registered(status: number, message: string, modified: boolean): Answer {
  return { status, body: { message, modified }, headers: { [headers.syncKind]: "out_of_band" } };
}

interface Told {
  configs: JsonObject[];
  refused: string[];
}

/** The app's functions as a server understands them: what is this package's own is said to its own platform alone. */
function configs(app: ServedApp, url: string, isOurs: boolean): Told {
  const { client } = app;
  const all = app.functions.flatMap((fn) => fn.configs(client.id, url));
  if (isOurs) return { configs: toJson(all), refused: [] };
  const { configs: official, dropped, refused } = inngestConfigs(all);
  for (const one of dropped)
    client.internalLogger.warn(`${one}. The server is not @dotdo/inngest, so this is left out`);
  return { configs: toJson(official), refused };
}

function refusal(refused: string[]): string {
  return `The server is not @dotdo/inngest, and cannot do what these options ask for: ${refused.join("; ")}`;
}

function toJson(configs: object[]): JsonObject[] {
  return JSON.parse(JSON.stringify(configs));
}

function readUrl(body: string): string | undefined {
  const url = readObject(body)?.url;
  try {
    return typeof url === "string" ? new URL(url).href : undefined;
  } catch {
    return undefined;
  }
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
