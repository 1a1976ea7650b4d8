import { setTimeout as delay } from "node:timers/promises";

export interface AppSyncOptions {
  /** url of the platform */
  platform: string;
  /** where apps serve their functions, such as http://localhost:3000/api/inngest */
  urls: readonly string[];
  /** false: each is asked once */
  isPolling: boolean;
  /** default 5 s, as Inngest's dev server */
  pollEveryMs?: number;
  /** where else apps may be, while polling: urls beside those that are known */
  discover?: (known: readonly string[]) => Promise<string[]>;
  signal: AbortSignal;
  log: (line: string) => void;
}

/**
 * Has the platform ask each app for its functions, again and again, and tells what changed since the last answer: those
 * of `urls`, and while polling also those that have registered themselves.
 */
export async function syncApps(options: AppSyncOptions): Promise<void> {
  const { platform, urls, isPolling, pollEveryMs = 5_000, discover, signal, log } = options;
  const states = new Map<string, State>();
  await Promise.all([...urls.map((url) => follow(url)), isPolling ? followOthers() : undefined]);

  async function follow(url: string): Promise<void> {
    do {
      await look(url);
      await rest();
    } while (isPolling && !signal.aborted);
  }

  /** One that was archived is not listed, and so is left alone. */
  async function followOthers(): Promise<void> {
    while (!signal.aborted) {
      const known = await knownUrls(platform, signal);
      const found = (await discover?.([...known, ...states.keys()])) ?? [];
      await Promise.all([...known.filter((url) => !urls.includes(url)), ...found].map((url) => look(url)));
      await rest();
    }
  }

  async function look(url: string): Promise<void> {
    const state = await syncApp(platform, url, signal);
    const news = state && newsOf(url, state, states.get(url));
    if (news !== undefined) log(`inngest: ${news}`);
    if (state) states.set(url, state);
  }

  async function rest(): Promise<void> {
    await delay(pollEveryMs, undefined, { signal }).catch(() => {}); // aborted: the loop looks at the signal
  }
}

/** Where apps are that the platform knows and can ask; none while it does not answer. */
async function knownUrls(platform: string, signal: AbortSignal): Promise<string[]> {
  try {
    const answer = await fetch(`${platform}/v1/apps`, { signal });
    const { data } = (await answer.json()) as { data?: { id: string | null; url: string | null }[] | null };
    return (data ?? []).flatMap(({ id, url }) => (id !== null && /^https?:/.test(url ?? "") && url ? [url] : []));
  } catch {
    return [];
  }
}

type State =
  | { kind: "synced"; app: string | null; functions: readonly string[]; isModified: boolean; hint: string | null }
  | { kind: "failed"; message: string };

/** @returns undefined while the platform itself does not answer */
async function syncApp(platform: string, url: string, signal: AbortSignal): Promise<State | undefined> {
  try {
    const answer = await fetch(`${platform}/v1/apps/sync`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url }),
      signal,
    });
    return read(url, answer.status, await answer.text());
  } catch {
    return undefined; // stopping, or the supervisor is about to start a new runtime
  }
}

/** What `POST /v1/apps/sync` answers. */
interface SyncAnswer {
  data?: { app_id: string | null; functions: string[]; modified: boolean; message: string | null } | null;
  error?: string;
}

function read(url: string, status: number, text: string): State {
  let answer: SyncAnswer | undefined;
  try {
    answer = JSON.parse(text) as SyncAnswer;
  } catch {
    // no answer of the platform: another Worker runs here
  }
  if (status === 200 && answer?.data) {
    const { app_id: app, functions, modified: isModified, message: hint } = answer.data;
    return { kind: "synced", app, functions, isModified, hint };
  }
  return { kind: "failed", message: answer?.error ?? `${url} cannot be registered: this Worker answered ${status}` };
}

/** What is new since the last answer, in one line. */
function newsOf(url: string, state: State, last: State | undefined): string | undefined {
  if (state.kind === "failed") {
    return last?.kind === "failed" && last.message === state.message ? undefined : state.message;
  }
  const before = last?.kind === "synced" ? last : undefined;
  if (state.app === null) return before ? undefined : `${url}: ${state.hint}`;
  const isSame = before !== undefined && before.functions.join() === state.functions.join();
  if (isSame && !state.isModified) return undefined;
  const count = state.functions.length === 1 ? "1 function" : `${state.functions.length} functions`;
  const what = before ? `app "${state.app}" changed` : `found app "${state.app}"`;
  return `${what} at ${url}: ${count}: ${state.functions.join(", ")}`;
}
