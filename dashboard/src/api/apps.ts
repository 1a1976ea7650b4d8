import { path, request, type Sent } from "./request.ts";

export interface AppView {
  /** null: nothing has answered at the URL yet */
  id: string | null;
  url: string | null;
  sdk?: string;
  framework?: string | null;
  app_version?: string | null;
  version?: number;
  synced_at?: string;
  archived_at?: string | null;
  function_count: number;
  error: { code: string; message: string; at: string } | null;
}

export interface SyncAnswer {
  app_id: string | null;
  url: string | null;
  modified: boolean;
  functions: string[];
  message: string | null;
}

export async function listApps(sent?: Sent): Promise<AppView[]> {
  return (await request<{ data: AppView[] }>("/v1/apps", sent)).data;
}

export async function syncApp(url: string): Promise<SyncAnswer> {
  return (await request<{ data: SyncAnswer }>("/v1/apps/sync", { method: "POST", body: { url } })).data;
}

export async function archiveApp(id: string): Promise<void> {
  await request(path`/v1/apps/${id}`, { method: "DELETE" });
}
