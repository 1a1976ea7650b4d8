/** `inngest events …`: send one or many, see what came in. */
import { checked, instant, text, wholeNumber, type CommandLine } from "../command-line.ts";
import { usageError } from "../exit-codes.ts";
import { readJson, readJsonObject } from "../json-input.ts";
import { cut, note, print, printJson, printTable } from "../output.ts";
import { path, platformOf, Refusal, withTarget, type Platform, type TargetOptions } from "../platform.ts";
import { agoText } from "../times.ts";

interface SendOptions extends TargetOptions {
  data?: string;
  id?: string;
  ts?: string;
  file?: string;
  eventKey?: string;
}

interface ListOptions extends TargetOptions {
  limit?: number;
  name?: string;
  since?: string;
  until?: string;
  cursor?: string;
  runs?: true;
}

interface EventRow {
  internal_id: string;
  id?: string;
  name: string;
  ts: number;
  received_at: string;
  data?: unknown;
}

const PAGE_MAX = 100;

export function addEvents(program: CommandLine): void {
  const events = program.command("events").description("send events, list those that came in");

  withTarget(events.command("send [name]"))
    .description("send an event, or all of a file: one, or a JSON list of up to 5,000")
    .addOption(checked("-d, --data <json>", "its data: '{\"a\":1}', @file, or - for stdin", text))
    .addOption(checked("--id <id>", "starts each function once in 24 hours", text))
    .addOption(checked("--ts <time>", "its time: an instant; one in the future starts its functions then", text))
    .addOption(checked("-f, --file <file>", "whole events instead: a JSON file, or - for stdin", text))
    .addOption(
      checked("--event-key <key>", "of the platform (variable INNGEST_EVENT_KEY); else the signing key sends", text),
    )
    .action(send);

  withTarget(events.command("list"))
    .description("accepted events, the newest first")
    .addOption(checked("-n, --limit <n>", "how many; default 20", wholeNumber(1, 10_000)))
    .addOption(checked("--name <name>", "of this name", text))
    .addOption(checked("--since <time>", "received since: 2h, or 2026-01-31T12:00:00Z", instant))
    .addOption(checked("--until <time>", "received before", instant))
    .addOption(checked("--cursor <id>", "where the last list ended", text))
    .action(list);

  withTarget(events.command("get <event>"))
    .description("one event by its internal id, and the runs that it has started")
    .action(get);
}

async function send(name: string | undefined, options: SendOptions): Promise<void> {
  const platform = platformOf(options);
  const payload = await readPayload(name, options);
  const ids = await accept(platform, payload, options.eventKey ?? (process.env.INNGEST_EVENT_KEY || null));
  if (options.json) return printJson({ ids });
  for (const id of ids) print(id);
  const [first] = ids;
  if (first !== undefined && ids.length === 1) note(`what it has started: inngest events get ${first}`);
}

async function readPayload(name: string | undefined, { file, data, id, ts }: SendOptions): Promise<unknown> {
  if (file !== undefined) {
    if (name !== undefined || data !== undefined || id !== undefined || ts !== undefined)
      throw usageError("--file has whole events; leave out the name, --data, --id and --ts");
    return readJson(file === "-" ? "-" : `@${file}`, "--file");
  }
  if (name === undefined)
    throw usageError("inngest events send needs <name>, or --file; see inngest events send --help");
  return {
    name,
    data: data === undefined ? {} : await readJsonObject(data, "--data"),
    ...(id !== undefined && { id }),
    ...(ts !== undefined && { ts: readTime(ts) }),
  };
}

function readTime(given: string): number {
  const at = /^\d+$/.test(given) ? Number(given) : Date.parse(given);
  if (!Number.isNaN(at)) return at;
  throw usageError(
    `--ts is "${given}"; it must be an instant such as 2026-01-31T12:00:00Z, or milliseconds since 1970`,
  );
}

/** By an event key; else under the signing key, and on an older platform in dev mode by any key. */
async function accept(platform: Platform, payload: unknown, eventKey: string | null): Promise<string[]> {
  if (eventKey !== null) return ingest(platform, payload, eventKey);
  try {
    const { data } = await platform.post<{ data: { ids: string[] } }>("/v1/events", payload);
    return data.ids;
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "no_route") throw error;
    return ingest(platform, payload, "dev");
  }
}

async function ingest(platform: Platform, payload: unknown, eventKey: string): Promise<string[]> {
  try {
    return (await platform.post<{ ids: string[] }>(path`/e/${eventKey}`, payload)).ids;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 401) throw error;
    throw new Refusal(
      401,
      error.code,
      `${platform.url}: Event key not found; give one of its: --event-key or INNGEST_EVENT_KEY`,
    );
  }
}

async function list(options: ListOptions): Promise<void> {
  const platform = platformOf(options);
  const { limit = 20 } = options;
  const found: EventRow[] = [];
  let cursor = options.cursor;
  for (let isOver = false; !isOver && found.length < limit;) {
    const wanted = Math.min(PAGE_MAX, limit - found.length);
    const { data } = await platform.get<{ data: EventRow[] }>("/v1/events", {
      limit: wanted,
      cursor,
      name: options.name,
      received_after: options.since,
      received_before: options.until,
    });
    found.push(...data);
    cursor = data.at(-1)?.internal_id;
    isOver = data.length < wanted;
  }
  if (options.json) return printJson({ data: found, page: { cursor: found.length < limit ? null : cursor } });
  if (found.length === 0) return print("no events");
  const now = Date.now();
  printTable(
    ["EVENT", "NAME", "RECEIVED", "DATA"],
    found.map((event) => [
      event.internal_id,
      cut(event.name),
      agoText(event.received_at, now),
      cut(JSON.stringify(event.data ?? {})),
    ]),
  );
  if (found.length >= limit) note(`more: --cursor ${cursor}`);
}

async function get(id: string, options: TargetOptions): Promise<void> {
  const platform = platformOf(options);
  const [event, runs] = await Promise.all([
    platform.get<{ data: EventRow }>(path`/v1/events/${id}`),
    platform.get<{ data: { run_id: string; function_slug: string; status: string }[] }>(path`/v1/events/${id}/runs`),
  ]);
  if (options.json) return printJson({ ...event.data, runs: runs.data });
  printJson(event.data);
  if (runs.data.length === 0) return print("\nIt has started no run.");
  print("");
  printTable(
    ["RUN", "STATUS", "FUNCTION"],
    runs.data.map((run) => [run.run_id, run.status, cut(run.function_slug)]),
  );
}
