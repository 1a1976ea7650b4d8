import type { Json } from "./json.ts";
import { path, request, type Sent } from "./request.ts";

export interface FunctionView {
  id: string;
  slug: string;
  name: string;
  app_id: string;
  version: number;
  triggers: { event: string; if: string | null }[];
  crons: { cron: string; jitter: string | null; next_fire_at: string | null }[];
  retry: Json;
  transport: { kind: string; url?: string };
  flow_control: { [rule: string]: Json } | null;
  archived: boolean;
  paused: { triggers: string; since: string } | null;
}

export async function listFunctions(sent?: Sent): Promise<FunctionView[]> {
  return (await request<{ data: FunctionView[] }>("/v1/functions", sent)).data;
}

export async function readFunction(slug: string, sent?: Sent): Promise<FunctionView> {
  return (await request<{ data: FunctionView }>(path`/v1/functions/${slug}`, sent)).data;
}

export interface PauseRequest {
  triggers: "skip" | "hold";
  running: "continue" | "cancel";
}

export async function pauseFunction(slug: string, asked: PauseRequest): Promise<void> {
  await request(path`/v1/functions/${slug}/pause`, { method: "POST", body: asked });
}

export async function resumeFunction(slug: string): Promise<void> {
  await request(path`/v1/functions/${slug}/resume`, { method: "POST", body: {} });
}

/** @returns the id of the event that starts it, which leads to its run also when the function collects events */
export async function invokeFunction(slug: string, data: Json): Promise<string> {
  const answer = await request<{ id: string }>(path`/invoke/${slug}`, { method: "POST", body: { data } });
  return answer.id;
}

/** What an app calls a function, without its own name before it. */
export function localId(slug: string, appId: string): string {
  return slug.startsWith(`${appId}-`) ? slug.slice(appId.length + 1) : slug;
}
