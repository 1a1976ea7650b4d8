import type { CallRequest, HttpTransport } from "../durable-objects/transport.ts";
import type { MemoText } from "../durable-objects/storage/stores.ts";
import type { Entry } from "../engine/run.ts";
import { attemptOf, type Reply } from "../engine/run-machine.ts";
import { deferEcho } from "../engine/run-defers.ts";
import { callRef } from "../protocol/call-ref.ts";
import type { GatewayRequest, GatewayResult } from "../protocol/gateway.ts";
import { headers } from "../protocol/headers.ts";
import { uuidOf } from "../protocol/ids.ts";
import { fitsBytes, type JsonValue } from "../protocol/json.ts";
import type { EditedInput } from "../protocol/journal.ts";
import { CALL_BODY_MAX_BYTES } from "../protocol/limits.ts";
import { canonicalText, sign } from "../protocol/signature.ts";
import { callHeaders, generation, jobId } from "./call-headers.ts";
import { enterEndpoint } from "./endpoint.ts";
import { readReply } from "./http-reply.ts";
import type { Exchange } from "./gateway.ts";
import type { Post } from "./post.ts";

export interface HttpOptions {
  post: Post;
  /** makes the requests of steps */
  exchange: Exchange;
  /** null in dev mode: calls are not signed */
  signingKey: () => string | null;
  isDev: () => boolean;
  now: () => number;
}

/** Functions that live behind a URL: Inngest's protocol, version 2, whichever SDK answers. */
export class HttpFunctions implements HttpTransport {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  async call(request: CallRequest): Promise<Reply> {
    const { call, run, url, runNow } = request;
    if (run.endpoint) return enterEndpoint(request, this.#options);
    const stepId = call.stepId ?? "step";
    const signingKey = this.#options.signingKey();
    const { body, isApart } = callBody(request, signingKey === null ? "plain" : "canonical");
    if (isApart && (await request.sdk()).startsWith("go:")) return tooLargeForGo();
    const target = new URL(url);
    target.searchParams.set("stepId", stepId);
    const now = this.#options.now();
    const result = await this.#options.post({
      url: target.href,
      body,
      headers: {
        "content-type": "application/json",
        ...callHeaders(run, call),
        [headers.serverKind]: this.#options.isDev() ? "dev" : "cloud",
        ...(signingKey === null ? {} : { [headers.signature]: await sign(signingKey, body, now, "canonical") }),
      },
    });
    return readReply(result, this.#options.now(), run.http?.version ?? -1, runNow());
  }

  gateway(request: GatewayRequest): Promise<GatewayResult> {
    return this.#options.exchange(request);
  }
}

/** How the values in a body are written. */
type Form = "plain" | "canonical";

/**
 * Body of an execution call (inngest-protocol §3.1). Past the bound state stays here, to be fetched apart (`use_api`). It is put
 * together from texts: results are sent as they are stored, and a body of canonical texts can be signed as it is.
 */
export function callBody(request: CallRequest, form: Form = "plain"): { body: string; isApart: boolean } {
  const { call, run, events, memos, target, disableImmediateExecution, edited } = request;
  const text: (value: JsonValue) => string = form === "canonical" ? canonicalText : (value) => JSON.stringify(value);
  const maxAttempts = (target?.retry ?? run.retry).maxAttempts;
  const stack = memos.list.map(({ id }) => id);
  const [event, ...others] = events.map((record) => text(record.event as unknown as JsonValue)); // as it was accepted
  const write = (useApi: boolean) => {
    const ctx = {
      fn_id: uuidOf(run.functionId),
      run_id: run.id,
      env: run.env,
      step_id: call.stepId ?? "step",
      attempt: call.stepId === null ? attemptOf(run) : call.attempt,
      max_attempts: maxAttempts,
      stack: { stack, current: stack.length },
      qi_id: callRef(run.id, call),
      request_id: callRef(run.id, call),
      generation_id: generation(call),
      job_id: jobId(run, call),
      disable_immediate_execution: disableImmediateExecution,
      use_api: useApi,
    };
    const version = run.http?.version ?? -1;
    const inEvents = useApi || event === undefined ? "" : [event, ...others].join(",");
    const steps = useApi ? "" : stepsText(edited ? withEdited(memos.list, edited) : memos.list, form);
    return `{"ctx":${text(ctx)},"defers":${text(deferEcho(run))},${event === undefined ? "" : `"event":${event},`}"events":[${inEvents}],"steps":{${steps}},"use_api":${useApi},"version":${version}}`;
  };
  const body = memos.areApart ? null : write(false);
  return body !== null && fitsBytes(body, CALL_BODY_MAX_BYTES)
    ? { body, isApart: false }
    : { body: write(true), isApart: true };
}

function stepsText(memos: readonly MemoText[], form: Form): string {
  const members = (list: readonly MemoText[]) => list.map((memo) => memberText(memo, form)).join(",");
  return members(form === "plain" ? memos : memos.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
}

/** A step that is to run with other arguments is told among the results, and is none (inngest-protocol §3.6). */
function withEdited(memos: readonly MemoText[], { stepId, input }: EditedInput): MemoText[] {
  return [...memos, { id: stepId, position: -1, text: JSON.stringify({ input }) }];
}

/** Members of `steps` in canonical form; the texts of results are the same objects as long as their run is in memory. */
const canonicalMembers = new WeakMap<MemoText, string>();

function memberText(memo: MemoText, form: Form): string {
  if (form === "plain") return `${JSON.stringify(memo.id)}:${memo.text}`;
  let member = canonicalMembers.get(memo);
  if (member === undefined) {
    member = `${JSON.stringify(memo.id)}:${canonicalText(JSON.parse(memo.text))}`;
    canonicalMembers.set(memo, member);
  }
  return member;
}

/** Official Go clients have no way to fetch what a call leaves out. */
export function tooLargeForGo(): Extract<Reply, { kind: "error" }> {
  const message = `the run's events and step results are over ${CALL_BODY_MAX_BYTES} bytes, the bound of one call, and Go clients cannot fetch them apart; return references instead of large values`;
  return { kind: "error", error: { name: "Error", code: "call_too_large", message }, final: true };
}

/** Stored results by step, as calls carry them (inngest-protocol §3.6). */
export function memos(entries: Entry[], edited?: EditedInput): Record<string, JsonValue> {
  const found: Record<string, JsonValue> = {};
  if (edited) found[edited.stepId] = { input: edited.input };
  for (const entry of entries) if (entry.status.kind === "settled") found[entry.id] = entry.status.memo;
  return found;
}
