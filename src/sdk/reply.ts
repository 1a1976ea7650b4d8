import type { CallBody, Memo, SettledMemo } from "../protocol/call.ts";
import { isObject, type JsonValue } from "../protocol/json.ts";
import { LOGS_FIELD, type LogBatch } from "../protocol/logs.ts";
import type { StepOp } from "../protocol/step-op.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Inngest } from "./client.ts";
import type { FoundStep, Reporter } from "./execute.ts";
import { foundOp, logsOp, ranOp } from "./found-op.ts";
import type { Registration } from "./function.ts";
import { inngestOp } from "./inngest-server.ts";
import { Chain } from "./middleware/chain.ts";
import type { Memos } from "./middleware/memoized-steps.ts";
import type { RequestPlatform } from "./platform.ts";
import type { RunHost } from "./run-host.ts";
import { RunContext } from "./run-context.ts";
import type { BodyResult } from "./step-body.ts";
import type { ReceivedEvent } from "./event.ts";

/** What one call to a function comes to (inngest-protocol §3.3). */
export type CallReply =
  | { status: 206; ops: StepOp[]; noRetry?: boolean; retryAfter?: string }
  | { status: 200; data: JsonValue }
  | { status: 400 | 500; error: WireError; noRetry: boolean; retryAfter?: string };

/**
 * Tells the platform of a step that has run while its call goes on, and of what was logged before it. `taken`: it is stored. `stale`: nobody waits for this call
 * any more. `failed`: the call's answer must tell of it.
 */
export type Checkpoint = (ops: StepOp[]) => Promise<"taken" | "stale" | "failed">;

export interface CallOptions {
  registration: Registration;
  client: Inngest;
  body: CallBody;
  /** `step` to find out what comes next, or the hash of the one step to run */
  stepId: string;
  /**
   * The server is this package's: it re-enters after each parallel step that says so, and `Promise.race` returns at the first
   * (design §4); and it understands what is ours in steps, which another is not told.
   */
  race: boolean;
  /** what the runtime gave to the call */
  platform?: RequestPlatform;
  host?: RunHost;
  /** absent: a call is answered with the one step that has run in it */
  checkpoint?: Checkpoint;
  /** middleware of the request. Default: instances for this call alone */
  chain?: Chain;
}

/** How long a call looks for the step that it targets: code between steps may take time (inngest-protocol §3.3). */
const TARGET_TIMEOUT_MS = 10_000;

/** Executes a function as far as one call goes: to what it cannot do itself, the plan of several steps, or the end. */
export async function executeCall(options: CallOptions): Promise<CallReply> {
  const { registration, client, body, stepId, platform } = options;
  const { run_id: runId, attempt, max_attempts } = body.ctx;
  const reporter = new ReplyReporter(options);
  const memoCount = Object.values(body.steps).filter((memo) => !editedOf(memo)).length;
  const run = new RunContext(
    {
      registration,
      client,
      runId,
      events: (body.events.length > 0 ? body.events : [body.event]) as ReceivedEvent[], // as the platform accepted them
      attempt,
      maxAttempts: max_attempts ?? registration.retry.maxAttempts,
      isFirst: memoCount === 0 && attempt === 0 && stepId === "step",
      memoCount,
      memos: () => reporter.memos(),
      requestId: body.ctx.request_id ?? undefined,
      jobId: body.ctx.job_id ?? undefined,
      platform,
      chain: options.chain ?? Chain.open(client, registration.fn.middleware),
      host: options.host,
      logs: options.race,
    },
    reporter,
  );
  const ended = reporter.begin(run);
  const reply = await Promise.race([reporter.reply, ended.then((end) => end ?? reporter.reply)]);
  run.stop();
  await run.flush();
  return reporter.withLogs(reply);
}

function endReply(result: BodyResult): CallReply {
  if (result.kind === "data") return { status: 200, data: result.data };
  const { error, final, retryAfter } = result;
  return { status: final ? 400 : 500, error, noRetry: final, retryAfter };
}

/** Collects what a call reports; the first batch of new steps is the reply. */
class ReplyReporter implements Reporter {
  readonly reply: Promise<CallReply>;
  readonly #options: CallOptions;
  readonly #positions: Map<string, number>;
  readonly #found: FoundStep[] = [];
  #answer: (reply: CallReply) => void = () => undefined;
  #answered = false;
  /** the code of a step runs, or the platform is told of it */
  #isAtStep = false;
  /** other steps were found in that time */
  #isMoreFound = false;
  /** steps that the platform has stored by word of this call */
  #stored = 0;
  #looking: ReturnType<typeof setTimeout> | null = null;
  #run: RunContext | null = null;
  /** what was logged around steps and is not known to be stored */
  #logs: LogBatch[] = [];
  #logParts = 0;

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

  /** Runs the handler; its reply, unless it was stopped first. */
  async begin(run: RunContext): Promise<CallReply | null> {
    this.#run = run;
    const outcome = await run.start();
    return outcome && endReply(await run.end(outcome));
  }

  /** The reply, with what the code around steps has logged: a server of ours reads the function's end as an op, too. */
  withLogs(reply: CallReply): CallReply {
    const logs = this.#untoldLogs();
    if (logs.length === 0) return reply;
    if (reply.status === 206) return { ...reply, ops: [...reply.ops, ...logs.map(logsOp)] };
    if (reply.status !== 200)
      return { ...reply, error: { ...reply.error, [LOGS_FIELD]: logs as unknown as JsonValue } };
    const end: StepOp = { op: "RunComplete", id: "", data: reply.data };
    return { status: 206, ops: [end, ...logs.map(logsOp)] };
  }

