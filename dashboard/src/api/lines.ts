import { query, request, type Sent } from "./request.ts";

export interface Lease {
  run_id: string;
  function_slug: string;
  since: string;
}

/** A flow-control key, and who stands in its line. */
export interface Line {
  id: string;
  rule: string;
  key: string | null;
  /** of those asked about, the functions that have to do with it */
  functions: string[];
  limit: number | null;
  /** throttle: it lets `limit` in per this time */
  period_ms: number | null;
  held: number;
  waiting: number;
  holders: Lease[];
  /** the first of the line */
  waiters: Lease[];
  oldest_since: string | null;
  next_at: string | null;
}

/** @param slug of one function; without it of all */
export async function readLines(slug?: string, sent?: Sent): Promise<Line[]> {
  return (await request<{ data: Line[] }>(`/v1/lines${query({ function: slug })}`, sent)).data;
}
