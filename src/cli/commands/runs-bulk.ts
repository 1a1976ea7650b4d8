/** `inngest runs cancel` and `runs replay` of all runs that options choose: counted first, asked for, then followed. */
import { setTimeout as delay } from "node:timers/promises";
import { confirm } from "../confirm.ts";
import { exitCodes, usageError } from "../exit-codes.ts";
import { note, print, printJson, Progress } from "../output.ts";
import { path, type Platform } from "../platform.ts";
import { wireStatus, type RunFilter } from "./runs-list.ts";

export interface BulkOptions extends RunFilter {
  dryRun?: true;
  yes?: true;
  /** false by `--no-follow` */
  follow: boolean;
  json?: boolean;
}

interface BulkView {
  id: string;
  status: "running" | "done" | "stopped";
  matched: number;
  cancelled?: number;
  started?: number;
  already_ended?: number;
  /** runs whose function its app has no more */
  not_startable?: number;
  failing?: number;
}

/** What a dry run finds; not exact: at least so many. */
interface Count {
  matched: number;
  is_exact: boolean;
}

const VERBS = {
  cancel: { route: "/v1/cancellations", now: "cancelled", count: ({ cancelled = 0 }: BulkView) => cancelled },
  replay: { route: "/v1/replays", now: "started once more", count: ({ started = 0 }: BulkView) => started },
} as const;

const POLL_MS = 500;

export async function bulk(platform: Platform, verb: keyof typeof VERBS, options: BulkOptions): Promise<void> {
  const { route, now, count } = VERBS[verb];
  const body = bodyOf(verb, options);
  const dry = await platform.post<{ data: Count }>(route, { ...body, dry_run: true });
  const runs = `${dry.data.is_exact ? "" : "at least "}${countText(dry.data.matched)}`;
  if (options.dryRun) {
    if (options.json) printJson(dry.data);
    else print(`${runs} would be ${now}`);
    return;
  }
  if (dry.data.matched === 0 && dry.data.is_exact && !options.yes) {
    if (options.json) printJson({ matched: 0 });
    else print(`no run would be ${now}`);
    return;
  }
  if (!options.yes && !(await confirm(`${runs} will be ${now}. Go on?`))) {
    note("nothing was done");
    process.exitCode = exitCodes.failed;
    return;
  }

  let { data } = await platform.post<{ data: BulkView }>(route, body);
  const progress = new Progress();
  while (options.follow && data.status === "running") {
    progress.show(`${count(data)} of ${Math.max(data.matched, dry.data.matched)} ${now} …`);
    await delay(POLL_MS);
    ({ data } = await platform.get<{ data: BulkView }>(`${route}${path`/${data.id}`}`));
  }
  progress.end();
  if (options.json) printJson(data);
  else if (data.status === "running")
    print(`${verb} ${data.id} has begun: GET ${route}/${data.id} tells how far it is`);
  else print(`${countText(count(data))} ${now}${endedText(data)}`);
  if (data.status === "stopped" || (data.failing ?? 0) > 0) process.exitCode = exitCodes.failed;
}

/** What is asked for. All runs there ever were are never meant. */
function bodyOf(verb: string, options: BulkOptions): Record<string, unknown> {
  const { status, app, function: functions, since, until, if: condition } = options;
  if (app === undefined && functions === undefined)
    throw usageError(
      verb === "cancel"
        ? "name the runs to cancel, or choose them by --app or --function; --since, --until, --status and --if narrow that"
        : "choose the runs to replay by --app or --function; --since, --until, --status and --if narrow that",
    );
  return {
    ...(app && { app_id: one(app, "--app") }),
    ...(functions && { function_ids: functions }),
    ...(status && { statuses: status.map(wireStatus) }),
    ...(since && { started_after: since }),
    started_before: until ?? new Date().toISOString(),
    ...(condition && { if: condition }),
  };
}

function one(values: string[], name: string): string {
  const [first = "", ...rest] = values;
  if (rest.length > 0) throw usageError(`${name} may be given once here`);
  return first;
}

function countText(count: number): string {
  return count === 1 ? "1 run" : `${count} runs`;
}

function endedText(view: BulkView): string {
  const { status, already_ended: ended = 0, not_startable: orphans = 0, failing = 0 } = view;
  const parts = [
    ended > 0 ? `${ended} had ended before` : "",
    orphans > 0 ? `${orphans} have no function any more` : "",
    failing > 0 ? `${failing} could not be asked` : "",
    status === "stopped" ? "it was stopped half-way" : "",
  ].filter(Boolean);
  return parts.length === 0 ? "" : `; ${parts.join("; ")}`;
}
