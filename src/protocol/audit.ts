import * as z from "zod";
import { AUDIT_ENTRIES_MAX, AUDIT_RETENTION_MS } from "./limits.ts";

/** Something that somebody has done to the platform, or tried to. */
export const auditEntrySchema = z.object({
  /** how they proved who they are: a key of their own, a sign-in with one, Cloudflare Access */
  by: z.enum(["key", "session", "access"]),
  /** which key, or what the person is called */
  who: z.string(),
  method: z.string(),
  path: z.string(),
  /** what else there is to say, such as the name of a mutation or the URL of an app */
  detail: z.string().nullable(),
  /** of the answer: below 400 it was done */
  status: z.number().int(),
});

export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** With its number: those that came later have a greater one. */
export type Audited = AuditEntry & { seq: number; at: number };

/** How many entries one more makes room for at most, so that no entry costs much. */
export const AUDIT_DROPPED_AT_ONCE = 10;

/** Which of the oldest entries go, once the newest is there. */
export function outdated(
  oldest: readonly { seq: number; at: number }[],
  newest: { seq: number; at: number },
): number[] {
  const seqBound = newest.seq - AUDIT_ENTRIES_MAX;
  const timeBound = newest.at - AUDIT_RETENTION_MS;
  return oldest.filter(({ seq, at }) => seq <= seqBound || at < timeBound).map(({ seq }) => seq);
}
