/** What a sync makes of an app and its functions that are known already. */
import type { RegisteredFunction } from "../../protocol/function-config.ts";
import type { AppSync, AppView } from "../objects.ts";

/** An app as it is kept; its error is kept by URL. */
export type AppRow = Omit<AppView, "error">;

/** Restored if it was archived, and one version on. */
export function appAfter(sync: AppSync, known: AppRow | undefined, now: number): AppRow {
  return {
    id: sync.appId,
    url: sync.url,
    sdk: sync.sdk,
    framework: sync.framework,
    appVersion: sync.appVersion ?? null,
    version: known === undefined ? 1 : known.version + 1,
    syncedAt: now,
    archivedAt: null,
  };
}

/** A function with its version, as it is stored from now on; null when it is stored so already. Only a change makes a version. */
export function registeredAgain(
  fn: RegisteredFunction,
  before: { fn: RegisteredFunction; archived: boolean } | undefined,
): RegisteredFunction | null {
  const isSame = before && comparable(before.fn) === comparable(fn);
  if (isSame && !before.archived) return null;
  return { ...fn, version: isSame ? before.fn.version : (before?.fn.version ?? 0) + 1 };
}

/** A function without its version, whatever the order of its fields. */
function comparable(fn: RegisteredFunction): string {
  return JSON.stringify(Object.entries({ ...fn, version: 0 }).sort(([a], [b]) => (a < b ? -1 : 1)));
}
