/** `inngest runs …`: see runs, act on one, act on many. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checked, duration, instant, listed, oneOf, text, wholeNumber, type CommandLine } from "../command-line.ts";
import { CommandError, exitCodes, usageError } from "../exit-codes.ts";
import { readJson } from "../json-input.ts";
import { note, print, printJson } from "../output.ts";
import { path, platformOf, Refusal, withTarget, type Platform, type TargetOptions } from "../platform.ts";
import { followRun, outcomeCode, readRun } from "../run-follow.ts";
import { printRun } from "../run-view.ts";
import { bulk, type BulkOptions } from "./runs-bulk.ts";
import { listRuns, type ListOptions } from "./runs-list.ts";
import { tailRun, tailRuns, type TailOptions } from "./runs-tail.ts";

const STATUSES = ["Scheduled", "Running", "Completed", "Failed", "Cancelled", "Skipped"] as const;

export function addRuns(program: CommandLine): void {
  const runs = program.command("runs").description("list, inspect, follow, cancel, replay, rerun and export runs");

  withFilter(withTarget(runs.command("list")))
    .description("runs, the newest first")
    .addOption(checked("-n, --limit <n>", "how many; default 20", wholeNumber(1, 10_000)))
    .addOption(checked("--cursor <cursor>", "where the last list ended", text))
    .action(async (options: ListOptions & TargetOptions) => listRuns(platformOf(options), options));

  withWait(withTarget(runs.command("get <run>")))
    .description("one run: what it did, what it waits for, its output")
    .action(async (id: string, options: WaitOptions) => {
      const platform = platformOf(options);
      if (options.wait) return showOutcome(platform, id, options);
      const run = await readRun(platform, id);
      if (options.json) return printJson(run);
      printRun(run, platform.url, Date.now());
    });

  withTarget(runs.command("tail [run]"))
    .description("follow one run step by step to its end, or all runs")
    .addOption(checked("--timeout <time>", "stop after so long, such as 10m", duration))
    .addOption(listed("--status <status>", "only runs that stand so", oneOf(STATUSES)))
    .addOption(listed("--app <app>", "only runs of this app", text))
    .addOption(listed("--function <slug>", "only runs of this function, such as shop-checkout", text))
    .action(async (id: string | undefined, options: TailOptions & TargetOptions) => {
      const platform = platformOf(options);
      if (id === undefined) return tailRuns(platform, options);
      if (options.status ?? options.app ?? options.function)
        throw usageError("--status, --app and --function choose among all runs; leave them out, or the run");
      process.exitCode = await tailRun(platform, id, options);
    });

  withBulk(withTarget(runs.command("cancel [runs...]")))
    .description("cancel runs by id, or all that the options choose")
    .option("--cascade", "with the runs that they have invoked")
    .action(async (ids: string[], options: BulkOptions & TargetOptions & { cascade?: true }) => {
      const platform = platformOf(options);
      if (ids.length === 0) return bulk(platform, "cancel", options);
      refuseFilter(options, "cancel");
      await cancelEach(platform, ids, options);
    });

  withBulk(withTarget(runs.command("replay")))
    .description("start runs once more, all that the options choose")
    .action(async (options: BulkOptions & TargetOptions) => bulk(platformOf(options), "replay", options));

  withWait(withTarget(runs.command("rerun <run>")))
    .description("start one run once more, from its beginning or from a step")
    .addOption(checked("--from-step <step>", "keep the results before this step (its id)", text))
    .addOption(
      checked("--input <json>", "what that step is given instead: a JSON list of its arguments; or @file, -", text),
    )
    .action(async (id: string, options: WaitOptions & { fromStep?: string; input?: string }) => rerun(id, options));

  withTarget(runs.command("export <run>"))
    .description("everything that is known of a run, as one JSON document")
    .addOption(checked("-o, --output <file>", "into this file; default: stdout", text))
    .action(async (id: string, options: TargetOptions & { output?: string }) => exportRun(id, options));
}

interface WaitOptions extends TargetOptions {
  wait?: true;
  timeout?: number;
}

function withWait(command: CommandLine): CommandLine {
  return command
    .option("--wait", `until it has ended; exit code ${exitCodes.runFailed} unless it completed`)
    .addOption(
      checked("--timeout <time>", `wait at most so long, such as 10m; then exit code ${exitCodes.timeUp}`, duration),
    );
}

function withFilter(command: CommandLine): CommandLine {
  return command
    .addOption(listed("--status <status>", STATUSES.join(", "), oneOf(STATUSES)))
    .addOption(listed("--app <app>", "of this app", text))
    .addOption(listed("--function <slug>", "of this function, such as shop-checkout", text))
    .addOption(checked("--since <time>", "queued since: 2h, or 2026-01-31T12:00:00Z", instant))
    .addOption(checked("--until <time>", "queued before", instant))
    .addOption(checked("--if <cel>", 'CEL over the run, such as event.data.tenant == "t1"', text));
}

function withBulk(command: CommandLine): CommandLine {
  return withFilter(command)
    .option("--dry-run", "only count them")
    .option("-y, --yes", "do not ask")
    .option("--no-follow", "do not wait until all is done");
}

function refuseFilter(options: BulkOptions, verb: string): void {
  const given = (["status", "app", "function", "since", "until", "if", "dryRun"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (given === undefined) return;
  const flag = given === "dryRun" ? "dry-run" : given;
  throw usageError(`--${flag} chooses among all runs; leave it out to ${verb} the runs that are named, or the names`);
}

/** All of them, whatever becomes of one. */
async function cancelEach(
  platform: Platform,
  ids: string[],
  options: TargetOptions & { cascade?: true },
): Promise<void> {
  const outcomes: { run_id: string; cancelled: boolean; error: string | null }[] = [];
  for (const id of ids) {
    try {
      await platform.delete(path`/v1/runs/${id}`, options.cascade ? { cascade: true } : undefined);
      outcomes.push({ run_id: id, cancelled: true, error: null });
      if (!options.json) print(`${id} cancelled`);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status === 401) throw error;
      outcomes.push({ run_id: id, cancelled: false, error: error.message });
      if (!options.json) note(`inngest: ${error.message}`);
    }
  }
  if (options.json) printJson(outcomes);
  if (outcomes.some(({ cancelled }) => !cancelled)) process.exitCode = exitCodes.failed;
}

