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
  | "invalid_config"
  | "sdk_version_denied";

/** A sync that failed; the message says what to do. */
export interface SyncFailure {
  code: SyncErrorCode;
  message: string;
}

/** Body of `POST /v1/apps/sync`. */
export const syncRequestSchema = z.object({ url: z.string({ error: "is required and must be a string" }).min(1) });

/** Reply of an app that is synced in-band; what it registers is checked as a registration is (inngest-protocol §2.3). */
export const inBandReplySchema = z
  .looseObject({ app_id: z.string(), url: z.string(), functions: z.array(z.unknown()), env: z.string().nullish() })
  .transform(({ app_id: appName, ...reply }) => ({ ...reply, appName }));

export type InBandReply = z.infer<typeof inBandReplySchema>;

/** Versions of Inngest's TypeScript SDK that its servers refuse, from the first to the last (inngest-protocol §2.2). */
const DENIED_FROM = [3, 22, 0] as const;
const DENIED_TO = [3, 53, 1] as const;

/** Why apps with an SDK of this name and version are not registered; null for those that are. */
export function deniedSdk(sdk: string): string | null {
  const version = /^(?:inngest-)?js:v(\d+)\.(\d+)\.(\d+)/.exec(sdk)?.slice(1).map(Number);
  if (!version || compare(version, DENIED_FROM) < 0 || compare(version, DENIED_TO) > 0) return null;
  return `sdk: ${sdk.slice(0, 60)} is refused, as Inngest refuses versions ${DENIED_FROM.join(".")} to ${DENIED_TO.join(".")} of its TypeScript SDK for CVE-2026-42047; update it to inngest@3.54 or later`;
}

function compare(version: readonly number[], bound: readonly number[]): number {
  const at = version.findIndex((part, i) => part !== bound[i]);
  return at < 0 ? 0 : (version[at] ?? 0) - (bound[at] ?? 0);
}

/** Query parameters of calls and probes, which are no part of an app's address (inngest-protocol §2.2). */
const CALL_PARAMETERS = ["deployId", "probe", "fnId", "stepId"];

/** An app's address in the one form in which addresses are compared. The text must be a URL. */
export function appUrl(text: string): string {
  const url = new URL(text);
  for (const name of CALL_PARAMETERS) url.searchParams.delete(name);
  url.hash = "";
  return url.href;
}
