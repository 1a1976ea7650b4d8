/** Who is signed in, and what was done by whom. */
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { ApiError, query, request, type Sent } from "./request.ts";

export interface Session {
  /** dev: nobody needs to; access: through Cloudflare Access, which has its own way out */
  by: "dev" | "key" | "session" | "access";
  role: "writer" | "reader";
  name: string;
  expires_at: string | null;
}

export const SESSION_KEY = ["session"] as const;
const ASKED_AGAIN_AFTER_MS = 60_000;

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Null for nobody. */
export function useSession(): UseQueryResult<Session | null> {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }) => {
      try {
        return (await request<{ data: Session }>("/v1/session", { signal })).data;
      } catch (error) {
        if (isSignedOut(error)) return null; // an answer, which stays while it is asked for again
        throw error;
      }
    },
    staleTime: ASKED_AGAIN_AFTER_MS,
  });
}

/** Whether what one does here is taken; until that is known the platform decides. */
export function useMayAct(): boolean {
  return useSession().data?.role !== "reader";
}

export async function signIn(of: { key: string; name: string }): Promise<void> {
  await request("/v1/session", { method: "POST", body: of });
}

export async function signOut(): Promise<void> {
  await request("/v1/session", { method: "DELETE" });
}

export interface AuditRow {
  id: string;
  at: string;
  by: "key" | "session" | "access";
  who: string;
  method: string;
  path: string;
  detail: string | null;
  status: number;
}

export interface AuditPage {
  rows: AuditRow[];
  cursor: string | null;
}

export async function listAudit(cursor: string | null, limit: number, sent?: Sent): Promise<AuditPage> {
  const asked = query({ limit, cursor: cursor ?? undefined });
  const answer = await request<{ data: AuditRow[]; page: { cursor: string | null } }>(`/v1/audit${asked}`, sent);
  return { rows: answer.data, cursor: answer.page.cursor };
}
