/** Asks an app what it is: the platform's PUT (inngest-protocol §2.1). */
import { inBandReplySchema, type InBandReply, type SyncErrorCode, type SyncFailure } from "../protocol/app-sync.ts";
import { MAIN_ENV } from "../environment.ts";
import { readBytes } from "../protocol/body.ts";
import { headers } from "../protocol/headers.ts";
import { isObject } from "../protocol/json.ts";
import { REQUEST_BODY_MAX_BYTES, SYNC_TIMEOUT_MS } from "../protocol/limits.ts";
import { isPrivateTarget } from "../protocol/private-address.ts";
import { sign } from "../protocol/signature.ts";

const REDIRECTS_MAX = 10;
const QUOTE_CHARS = 300;

export interface AppQuestion {
  url: string;
  /** environment in which it is asked; told when it is not `main` */
  env: string;
  isDev: boolean;
  /** the signing key, then the fallback; none in dev mode */
  signingKeys: readonly string[];
  /** SDK with which the app at this URL is registered, if it is */
  sdk?: string;
  fetch: typeof fetch;
  now(): number;
}

/** `in-band`: the app said what it is. `out-of-band`: it says that it has registered itself, somewhere. */
export type AppAnswer =
  | { kind: "in-band"; reply: InBandReply }
  | { kind: "out-of-band"; modified: boolean }
  | ({ kind: "failed"; sdk?: string } & SyncFailure);

/** Never rejects: what goes wrong is an answer, with what to do about it. */
export async function askApp(question: AppQuestion): Promise<AppAnswer> {
  if (question.isDev) return askInDev(question);
  const [first, ...fallbacks] = question.signingKeys;
  let answer = await ask(question, first);
  for (const key of fallbacks) {
    if (answer.kind !== "failed" || (answer.code !== "unauthorized" && answer.code !== "forbidden")) break;
    answer = await ask(question, key); // the app may still have the old key (inngest-protocol §5)
  }
  return answer;
}

/**
 * Inngest's Python SDK answers in-band to signed requests only, also in dev mode: it is told to register itself. Once it
 * is known it is not asked in vain, of which it would write an error each time.
 */
async function askInDev(question: AppQuestion): Promise<AppAnswer> {
  if (question.sdk?.startsWith("py:") === true) return ask(question, undefined, "out_of_band");
  const answer = await ask(question, undefined);
  const isPython = answer.kind === "failed" && answer.code === "unauthorized" && answer.sdk?.startsWith("inngest-py:");
  return isPython ? ask(question, undefined, "out_of_band") : answer;
}

async function ask(
  question: AppQuestion,
  signingKey: string | undefined,
  syncKind: "in_band" | "out_of_band" = "in_band",
): Promise<AppAnswer> {
  const { url, env, isDev, now } = question;
  const body = JSON.stringify({ url });
  const request = {
    method: "PUT",
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(SYNC_TIMEOUT_MS),
    headers: {
      "content-type": "application/json",
      [headers.serverKind]: isDev ? "dev" : "cloud",
      [headers.syncKind]: syncKind,
      [headers.dotdo]: "1",
      ...(env === MAIN_ENV ? {} : { [headers.env]: env }),
      ...(signingKey === undefined ? {} : { [headers.signature]: await sign(signingKey, body, now()) }),
    },
  } satisfies RequestInit;
  let target = url;
  try {
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const refusal = refusedTarget(target, isDev);
      if (refusal) return refusal;
      const response = await question.fetch(target, request);
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null)
        return await read(response, target, question);
      await response.body?.cancel();
      target = new URL(location, target).href;
    }
    return failed(
      "unreachable",
      `${url} redirects more than ${REDIRECTS_MAX} times, last to ${target}; give the URL it ends at`,
    );
  } catch (error) {
    const why = isTimeout(error) ? `no answer within ${SYNC_TIMEOUT_MS / 1000} s` : messageOf(error);
    return failed(
      "unreachable",
      `${target} cannot be reached (${why}); is the app running, and are host and port right?`,
    );
  }
}

