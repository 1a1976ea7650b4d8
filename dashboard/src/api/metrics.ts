import { path, query, request, type Sent } from "./request.ts";

export interface MetricsBucket {
  at: string;
  started: number;
  ended: Partial<Record<"COMPLETED" | "FAILED" | "CANCELLED" | "SKIPPED", number>>;
  p50_ms: number | null;
  p95_ms: number | null;
  /** runs that had not begun when it ended */
  backlog: number;
}

export interface Metrics {
  from: string;
  until: string;
  bucket_ms: number;
  buckets: MetricsBucket[];
  backlog: { queued: number; running: number };
  events_from: string;
  /** there were more rows than one answer looks at */
  is_cut: boolean;
}

export async function readMetrics(slug: string, from: string, bucket: string, sent?: Sent): Promise<Metrics> {
  const asked = query({ from, bucket });
  return (await request<{ data: Metrics }>(path`/v1/functions/${slug}/metrics` + asked, sent)).data;
}
