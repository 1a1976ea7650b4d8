/** `inngest apps …`: which apps there are, and what keeps one from being registered. */
import { httpUrl, type CommandLine } from "../command-line.ts";
import { coloured, cut, note, plain, print, printJson, printTable } from "../output.ts";
import { path, platformOf, withTarget, type TargetOptions } from "../platform.ts";
import { agoText } from "../times.ts";

export interface AppView {
  id: string | null;
  url: string | null;
  sdk?: string | null;
  framework?: string | null;
  function_count: number;
  synced_at?: string | null;
  archived_at?: string | null;
  error: { code: string; message: string; at: string } | null;
}

interface SyncView {
  app_id: string | null;
  url: string | null;
  modified: boolean;
  functions: string[];
  message: string | null;
}

export function addApps(program: CommandLine): void {
  const apps = program.command("apps").description("list apps, register one");

  withTarget(apps.command("list"))
    .description("apps, their functions, and why the last sync failed")
    .option("--archived", "also those that were archived")
    .action(list);

  withTarget(apps.command("sync <url>"))
    .description("have the platform ask an app for its functions: http://localhost:3000/api/inngest")
    .action(async (url: string, options: TargetOptions) => {
      const app = httpUrl(url, "<url>");
      const { data } = await platformOf(options).post<{ data: SyncView }>("/v1/apps/sync", { url: app });
      if (options.json) return printJson(data);
      if (data.message !== null) return note(`inngest: ${data.message}`);
      const count = data.functions.length === 1 ? "1 function" : `${data.functions.length} functions`;
      print(`app "${data.app_id}" ${data.modified ? "is registered" : "has not changed"}: ${count}`);
      for (const slug of data.functions) print(`  ${slug}`);
    });

  withTarget(apps.command("archive <app>"))
    .description("nothing of it starts any more; its runs go on, the next sync restores it")
    .action(async (id: string, options: TargetOptions) => {
      const { data } = await platformOf(options).delete<{ data: AppView }>(path`/v1/apps/${id}`);
      if (options.json) return printJson(data);
      print(`app "${data.id}" is archived`);
    });
}

async function list(options: TargetOptions & { archived?: true }): Promise<void> {
  const query = options.archived ? { archived: true } : undefined;
  const { data } = await platformOf(options).get<{ data: AppView[] }>("/v1/apps", query);
  if (options.json) return printJson(data);
  if (data.length === 0) return print("no apps; register one: inngest apps sync http://localhost:3000/api/inngest");
  const now = Date.now();
  printTable(
    ["APP", "STATE", "FUNCTIONS", "SYNCED", "SDK", "URL"],
    data.map((app) => [
      cut(app.id ?? "(never synced)", 30),
      app.archived_at ? "archived" : coloured(app.error ? "failed" : "ok"),
      String(app.function_count),
      agoText(app.synced_at, now),
      cut(app.sdk ?? "", 24),
      cut(app.url ?? "in the platform's Worker"),
    ]),
  );
  for (const { id, url, error } of data) if (error) note(`\n${plain(id ?? url ?? "")}: ${plain(error.message)}`);
}
