/** What the code of runs has logged. */
import { path, query, request, type Sent } from "./request.ts";

export interface LogLine {
  at: string;
  level: "debug" | "info" | "warn" | "error";
  text: string;
  /** it is the beginning of a longer one */
  is_cut: boolean;
}

/** Lines of one attempt of a step, or of the code around steps. */
export interface Logged {
  step: string | null;
  hash: string | null;
  attempt: number;
  lines: LogLine[];
  /** of which there was no room for */
  dropped: number;
}

export interface LogPages {
  logs: Logged[];
  hasMore: boolean;
}

/** Attempts on a page: a step's is a hundred lines at most. */
const PAGE = 20;

/** The first pages of a run's lines, or of those of one step. */
export async function readLogs(id: string, step: string | undefined, pages: number, sent?: Sent): Promise<LogPages> {
  const logs: Logged[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const asked: { data: Logged[]; page: { cursor: string | null } } = await request(
      path`/v1/runs/${id}/logs` + query({ step, limit: PAGE, cursor: cursor ?? undefined }),
      sent,
    );
    logs.push(...asked.data);
    cursor = asked.page.cursor;
    if (cursor === null) break;
  }
  return { logs, hasMore: cursor !== null };
}
