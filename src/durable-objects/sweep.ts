import { logDay, type Objects } from "./objects.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const HOUR_MINUTES = 60;

/**
 * The minute's cron: lets the registry see to its schedules, and logs look for runs that are overdue and for what is past
 * its retention. Today's and yesterday's logs every minute, each older one once an hour.
 */
export async function sweep(objects: Objects, env: string, now: number): Promise<void> {
  const minute = Math.floor(now / MINUTE_MS);
  await checkSchedules(objects, env);
  const logs = await objects.registry(env).logs();
  const turn = logs.filter((log, i) => logDay(log) + 2 * DAY_MS > now || (minute + i) % HOUR_MINUTES === 0);
  const results = await Promise.allSettled(turn.map((log) => objects.log(env, log).sweep()));
  for (const [i, result] of results.entries())
    if (result.status === "rejected") console.error(`sweeping log ${turn[i]} failed`, result.reason);
}

async function checkSchedules(objects: Objects, env: string): Promise<void> {
  try {
    await objects.registry(env).checkSchedules();
  } catch (error) {
    console.error("checking the schedules failed", error);
  }
}
