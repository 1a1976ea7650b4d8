/** A run as people read it in a terminal. */
import { coloured, cut, plain, plainLines, print, printFacts, printTable } from "./output.ts";
import { isEnded, type RunDetails, type RunError, type StepDetails } from "./run-follow.ts";
import { agoText, clockText, tookText } from "./times.ts";
import { waitingSentence } from "./waiting.ts";

const OUTPUT_MAX_CHARACTERS = 4_000;

export function printRun(run: RunDetails, url: string, now: number): void {
  printFacts([
    ["Run", run.run_id],
    ["Status", coloured(run.status)],
    ["Function", `${plain(run.function_slug)} (version ${run.function_version})`],
    ["Trigger", triggerOf(run)],
    ["Started", `${run.run_started_at} (${agoText(run.run_started_at, now)})`],
    ["Ended", run.ended_at && `${run.ended_at} (took ${tookText(run.run_started_at, run.ended_at)})`],
    ["Waits", isEnded(run.status) ? null : plain(waitingSentence(run.waiting_for, now) ?? "it is about to go on")],
    ["Reason", reasonOf(run)],
    ["Page", `${url}/runs/${run.run_id}`],
  ]);
  if (run.steps.length > 0) {
    print("");
    printTable(
      ["STEP", "KIND", "STATUS", "TRIES", "TOOK", "RESULT"],
      run.steps.map((step) => [
        cut(step.id, 40),
        step.kind,
        coloured(step.status),
        step.kind === "run" || step.failures.length > 0 ? String(triesOf(step)) : "",
        tookText(step.created_at, step.ended_at),
        resultOf(step, now),
      ]),
    );
  }
  printOutcome(run);
}

/** Output or error of a run that has ended. */
export function printOutcome(run: RunDetails): void {
  if (run.error) print(`\nError\n${plainLines(run.error.stack ?? errorText(run.error))}`);
  else if (/^completed$/i.test(run.status)) print(`\nOutput\n${outputText(run.output)}`);
}

function outputText(output: unknown): string {
  const text = plainLines(JSON.stringify(output ?? null, null, 2));
  return text.length <= OUTPUT_MAX_CHARACTERS
    ? text
    : `${text.slice(0, OUTPUT_MAX_CHARACTERS)}\n… ${text.length} characters in all; --json prints them`;
}

function triggerOf(run: RunDetails): string {
  if (run.cron !== undefined) return `cron ${plain(run.cron)}`;
  return `${plain(run.event_name)} ${run.event_id}`;
}

function reasonOf(run: RunDetails): string | null {
  const reason = run.cancel_reason ?? run.skip_reason;
  return reason === null || reason === undefined
    ? null
    : plain(typeof reason === "string" ? reason : JSON.stringify(reason));
}

function triesOf({ failures, status }: StepDetails): number {
  return failures.length + (status === "completed" ? 1 : 0) || 1;
}

function resultOf(step: StepDetails, now: number): string {
  if (step.error) return cut(errorText(step.error));
  if (step.status === "completed") return cut(JSON.stringify(step.output ?? null));
  if (step.until !== null) return `until ${clockText(step.until)} (${agoText(step.until, now)})`;
  const [last] = step.failures.slice(-1);
  return last ? cut(errorText(last.error)) : "";
}

export function errorText({ name, message }: RunError): string {
  return [name, message].filter(Boolean).join(": ") || "failed";
}

/** What happened to a run between two looks at it, a line for each; call it with every state in turn. */
export class RunStory {
  readonly #told = new Set<string>();

  /** @returns what is new */
  news(run: RunDetails, now: number): Happening[] {
    const found: Happening[] = [];
    const tell = (key: string, happening: Happening) => {
      if (this.#told.has(key)) return;
      this.#told.add(key);
      found.push(happening);
    };
    for (const step of run.steps) {
      for (const failure of step.failures)
        tell(`${step.hash} attempt ${failure.attempt}`, {
          type: "attempt",
          at: failure.ended_at,
          step: step.id,
          status: "failed",
          attempt: failure.attempt,
          error: failure.error,
        });
      if (step.ended_at !== null)
        tell(`${step.hash} ended`, {
          type: "step",
          at: step.ended_at,
          step: step.id,
          status: step.status,
          took_ms: Date.parse(step.ended_at) - Date.parse(step.created_at),
          output: step.output,
          error: step.error,
        });
    }
    found.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    if (isEnded(run.status)) {
      const { run_id: runId, status, output, error } = run;
      tell("ended", {
        type: "run",
        at: run.ended_at ?? new Date(now).toISOString(),
        run_id: runId,
        status,
        output,
        error,
      });
    } else {
      const waits = waitingKey(run);
      const sentence = waitingSentence(run.waiting_for, now);
      if (waits !== "" && sentence !== null)
        tell(`waits ${waits}`, { type: "waiting", at: new Date(now).toISOString(), reason: sentence });
    }
    return found;
  }
}

/** One line of `runs tail --json`. */
export type Happening =
  | { type: "attempt"; at: string; step: string; status: "failed"; attempt: number; error: RunError }
  | { type: "step"; at: string; step: string; status: string; took_ms: number; output: unknown; error: RunError | null }
  | { type: "waiting"; at: string; reason: string }
  | { type: "run"; at: string; run_id: string; status: string; output: unknown; error: RunError | null };

/** What it waits for, without the times that change from look to look; nothing while it only executes. */
function waitingKey({ waiting_for: reasons }: RunDetails): string {
  return reasons
    .filter(({ kind }) => !["executing", "planned", "running", "retrying"].includes(kind))
    .map(({ kind, step = "" }) => `${kind} ${step}`)
    .join();
}

export function happeningText(happening: Happening, tookOf: (ms: number) => string): string {
  const time = clockText(happening.at);
  switch (happening.type) {
    case "attempt":
      return `${time}  attempt ${happening.attempt + 1} of ${plain(happening.step)} failed: ${cut(errorText(happening.error), 200)}`;
    case "step":
      return `${time}  ${coloured(happening.status)}  ${plain(happening.step)}  ${tookOf(happening.took_ms)}${
        happening.error ? `  ${cut(errorText(happening.error), 200)}` : ""
      }`;
    case "waiting":
      return `${time}  ${plain(happening.reason)}`;
    case "run":
      return `${time}  run ${coloured(happening.status)}`;
  }
}