async function rerun(id: string, options: WaitOptions & { fromStep?: string; input?: string }): Promise<void> {
  const platform = platformOf(options);
  const { fromStep, input } = options;
  if (input !== undefined && fromStep === undefined)
    throw usageError("--input is what a step is given; name the step with --from-step");
  const given = input === undefined ? undefined : await readJson(input, "--input");
  if (given !== undefined && !Array.isArray(given))
    throw usageError('--input must be a JSON list of the step\'s arguments, such as [{"amount":5}]');
  const body =
    fromStep === undefined ? {} : { from_step: { id: fromStep, ...(given === undefined ? {} : { input: given }) } };
  const { data } = await platform.post<{ data: { run_id: string } }>(path`/v1/runs/${id}/rerun`, body);
  if (options.wait) {
    note(`run ${data.run_id} started`);
    return showOutcome(platform, data.run_id, options);
  }
  if (options.json) return printJson(data);
  print(`run ${data.run_id} started; follow it: inngest runs tail ${data.run_id}`);
}

/** Waits for the end of a run, shows it, and sets the exit code by it. */
export async function showOutcome(platform: Platform, id: string, options: WaitOptions): Promise<void> {
  const run = await followRun(platform, id, { timeoutMs: options.timeout });
  if (options.json) printJson(run);
  else printRun(run, platform.url, Date.now());
  process.exitCode = outcomeCode(run);
}

async function exportRun(id: string, { output, ...options }: TargetOptions & { output?: string }): Promise<void> {
  const platform = platformOf(options);
  const answer = await platform.request("GET", path`/v1/runs/${id}/export`);
  if (answer.body === null) throw new CommandError(`run ${id}: the export is empty`);
  const source = Readable.fromWeb(answer.body as import("node:stream/web").ReadableStream);
  if (output === undefined) return pipeline(source, process.stdout, { end: false });
  await pipeline(source, createWriteStream(output)).catch((error: unknown) => {
    throw new CommandError(`${output} cannot be written: ${error instanceof Error ? error.message : error}`);
  });
  note(`run ${id} is in ${output}`);
}