  /** A call for one step repeats what the call before it has logged. */
  #untoldLogs(): LogBatch[] {
    const logs = this.#run?.logsAround();
    if (this.#options.stepId !== "step") return [];
    if (logs) this.#logs.push({ ...logs, part: this.#logParts++ });
    return this.#logs;
  }

  memo(step: { id: string }): SettledMemo | undefined {
    const memo = this.#options.body.steps[step.id];
    if (memo === undefined || editedOf(memo)) return undefined;
    return { memo, position: this.#positions.get(step.id) ?? this.#positions.size };
  }

  edited({ id }: FoundStep): unknown[] | undefined {
    const memo = this.#options.body.steps[id];
    return memo === undefined ? undefined : editedOf(memo);
  }

  *memos(): Memos {
    for (const id of Object.keys(this.#options.body.steps)) {
      const memo = this.memo({ id });
      if (memo) yield [id, memo];
    }
  }

  found(steps: FoundStep[]): void {
    if (this.#answered) return;
    this.#found.push(...steps);
    this.#isMoreFound = true;
    if (this.#isAtStep) return; // the next call finds them again, with what it has to tell
    const { stepId, body, race } = this.#options;
    if (stepId !== "step") {
      const target = steps.find((step) => step.id === stepId);
      if (target) void this.#execute(target);
      return;
    }
    const [only] = steps;
    if (steps.length === 1 && only?.body && !body.ctx.disable_immediate_execution) return void this.#execute(only);
    const ops = steps.map((step) => this.#told(foundOp(step)));
    if (race && ops.length > 1) for (const op of ops) op.opts = { parallelMode: "race", ...op.opts };
    this.#answer({ status: 206, ops });
  }

  /** The handler waits for something that is no step. A call for one step cannot wait for ever. */
  idle(): void {
    const { stepId } = this.#options;
    if (stepId === "step" || this.#answered || this.#isAtStep || this.#looking !== null) return;
    this.#looking = setTimeout(() => this.#answer(targetMissing(stepId, this.#found)), TARGET_TIMEOUT_MS);
  }

  #told(op: StepOp): StepOp {
    return this.#options.race ? op : inngestOp(op);
  }

  async #execute(step: FoundStep): Promise<void> {
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#isAtStep = true;
    this.#isMoreFound = false;
    const { ctx } = this.#options.body;
    const attempt = this.#stored > 0 ? 0 : ctx.attempt; // a step that is stored begins the count anew
    const allowed = ctx.max_attempts ?? Number.POSITIVE_INFINITY;
    const wanted = step.retry?.maxAttempts ?? allowed;
    const maxAttempts = this.#options.race ? wanted : Math.min(wanted, allowed); // others know one number for all steps
    const isLastAttempt = attempt + 1 >= maxAttempts;
    const result = await this.#run?.runStep(step, () => isLastAttempt);
    if (!result) return;
    const op = this.#told(ranOp(step, result, isLastAttempt, this.#run?.stepLogs(step)));
    if (result.kind === "error")
      return this.#answer({ status: 206, ops: [op], noRetry: op.op === "StepFailed", retryAfter: result.retryAfter });
    if (this.#answered || !(await this.#goesOn(op))) this.#answer({ status: 206, ops: [op] });
  }

  /** Lets the handler go on with the result of a step, once that is stored; false when the call has to be answered with it. */
  async #goesOn(op: StepOp): Promise<boolean> {
    const { checkpoint, stepId, body } = this.#options;
    const isRetry = this.#stored === 0 && body.ctx.attempt > 0; // what follows has another number of attempts
    if (!checkpoint || stepId !== "step" || isRetry || this.#isMoreFound) return false;
    const logs = [...this.#untoldLogs()];
    const told = await checkpoint([...logs.map(logsOp), op]);
    if (told === "failed") return false;
    this.#logs = this.#logs.filter((one) => !logs.includes(one));
    if (told === "stale") {
      this.#answer(STALE);
      return true;
    }
    this.#stored += 1;
    if (this.#isMoreFound) return false; // the same result once more changes nothing
    this.#isAtStep = false;
    this.#run?.execution.settle(op.id, {
      memo: { data: op.data ?? null },
      position: this.#positions.size + this.#stored,
    });
    return true;
  }
}

/** The arguments of a step that has not run, and is to run with these (inngest-protocol §3.6). */
function editedOf(memo: Memo): unknown[] | undefined {
  if (!isObject(memo) || !Array.isArray(memo.input)) return undefined;
  return Object.keys(memo).every((key) => key === "input" || key === "type") ? memo.input : undefined;
}

/** The answer to a call that nobody waits for: its run has ended, or goes on in another. */
const STALE: CallReply = {
  status: 400,
  error: { name: "Error", code: "call_stale", message: "the run goes on without this call" },
  noRetry: true,
};

function targetMissing(stepId: string, found: FoundStep[]): CallReply {
  const seen = found.slice(0, 10).map((step) => `"${step.userId}"`);
  const error = {
    name: "StepNotFoundError",
    code: "step_not_found",
    message: `the call asks for step ${stepId}, which the function does not reach; found: ${seen.join(", ") || "no step"}`,
  };
  return { status: 500, error, noRetry: false };
}
