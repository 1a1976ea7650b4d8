import { MAIN_ENV } from "../environment.ts";
import { logDay, type Objects } from "./objects.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const HOUR_MINUTES = 60;

/** Environments beside the main one that are seen to in one minute: an invocation may ask only so many objects. */
const ENVIRONMENTS_A_MINUTE = 20;

/** The minute's cron: `main`, and of the other environments those whose turn it is. */
export async function sweepAll(objects: Objects, now: number): Promise<void> {
  await sweep(objects, MAIN_ENV, now);
  const names = await objects.registry(MAIN_ENV).environments();
  const turns = Math.ceil(names.length / ENVIRONMENTS_A_MINUTE);
  const turn = Math.floor(now / MINUTE_MS) % Math.max(turns, 1);
  for (const name of names.filter((_name, i) => i % turns === turn))
    try {
      await sweep(objects, name, now, turns);
    } catch (error) {
      console.error(`sweeping environment "${name}" failed`, error);
    }
}

/**
 * The minute's cron: lets the registry see to its schedules, and logs look for runs that are overdue and for what is past
 * its retention. Today's and yesterday's logs every minute, each older one once an hour.
 */
export async function sweep(objects: Objects, env: string, now: number, everyMinutes = 1): Promise<void> {
  const minute = Math.floor(now / MINUTE_MS / everyMinutes);
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
