import type { CallBody, SettledMemo } from "../protocol/call.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Inngest } from "./client.ts";
import { errorResult, dataResult, runBody } from "./step-body.ts";
import { isStepError } from "./errors.ts";
import { Execution, type FoundStep, type Outcome, type Reporter } from "./execute.ts";
import { foundOp, ranOp } from "./found-op.ts";
import type { Registration } from "./function.ts";
import { stepTools } from "./step/index.ts";
import type { RequestPlatform } from "./platform.ts";
import type { ReceivedEvent } from "./types.ts";

/** What one call to a function comes to (inngest-protocol §3.3). */
export type CallReply =
  | { status: 206; ops: StepOp[]; noRetry?: boolean; retryAfter?: string }
  | { status: 200; data: JsonValue }
  | { status: 400 | 500; error: WireError; noRetry: boolean; retryAfter?: string };

export interface CallOptions {
  registration: Registration;
  client: Inngest;
  body: CallBody;
  /** `step` to find out what comes next, or the hash of the one step to run */
  stepId: string;
  /** the server re-enters after each parallel step, so that `Promise.race` returns at the first (design §4) */
  race: boolean;
  /** what the runtime gave to the call */
  platform?: RequestPlatform;
}

/** How long a call looks for the step that it targets: code between steps may take time (inngest-protocol §3.3). */
const TARGET_TIMEOUT_MS = 10_000;

/** Executes a function as far as one call goes: one step, the plan of several, or the end. */
export async function executeCall(options: CallOptions): Promise<CallReply> {
  const { registration, client, body } = options;
  const reporter = new ReplyReporter(options);
  const execution = new Execution(reporter);
  const ask = execution.step.bind(execution);
  const context = {
    event: body.event as ReceivedEvent, // both are what the platform accepted
    events: (body.events.length > 0 ? body.events : [body.event]) as ReceivedEvent[],
    step: stepTools(ask, { client, runId: body.ctx.run_id }),
    runId: body.ctx.run_id,
    attempt: body.ctx.attempt,
    maxAttempts: body.ctx.max_attempts ?? registration.retry.maxAttempts,
    logger: client.logger,
  };
  const ended = execution
    .run(() => registration.handler(context))
    .then((outcome) => outcome && endReply(outcome, body));
  const reply = await Promise.race([reporter.reply, ended.then((end) => end ?? reporter.reply)]);
  execution.stop();
  return reply;
}

function endReply(outcome: Outcome, body: CallBody): CallReply {
  const result =
    outcome.kind === "returned" ? dataResult(outcome.value, `run ${body.ctx.run_id}`) : errorResult(outcome.error);
  if (result.kind === "data") return { status: 200, data: result.data };
  // a failed step that nobody caught: another attempt of the handler would meet the same memo
  const noRetry = result.final || (outcome.kind === "threw" && isStepError(outcome.error));
  return { status: noRetry ? 400 : 500, error: result.error, noRetry, retryAfter: result.retryAfter };
}

/** Collects what a call reports; the first batch of new steps is the reply. */
class ReplyReporter implements Reporter {
  readonly reply: Promise<CallReply>;
  readonly #options: CallOptions;
  readonly #positions: Map<string, number>;
  readonly #found: FoundStep[] = [];
  #answer: (reply: CallReply) => void = () => undefined;
  #answered = false;
  #looking: ReturnType<typeof setTimeout> | null = null;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#positions = new Map((options.body.ctx.stack?.stack ?? []).map((id, index) => [id, index]));
    this.reply = new Promise((resolve) => {
      this.#answer = (reply) => {
        this.#answered = true;
        if (this.#looking !== null) clearTimeout(this.#looking);
        resolve(reply);
      };
    });
  }

  memo(step: FoundStep): SettledMemo | undefined {
    const memo = this.#options.body.steps[step.id];
    if (memo === undefined) return undefined;
    return { memo, position: this.#positions.get(step.id) ?? this.#positions.size };
  }

  found(steps: FoundStep[]): void {
    if (this.#answered) return;
    this.#found.push(...steps);
    const { stepId, body, race } = this.#options;
    if (stepId !== "step") {
      const target = steps.find((step) => step.id === stepId);
      if (target) void this.#execute(target);
      return;
    }
    const [only] = steps;
    if (steps.length === 1 && only?.body && !body.ctx.disable_immediate_execution) return void this.#execute(only);
    const ops = steps.map(foundOp);
    if (race && ops.length > 1) for (const op of ops) op.opts = { parallelMode: "race", ...op.opts };
    this.#answer({ status: 206, ops });
  }

  /** The handler waits for something that is no step. A call for one step cannot wait for ever. */
  idle(): void {
    if (this.#options.stepId === "step" || this.#answered || this.#looking !== null) return;
    this.#looking = setTimeout(() => this.#answer(targetMissing(this.#options.stepId, this.#found)), TARGET_TIMEOUT_MS);
  }

  async #execute(step: FoundStep): Promise<void> {
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#answered = true;
    const { body } = this.#options;
    const result = await runBody(step.body ?? (() => null), `step "${step.userId}"`);
    const maxAttempts = step.retry?.maxAttempts ?? body.ctx.max_attempts ?? Number.POSITIVE_INFINITY;
    const op = ranOp(step, result, body.ctx.attempt + 1 >= maxAttempts);
    if (result.kind === "data") this.#answer({ status: 206, ops: [op] });
    else this.#answer({ status: 206, ops: [op], noRetry: op.op === "StepFailed", retryAfter: result.retryAfter });
  }
}

function targetMissing(stepId: string, found: FoundStep[]): CallReply {
  const seen = found.slice(0, 10).map((step) => `"${step.userId}"`);
  const error = {
    name: "StepNotFoundError",
    code: "step_not_found",
    message: `the call asks for step ${stepId}, which the function does not reach; found: ${seen.join(", ") || "no step"}`,
  };
  return { status: 500, error, noRetry: false };
}
