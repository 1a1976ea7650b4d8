import * as z from "zod";

/** Why an app could not be synced; the first seven are Inngest's (inngest-protocol §2.1), the rest ours. */
export type SyncErrorCode =
  | "unauthorized"
  | "forbidden"
  | "url_not_found"
  | "internal_server_error"
  | "unreachable"
  | "unsupported_protocol"
  | "not_sdk"
  | "refused"
  | "invalid_config";

/** A sync that failed; the message says what to do. */
export interface SyncFailure {
  code: SyncErrorCode;
  message: string;
}

/** Body of `POST /v1/apps/sync`. */
export const syncRequestSchema = z.object({ url: z.string({ error: "is required and must be a string" }).min(1) });

/** Reply of an app that is synced in-band; what it registers is checked as a registration is (inngest-protocol §2.3). */
export const inBandReplySchema = z
  .looseObject({ app_id: z.string(), url: z.string(), functions: z.array(z.unknown()) })
  .transform(({ app_id: appName, ...reply }) => ({ ...reply, appName }));

export type InBandReply = z.infer<typeof inBandReplySchema>;

/** Query parameters of calls and probes, which are no part of an app's address (inngest-protocol §2.2). */
const CALL_PARAMETERS = ["deployId", "probe", "fnId", "stepId"];

/** An app's address in the one form in which addresses are compared. The text must be a URL. */
export function appUrl(text: string): string {
  const url = new URL(text);
  for (const name of CALL_PARAMETERS) url.searchParams.delete(name);
  url.hash = "";
  return url.href;
}
