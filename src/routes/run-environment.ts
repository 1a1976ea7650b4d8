/**
 * The environment of a run that an SDK asks for without naming one: TypeScript v3 and Go name it when they register and
 * send, not when they read state or report checkpoints. The run's id is enough, since it is unique.
 */
import { inTurns } from "../durable-objects/in-turns.ts";
import { logOf, type Objects } from "../durable-objects/objects.ts";
import { MAIN_ENV } from "../environment.ts";
import { headers } from "../protocol/headers.ts";
import { isUlid } from "../protocol/ids.ts";

/** What SDKs ask for by themselves; people who read or cancel a run name its environment. */
const OF_A_RUN = /^\/(?:v0\/runs\/([^/]+)\/(?:actions|batch)|v1\/checkpoint\/([^/]+)\/|v1\/http\/runs\/([^/]+)\/)/;

/** Most requests are not, and are told apart without reading their URL. */
const ABOUT_RUNS = /\/v(?:0\/runs|1\/checkpoint|1\/http\/runs)\//;

/** How long an isolate goes on with the environments that it knows. */
const KNOWN_FOR_MS = 10_000;
/** Runs whose environment an isolate remembers. */
const REMEMBERED_MAX = 1_000;

interface Known {
  environments: string[];
  at: number;
  byRun: Map<string, string>;
}

const known = new WeakMap<Objects, Known>();

/** Null for a request that names its environment, or is about no run. */
export function runAskedFor(request: Request): string | null {
  if (!ABOUT_RUNS.test(request.url) || request.headers.has(headers.env)) return null;
  const [, ...ids] = OF_A_RUN.exec(new URL(request.url).pathname) ?? [];
  const id = ids.find((one) => one !== undefined);
  return id !== undefined && isUlid(id) ? id : null;
}

/** `main` for a run that nobody knows. While there is no other environment nothing is asked of logs and runs. */
export async function environmentOfRun(objects: Objects, runId: string, now: number): Promise<string> {
  const state = await read(objects, now);
  if (state.environments.length === 0) return MAIN_ENV;
  const remembered = state.byRun.get(runId);
  if (remembered !== undefined) return remembered;
  if (await isRunOf(objects, MAIN_ENV, runId)) return remember(state, runId, MAIN_ENV);
  const found = await inTurns(state.environments, async (name) =>
    (await isRunOf(objects, name, runId)) ? name : null,
  );
  const name = found.find((one) => one !== null);
  return name == null ? MAIN_ENV : remember(state, runId, name);
}

async function read(objects: Objects, now: number): Promise<Known> {
  const state = known.get(objects);
  if (state && state.at + KNOWN_FOR_MS > now) return state;
  const environments = await objects.registry(MAIN_ENV).environments();
  const next = { environments, at: now, byRun: state?.byRun ?? new Map<string, string>() };
  known.set(objects, next);
  return next;
}

/** Nothing is created by looking. */
async function isRunOf(objects: Objects, env: string, runId: string): Promise<boolean> {
  const log = logOf(runId);
  if (!(await objects.registry(env).logs()).includes(log)) return false;
  return (await objects.log(env, log).mayKnow(runId)) && (await objects.run(env, runId).summary()) !== null;
}

function remember({ byRun }: Known, runId: string, env: string): string {
  const [oldest] = byRun.keys();
  if (byRun.size >= REMEMBERED_MAX && oldest !== undefined) byRun.delete(oldest);
  byRun.set(runId, env);
  return env;
}