function refusedTarget(target: string, isDev: boolean): AppAnswer | undefined {
  const url = new URL(target);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return failed(
      "unsupported_protocol",
      `${target} is not of http or https; give the URL at which the app serves its functions`,
    );
  if (!isDev && isPrivateTarget(url))
    return failed(
      "unreachable",
      `${target} is on a private network or this machine, which a deployed platform does not call; give the app's public URL`,
    );
  return undefined;
}

async function read(response: Response, target: string, { isDev }: AppQuestion): Promise<AppAnswer> {
  const { status } = response;
  const bytes = await readBytes(response, REQUEST_BODY_MAX_BYTES);
  if (bytes === undefined)
    return failed("refused", `the answer of ${target} is over the bound of ${REQUEST_BODY_MAX_BYTES} bytes`);
  const text = new TextDecoder().decode(bytes);
  const isSdk = response.headers.has(headers.sdk);
  if (status >= 200 && status < 300 && isSdk) return readReply(response, text, target);
  const [code, what] = diagnosis(status, isSdk, target, isDev);
  const said = quote(text, isSdk);
  const failure = failed(code, said === "" ? what : `${what}. It said: ${said}`);
  const sdk = isDev && status === 401 ? response.headers.get(headers.sdk) : null;
  return sdk === null ? failure : { ...failure, sdk };
}

function readReply(response: Response, text: string, target: string): AppAnswer {
  const json = readJson(text);
  if (response.headers.get(headers.syncKind) !== "in_band")
    return { kind: "out-of-band", modified: isObject(json) && json.modified === true };
  const reply = inBandReplySchema.safeParse(json);
  if (reply.success) return { kind: "in-band", reply: reply.data };
  const [issue] = reply.error.issues;
  return failed(
    "invalid_config",
    `the answer of ${target} cannot be read: ${issue?.path.join(".") || "body"}: ${issue?.message}; is its SDK up to date?`,
  );
}

/** What a status that is no success means, and what to do (inngest-protocol §2.1, trap 14: a 401 has no SDK header). */
function diagnosis(status: number, isSdk: boolean, target: string, isDev: boolean): [SyncErrorCode, string] {
  switch (status) {
    case 401:
      return isDev
        ? [
            "unauthorized",
            `${target} refuses unsigned requests (401): it is not in dev mode; start it with INNGEST_DEV=1`,
          ]
        : [
            "unauthorized",
            `${target} does not accept this platform's signature (401): set the app's INNGEST_SIGNING_KEY to the platform's, check the clocks, and deploy it again`,
          ];
    case 403:
      return [
        "forbidden",
        `${target} is forbidden (403): something in front of the app, such as a firewall, a login or deployment protection, turns the platform away; let requests to this path pass`,
      ];
    case 404:
      return [
        "url_not_found",
        `nothing is served at ${target} (404): check the path, which for most frameworks is /api/inngest, and that this version is deployed`,
      ];
    default:
      if (status >= 500) return ["internal_server_error", `${target} failed (${status}): see the app's own log`];
      if (isSdk) return ["refused", `${target} refused to sync (${status})`];
      return [
        "not_sdk",
        `${target} is not where an app serves its functions: it answers ${status} without the header ${headers.sdk}; check the path, and that no login page or proxy answers instead`,
      ];
  }
}

/** What an app says for itself; of other servers only a little, and no page. */
function quote(text: string, isSdk: boolean): string {
  const json = readJson(text);
  const said = isObject(json) ? (json.message ?? json.error) : undefined;
  if (typeof said === "string") return said.slice(0, QUOTE_CHARS);
  return isSdk && !text.trimStart().startsWith("<") ? text.trim().slice(0, QUOTE_CHARS) : "";
}

function failed(code: SyncErrorCode, message: string) {
  return { kind: "failed", code, message } satisfies AppAnswer;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
