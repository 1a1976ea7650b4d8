import { setTimeout as delay } from "node:timers/promises";

const POLL_EVERY_MS = 5_000; // as Inngest's dev server

export interface AppSyncOptions {
  /** url of the platform */
  platform: string;
  /** where apps serve their functions, such as http://localhost:3000/api/inngest */
  urls: readonly string[];
  /** false: each is asked once */
  isPolling: boolean;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Has the platform ask each app for its functions, again and again, and tells what changed since the last answer. */
export async function syncApps({ platform, urls, isPolling, signal, log }: AppSyncOptions): Promise<void> {
  await Promise.all(urls.map((url) => follow(url)));

  async function follow(url: string): Promise<void> {
    let last: string | undefined;
    do {
      const news = await syncApp(platform, url, signal);
      if (news !== undefined && news !== last) log(`inngest: ${url} ${news}`);
      last = news ?? last;
      await delay(POLL_EVERY_MS, undefined, { signal }).catch(() => {}); // aborted: the loop looks at the signal
    } while (isPolling && !signal.aborted);
  }
}

/** @returns what there is to say about the app, `undefined` while the platform itself does not answer */
async function syncApp(platform: string, url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await fetch(`${platform}/v1/apps/sync`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url }),
      signal,
    });
    return describe(answer.status, (await answer.json().catch(() => undefined)) as SyncAnswer | undefined);
  } catch {
    return undefined; // stopping, or the supervisor is about to start a new runtime
  }
}

interface SyncAnswer {
  data?: { app_id?: string; functions?: unknown };
  error?: unknown;
}

function describe(status: number, body: SyncAnswer | undefined): string {
  return `${status} ${JSON.stringify(body)}`;
}
