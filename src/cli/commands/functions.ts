/** `inngest functions …`: see functions, start one, keep one from starting. */
import { checked, duration, text, type CommandLine } from "../command-line.ts";
import { exitCodes } from "../exit-codes.ts";
import { readJsonObject } from "../json-input.ts";
import { cut, note, print, printJson, printTable } from "../output.ts";
import { path, platformOf, withTarget, type TargetOptions } from "../platform.ts";
import { runOfEvent } from "../run-follow.ts";
import { agoText } from "../times.ts";
import { showOutcome } from "./runs.ts";

interface FunctionView {
  slug: string;
  name: string;
  app_id: string;
  version: number;
  triggers: { event: string; if: string | null }[];
  crons: { cron: string; next_fire_at: string | null }[];
  transport: { kind: string };
  archived: boolean;
  paused: { triggers: string; since: string } | null;
}

interface InvokeOptions extends TargetOptions {
  data?: string;
  wait?: true;
  timeout?: number;
}

/** How long the run of an invocation may take to appear: one that waits in a line does at once. */
const STARTS_WITHIN_MS = 15_000;

export function addFunctions(program: CommandLine): void {
  const functions = program.command("functions").description("list functions, invoke, pause and resume one");

  withTarget(functions.command("list"))
    .description("functions of all apps, what starts them, and whether they are paused")
    .addOption(checked("--app <app>", "of this app", text))
    .action(list);

  withTarget(functions.command("get <function>"))
    .description("the configuration of one, as the platform understands it (JSON)")
    .action(async (id: string, options: TargetOptions) => {
      const { data } = await platformOf(options).get<{ data: FunctionView }>(path`/v1/functions/${id}`);
      printJson(data);
    });

  withTarget(functions.command("invoke <function>"))
    .description("start one, whatever its triggers; by its slug, such as shop-checkout")
    .addOption(checked("-d, --data <json>", "the data of its event: '{\"a\":1}', @file, or - for stdin", text))
    .option("--wait", `until the run has ended; exit code ${exitCodes.runFailed} unless it completed`)
    .addOption(
      checked("--timeout <time>", `wait at most so long, such as 10m; then exit code ${exitCodes.timeUp}`, duration),
    )
    .action(invoke);

  withTarget(functions.command("pause <function>"))
    .description("keep one from starting, until it is resumed")
    .option("--hold", "what would start it waits, and starts then; without it those runs are skipped")
    .option("--cancel", "cancel the runs that are under way; without it they go on")
    .action(async (id: string, options: TargetOptions & { hold?: true; cancel?: true }) => {
      const body = { triggers: options.hold ? "hold" : "skip", running: options.cancel ? "cancel" : "continue" };
      const { data } = await platformOf(options).post<{ data: FunctionView }>(path`/v1/functions/${id}/pause`, body);
      if (options.json) return printJson(data);
      const what = options.hold ? "waits and starts when it is resumed" : "is skipped";
      print(`${data.slug} is paused: what would start it ${what}`);
    });

  withTarget(functions.command("resume <function>"))
    .description("let it start again")
    .action(async (id: string, options: TargetOptions) => {
      const { data } = await platformOf(options).post<{ data: FunctionView }>(path`/v1/functions/${id}/resume`, {});
      if (options.json) return printJson(data);
      print(`${data.slug} is not paused`);
    });
}

async function list(options: TargetOptions & { app?: string }): Promise<void> {
  const { data } = await platformOf(options).get<{ data: FunctionView[] }>("/v1/functions");
  const found = data.filter((fn) => options.app === undefined || fn.app_id === options.app);
  if (options.json) return printJson(found);
  if (found.length === 0)
    return print("no functions; register an app: inngest apps sync http://localhost:3000/api/inngest");
  const now = Date.now();
  printTable(
    ["FUNCTION", "APP", "STARTED BY", "CODE", "STATE"],
    found.map((fn) => [
      cut(fn.slug, 50),
      cut(fn.app_id, 30),
      cut(startedBy(fn, now)),
      fn.transport.kind,
      fn.paused ? `paused (${fn.paused.triggers})` : fn.archived ? "archived" : "active",
    ]),
  );
}

function startedBy({ triggers, crons }: FunctionView, now: number): string {
  const all = [
    ...triggers.map(({ event }) => event),
    ...crons.map(({ cron, next_fire_at: next }) => (next === null ? cron : `${cron} (${agoText(next, now)})`)),
  ];
  return all.length === 0 ? "invocation" : all.join(", ");
}

async function invoke(id: string, options: InvokeOptions): Promise<void> {
  const platform = platformOf(options);
  const data = options.data === undefined ? {} : await readJsonObject(options.data, "--data");
  const fn = await platform.get<{ data: FunctionView }>(path`/v1/functions/${id}`);
  const { id: eventId } = await platform.post<{ id: string }>(path`/invoke/${fn.data.slug}`, { data });
  if (options.wait) {
    const runId = await runOfEvent(platform, eventId, fn.data.slug, options.timeout ?? STARTS_WITHIN_MS);
    note(`run ${runId} started`);
    return showOutcome(platform, runId, options);
  }
  if (options.json) return printJson({ event_id: eventId, function: fn.data.slug });
  print(`${fn.data.slug} is invoked by event ${eventId}; its run: inngest events get ${eventId}`);
}
