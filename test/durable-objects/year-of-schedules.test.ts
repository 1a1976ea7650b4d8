/**
 * A simulated year of schedules, of functions and made at run time, held against instants that are found without the
 * platform's own code: by walking the year and asking Intl what the clocks of a zone show.
 */
import { describe, expect, it } from "vitest";
import { rfc3339 } from "../../src/engine/cron.ts";
import { Inngest, type ScheduleOptions } from "../../src/sdk/index.ts";
import { Random } from "../../src/testing/random.ts";
import { dieAfterTurns, silent, simulated } from "../helpers/simulated-platform.ts";

const MINUTE = 60_000;
const STEP = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const [BEGIN, END] = [Date.UTC(2028, 0, 1), Date.UTC(2029, 0, 1)];

const BERLIN = "Europe/Berlin"; // set on 26 March and 29 October 2028
const NEW_YORK = "America/New_York"; // on 12 March and 5 November
const LORD_HOWE = "Australia/Lord_Howe"; // by half an hour, on 2 April and 1 October

/** What a clock shows. */
interface Wall {
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
  isLastOfMonth: boolean;
}

interface Case {
  cron: string;
  zone: string;
  isTime: (wall: Wall) => boolean;
  /** it has no certain hours, and so goes by real time */
  isHourly?: boolean;
  from?: number;
  to?: number;
}

const CASES: Record<string, Case> = {
  "daily, in the hour that is skipped and repeated": {
    cron: "30 2 * * *",
    zone: BERLIN,
    isTime: ({ hour, minute }) => hour === 2 && minute === 30,
  },
  "several in that hour": {
    cron: "0,30 1-2 * * SUN",
    zone: NEW_YORK,
    isTime: ({ weekday, hour, minute }) => weekday === 0 && (hour === 1 || hour === 2) && minute % 30 === 0,
  },
  "daily, in the half hour that is skipped and repeated": {
    cron: "15 2 * * *",
    zone: LORD_HOWE,
    isTime: ({ hour, minute }) => hour === 2 && minute === 15,
  },
  "hourly, over changes of an hour": {
    cron: "15 * 24-30 3,10 *",
    zone: BERLIN,
    isTime: ({ month, day, minute }) => (month === 3 || month === 10) && day >= 24 && day <= 30 && minute === 15,
    isHourly: true,
  },
  "hourly, over changes of half an hour": {
    cron: "0 * 1-3 4,10 *",
    zone: LORD_HOWE,
    isTime: ({ month, day, minute }) => (month === 4 || month === 10) && day <= 3 && minute === 0,
    isHourly: true,
  },
  "on the leap day": {
    cron: "45 23 29 2 *",
    zone: NEW_YORK,
    isTime: ({ month, day, hour, minute }) => month === 2 && day === 29 && hour === 23 && minute === 45,
  },
  "on the last day of months": {
    cron: "0 0 L * *",
    zone: BERLIN,
    isTime: ({ isLastOfMonth, hour, minute }) => isLastOfMonth && hour === 0 && minute === 0,
  },
  "every quarter of an hour, for a month": {
    cron: "*/15 * * * *",
    zone: "UTC",
    isTime: () => true,
    isHourly: true,
    from: Date.UTC(2028, 1, 1),
    to: Date.UTC(2028, 2, 1),
  },
};

/** The time that clocks of a zone show, as the epoch ms at which those of UTC show it. */
function wallClock(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return (instant) => Date.parse(`${format.format(instant).replace(" ", "T")}Z`);
}

function shown(wall: number): Wall {
  const date = new Date(wall);
  return {
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    isLastOfMonth: new Date(wall + DAY).getUTCDate() === 1,
  };
}

/** Each time that the clock comes to for the first time, or passes over, is a tick; of hourly ones, each that it shows. */
function expected({ zone, isTime, isHourly = false, from = BEGIN, to = END }: Case): string[] {
  const wallAt = wallClock(zone);
  const found: string[] = [];
  let latest = wallAt(BEGIN);
  for (let instant = BEGIN + STEP; instant <= END; instant += STEP) {
    const wall = wallAt(instant);
    let isTick = isHourly && isTime(shown(wall));
    for (; latest < wall; latest += STEP) isTick ||= !isHourly && isTime(shown(latest + STEP));
    if (isTick && instant >= from && instant <= to) found.push(rfc3339(instant));
  }
  return found;
}

const slug = (name: string) => name.replaceAll(/\W+/g, "-");

describe("[issue: flow control, 5] one simulated year with summer times and a leap day: no tick missed, none doubled", () => {
  it("what is expected is what the calendars say", () => {
    const of = (name: string) => expected(CASES[name]!);
    const daily = of("daily, in the hour that is skipped and repeated");
    expect(daily).toHaveLength(366);
    expect(daily).toEqual(expect.arrayContaining(["2028-03-26T01:00:00Z", "2028-10-29T00:30:00Z"]));
    const half = of("daily, in the half hour that is skipped and repeated");
    expect([half.length, half.includes("2028-09-30T15:30:00Z")]).toEqual([366, true]);
    expect(of("on the leap day")).toEqual(["2028-03-01T04:45:00Z"]);
    expect(of("every quarter of an hour, for a month")).toHaveLength(29 * 96 + 1);
    expect(of("hourly, over changes of an hour")).toHaveLength(14 * 24); // 23 hours on one day, 25 on another
  });

  it.each([
    ["in peace", 0],
    ["with a process that dies every now and then", 0.002],
  ])("%s", { timeout: 120_000 }, async (_, deathRate) => {
    const inngest = new Inngest({ id: "mem", logger: silent });
    const starts = new Map<string, string>();
    const bounded = ({ from, to }: Case) => from !== undefined || to !== undefined;
    const platform = simulated(
      (client) => [
        ...Object.entries(CASES).flatMap(([name, { cron, zone, ...bounds }]) =>
          // functions' own schedules have neither start nor end
          bounded({ cron, zone, ...bounds })
            ? []
            : client.createFunction({ id: slug(name) }, { cron: `TZ=${zone} ${cron}` }, ({ event, runId }) => {
                starts.set(runId, `${name} ${event.data.scheduledAt as string}`);
              }),
        ),
        client.createFunction({ id: "dynamic" }, { event: "tick" }, ({ event, runId }) => {
          const { schedule_id, scheduled_at, missed } = event.data._inngest as Record<string, unknown>;
          expect(missed).toBe(0);
          starts.set(runId, `${schedule_id} ${scheduled_at}`);
        }),
      ],
      { client: inngest, start: BEGIN },
    );
    for (const [name, { cron, zone, from, to }] of Object.entries(CASES)) {
      const options: ScheduleOptions = { cron, timezone: zone, startAt: from, endAt: to };
      await inngest.schedules.create({ id: `dynamic: ${name}`, ...options, event: { name: "tick" } });
    }
    const random = new Random(2028);
    let deaths = 0;
    dieAfterTurns(
      platform,
      () => (random.chance(deathRate) ? random.pick(["before", "after"]) : null),
      () => (deaths += 1),
    );
    await platform.clock.advance(END - BEGIN);
    expect(deaths > 50).toBe(deathRate > 0);
    const all = [...starts.values()];
    for (const [name, one] of Object.entries(CASES)) {
      const ticks = expected(one);
      for (const id of bounded(one) ? [`dynamic: ${name}`] : [name, `dynamic: ${name}`]) {
        const found = all.filter((start) => start.startsWith(`${id} 2`)).map((start) => start.slice(id.length + 1));
        expect(found.toSorted(), id).toEqual(ticks);
      }
    }
  });
});
