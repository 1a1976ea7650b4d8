import { describe, expect, it } from "vitest";
import { nextTick, parseCron, rfc3339 } from "../../src/engine/cron.ts";
import type { Overlap } from "../../src/protocol/flow-control.ts";
import { Inngest, type ScheduleOptions, type Trigger } from "../../src/sdk/index.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { Random } from "../../src/testing/random.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";
import {
  die,
  dieAfterTurns,
  objectsOf,
  silent,
  simulated,
  sweepAnHour,
  type SimulatedOptions,
} from "../helpers/simulated-platform.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1);

/** A start of a function by a schedule, as its code saw it. */
interface Start {
  fn: string;
  runId: string;
  name: string;
  data: Record<string, unknown> & { _inngest: { schedule_id: string; scheduled_at: string; missed: number } };
  ts: number;
  at: number;
}

/** `listener` is started by the event `tick`, `direct` by nothing but a schedule that names it. */
function platformWith(options: SimulatedOptions & { crons?: Record<string, Trigger> } = {}) {
  const { crons = {}, ...others } = options;
  const seen: Start[] = [];
  const inngest = new Inngest({ id: "mem", logger: silent });
  const triggers: Record<string, Trigger | []> = { listener: { event: "tick" }, direct: [], ...crons };
  const platform = simulated(
    (client) =>
      Object.entries(triggers).map(([id, of]) =>
        client.createFunction({ id, triggers: of }, ({ event, runId }) => {
          const { name, data, ts } = event;
          seen.push({ fn: id, runId, name, data: data as Start["data"], ts, at: platform.clock.now() });
        }),
      ),
    { client: inngest, ...others },
  );
  /** without those that a lost activation has noted twice */
  const starts = () => [...new Map(seen.map((start) => [start.runId, start])).values()];
  const ticks = (id: string) =>
    starts()
      .filter(({ data }) => data._inngest?.schedule_id === id)
      .map(({ data }) => data._inngest.scheduled_at);
  const after = (ms: number) => platform.clock.advance(ms);
  const skipTo = (instant: number) => platform.world.clock.moveTo(instant);
  const make = (id: string, fields: ScheduleOptions) =>
    inngest.schedules.create({ id, ...(fields.function === undefined && { event: { name: "tick" } }), ...fields });
  return { platform, inngest, schedules: inngest.schedules, starts, ticks, after, skipTo, make };
}

const hours = (...list: number[]) => list.map((hour) => rfc3339(START + hour * HOUR));

describe("a tick", () => {
  it("sends its event, with the schedule, the instant and how many were missed", async () => {
    const { make, starts, after } = platformWith();
    await make("s", { cron: "0 9 * * *", event: { name: "tick", data: { n: 1, _inngest: "forged" } } });
    await after(DAY);
    const scheduled = { schedule_id: "s", scheduled_at: "2026-01-01T09:00:00Z", missed: 0 };
    const instant = Date.UTC(2026, 0, 1, 9);
    expect(starts()).toEqual([
      { fn: "listener", runId: expect.any(String), name: "tick", data: { n: 1, _inngest: scheduled }, ts: instant, at: instant }, // oxfmt-ignore
    ]);
  });

  it("starts the function that it names, whatever its triggers, and no other", async () => {
    const { make, starts, after } = platformWith();
    await make("s", { every: "12h", function: "mem-direct", data: { n: 2 } });
    await after(DAY - 1);
    expect(starts().map(({ fn, name, data }) => [fn, name, data.n])).toEqual([
      ["direct", "inngest/scheduled.timer", 2],
    ]);
  });

  it("carries how its runs get along with those before, unless they may overlap", async () => {
    const { make, platform, after } = platformWith();
    const policies = ["allow", "skip", "queue", "cancel-previous"] as const;
    for (const overlap of policies) await make(overlap, { cron: "0 9 * * *", overlap });
    await after(DAY);
    const filter = { receivedFrom: 0, receivedBefore: Number.POSITIVE_INFINITY, limit: 100 };
    const pages = await Promise.all(
      platform.world.names("log").map((log) => objectsOf(platform).log(ENV, log).events(filter)),
    );
    const found = Object.fromEntries(
      pages
        .flatMap(({ events }) => events)
        .map(({ record }): [unknown, Overlap | undefined] => {
          const about = record.event.data._inngest as Start["data"]["_inngest"];
          return [about.schedule_id, record.overlap];
        }),
    );
    expect(found).toEqual({
      allow: undefined,
      skip: { scheduleId: "skip", policy: "skip" },
      queue: { scheduleId: "queue", policy: "queue" },
      "cancel-previous": { scheduleId: "cancel-previous", policy: "cancel-previous" },
    });
  });

  it("that cannot be sent is sent when it can be, and holds up no other", async () => {
    const { platform, make, starts, after } = platformWith({
      faults: new FaultPoints(({ name }) =>
        name === "log.append" && platform.clock.now() < START + 9 * HOUR + 30 * SECOND ? "request-lost" : null,
      ),
    });
    await make("a", { cron: "0 9 * * *" });
    await make("b", { cron: "1 9 * * *" });
    await after(DAY);
    expect(starts().map(({ data, at }) => [data._inngest.schedule_id, at - START - 9 * HOUR])).toEqual([
      ["a", 30 * SECOND],
      ["b", MINUTE],
    ]);
  });

  it("does not make time pass: a platform at rest is at rest", async () => {
    const { platform, make, starts } = platformWith();
    await make("s", { every: "1s" });
    await platform.clock.runUntilIdle();
    expect([platform.clock.now(), starts()]).toEqual([START, []]);
  });

  it("is shared by function crons and the schedules of one platform: one alarm, each in its time", async () => {
    const { make, starts, after } = platformWith({ crons: { own: { cron: "0 */6 * * *" } } });
    await make("s", { cron: "0 3,6 * * *" });
    await after(DAY - 1);
    const found = starts().map(({ fn, at }) => `${fn} ${(at - START) / HOUR}`);
    expect(found.toSorted()).toEqual(["listener 3", "listener 6", "own 12", "own 18", "own 6"]);
  });
});

describe("making a schedule", () => {
  it("answers with all its fields, and when it ticks next", async () => {
    const { make, schedules, after } = platformWith();
    const made = await make("s", {
      cron: "0 9 * * *",
      timezone: "Europe/Berlin",
      catchUp: "none",
      endAt: "2027-01-01",
    });
    expect(made).toEqual({
      id: "s",
      cron: "0 9 * * *",
      every: null,
      timezone: "Europe/Berlin",
      event: { name: "tick", data: {} },
      function: null,
      data: null,
      startAt: null,
      endAt: new Date("2027-01-01"),
      overlap: "allow",
      catchUp: "none",
      paused: false,
      createdAt: new Date(START),
      updatedAt: new Date(START),
      nextFireAt: new Date("2026-01-01T08:00:00Z"),
      lastFireAt: null,
    });
    await after(9 * HOUR);
    const [lastFireAt, nextFireAt] = [new Date("2026-01-01T08:00:00Z"), new Date("2026-01-02T08:00:00Z")];
    expect(await schedules.get("s")).toEqual({ ...made, lastFireAt, nextFireAt });
  });

  it("the very same again changes nothing; another under its id is refused", async () => {
    const { make, after } = platformWith();
    const first = await make("s", { every: "1h" });
    await after(MINUTE);
    expect(await make("s", { every: "60m", paused: false })).toEqual(first);
    await expect(make("s", { every: "2h" })).rejects.toMatchObject({
      name: "ScheduleError",
      code: "schedule_exists",
      status: 409,
      message: 'inngest.schedules.create: id: "s" is another schedule\'s; update or delete that one',
    });
  });

  it("refuses what cannot be by field, and a function that is not registered", async () => {
    const { make, schedules } = platformWith();
    const refused = { code: "schedule_invalid", status: 400 };
    await expect(make("s", { every: "1ms" })).rejects.toMatchObject(refused);
    await expect(make("s", { every: "1h", function: "mem-missing" })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('function: "mem-missing" is not registered'),
    });
    expect(await schedules.list()).toEqual({ schedules: [], cursor: null });
  });

  it("lists by id, a page at a time", async () => {
    const { make, schedules } = platformWith();
    for (const id of ["c", "a/b?&", "ä", "d"]) await make(id, { every: "1h" });
    const first = await schedules.list({ limit: 2 });
    expect([first.schedules.map(({ id }) => id), first.cursor]).toEqual([["a/b?&", "c"], "c"]);
    const rest = await schedules.list({ limit: 2, cursor: first.cursor! });
    expect([rest.schedules.map(({ id }) => id), rest.cursor]).toEqual([["d", "ä"], null]);
    await expect(schedules.list({ limit: 101 })).rejects.toThrow("limit: must be at most 100; it is 101");
  });

  it("what is not there is not found", async () => {
    const { schedules } = platformWith();
    const missing = { code: "schedule_not_found", status: 404 };
    await expect(schedules.get("s")).rejects.toMatchObject(missing);
    await expect(schedules.update("s", { paused: true })).rejects.toMatchObject(missing);
    expect(await schedules.delete("s")).toBe(false);
  });

  it("by code inside a run is what a test's own code does", async () => {
    const inngest = new Inngest({ id: "mem", logger: silent });
    const ticked: number[] = [];
    const platform = simulated(
      (client) => [
        client.createFunction({ id: "signs-up" }, { event: "signed-up" }, async ({ step }) => {
          await step.run("schedule", async () => {
            await inngest.schedules.create({ id: "u1", every: "1h", event: { name: "remind" } });
          });
          await step.sleep("half-a-day", "150m");
          return step.run("stop", () => inngest.schedules.delete("u1"));
        }),
        client.createFunction({ id: "reminds" }, { event: "remind" }, () => void ticked.push(platform.clock.now())),
      ],
      { client: inngest },
    );
    const { run } = await platform.send({ name: "signed-up" });
    await run.waitFor("end");
    expect(run.output).toBe(true);
    await platform.clock.advance("1d");
    expect(ticked).toEqual([START + HOUR, START + 2 * HOUR]);
  });

  it("up to as many as an environment may have", { timeout: 60_000 }, async () => {
    const { platform, make, schedules } = platformWith();
    const definition = { cron: null, everyMs: HOUR, timezone: null, event: { name: "a", data: {} }, function: null, data: {}, startAt: null, endAt: null, overlap: "allow", catchUp: "latest", paused: false } as const; // oxfmt-ignore
    const registry = objectsOf(platform).registry(ENV);
    for (let i = 0; i < 10_000; i += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, n) => registry.createSchedule({ id: `s${i + n}`, ...definition })),
      );
    const full = { code: "schedules_exceeded", status: 409 };
    await expect(make("more", { every: "1h" })).rejects.toMatchObject(full);
    die(platform);
    await expect(make("more", { every: "1h" })).rejects.toMatchObject(full);
    await schedules.delete("s7");
    await make("more", { every: "1h" });
    await expect(make("yet-more", { every: "1h" })).rejects.toMatchObject(full);
  });
});

describe("changing a schedule", () => {
  it("replaces what is given; the event alone leaves the times", async () => {
    const { make, schedules, starts, after } = platformWith();
    await make("s", { every: "2h", event: { name: "tick", data: { n: 1 } } });
    await after(3 * HOUR);
    const changed = await schedules.update("s", { event: { name: "tick", data: { n: 2 } } });
    expect(changed).toMatchObject({ every: 2 * HOUR, nextFireAt: new Date(START + 4 * HOUR) });
    expect(changed.updatedAt).toEqual(new Date(START + 3 * HOUR));
    await after(2 * HOUR);
    expect(starts().map(({ data }) => data.n)).toEqual([1, 2]);
  });

  it("with other times it begins anew from now on, and no tick comes twice", async () => {
    const { make, schedules, ticks, after } = platformWith();
    await make("s", { every: "2h" });
    await after(2 * HOUR);
    await schedules.update("s", { cron: "0 * * * *" }); // at the very instant of a tick of both
    await after(2 * HOUR);
    await schedules.update("s", { every: "3h", timezone: null });
    await after(3 * HOUR);
    expect(ticks("s")).toEqual(hours(2, 3, 4, 6));
  });

  it("what is due when it is changed is sent before", async () => {
    const { make, schedules, ticks, after, skipTo } = platformWith();
    await make("s", { every: "1h" });
    await after(0);
    skipTo(START + 2 * HOUR + 1);
    await schedules.update("s", { cron: "30 * * * *" });
    await after(HOUR);
    expect(ticks("s")).toEqual(hours(2, 2.5));
  });

  it("is refused while what is due cannot be sent; however much that is it goes first", async () => {
    let isDown = true;
    const faults = new FaultPoints(({ name }) => (name === "log.append" && isDown ? "request-lost" : null));
    const { make, schedules, starts, after, skipTo } = platformWith({ faults });
    await make("s", { every: "1h", catchUp: "all" });
    await after(0);
    skipTo(START + 50.5 * HOUR);
    await expect(schedules.update("s", { every: "2h" })).rejects.toThrow("a tick that is due could not be sent before");
    const event = { name: "tick", data: { n: 1 } };
    expect(await schedules.update("s", { event })).toMatchObject({ event, every: HOUR });
    isDown = false;
    expect(await schedules.update("s", { every: "2h" })).toMatchObject({ nextFireAt: new Date(START + 52 * HOUR) });
    await after(2 * HOUR);
    expect(
      starts()
        .map(({ ts }) => (ts - START) / HOUR)
        .toSorted((a, b) => a - b),
    ).toEqual(
      [...Array.from({ length: 50 }, (_, i) => i + 1), 52], // oxfmt-ignore
    );
  });

  it("paused it does not tick; resumed it goes on from then", async () => {
    const { make, schedules, ticks, starts, after } = platformWith();
    await make("s", { every: "1h", catchUp: "all" });
    await after(HOUR);
    expect(await schedules.update("s", { paused: true })).toMatchObject({ paused: true, nextFireAt: null });
    await after(4 * HOUR);
    expect((await schedules.update("s", { paused: false })).nextFireAt).toEqual(new Date(START + 6 * HOUR));
    await after(HOUR);
    expect(ticks("s")).toEqual(hours(1, 6));
    expect(starts().every(({ data }) => data._inngest.missed === 0)).toBe(true);
  });

  it("deleted it is gone, also while a tick is being sent; another of its id is another", async () => {
    let isCalled = false;
    const { platform, make, schedules, ticks, after } = platformWith({
      faults: new FaultPoints(({ name }) => {
        if (name === "log.append" && !isCalled) {
          isCalled = true;
          void objectsOf(platform).registry(ENV).deleteSchedule("s");
        }
        return null;
      }),
    });
    await make("s", { every: "1h" });
    await after(2.5 * HOUR);
    expect([isCalled, ticks("s"), await schedules.list()]).toEqual([true, hours(1), { schedules: [], cursor: null }]);
    await make("s", { every: "1h" });
    await after(HOUR);
    expect(ticks("s")).toEqual(hours(1, 3));
  });

  it("to what cannot be is refused, and nothing changes", async () => {
    const { make, schedules } = platformWith();
    const made = await make("s", { every: "1h" });
    await expect(schedules.update("s", { timezone: "Europe/Berlin" })).rejects.toThrow("timezone: is for cron only");
    await expect(schedules.update("s", { function: "mem-missing" })).rejects.toThrow("is not registered");
    await expect(schedules.update("s", { id: "t" } as ScheduleOptions)).rejects.toThrow("id: is no field");
    expect(await schedules.get("s")).toEqual(made);
  });
});

describe("after a downtime", () => {
  const down = async (fields: ScheduleOptions, from: number, to: number) => {
    const made = platformWith();
    await made.make("s", { every: "1h", ...fields });
    await made.after(from);
    die(made.platform);
    made.skipTo(START + to);
    await made.after(HOUR);
    const of = made.starts().map(({ data, at }) => [(Date.parse(data._inngest.scheduled_at) - START) / HOUR, data._inngest.missed, (at - START) / HOUR]); // oxfmt-ignore
    return { ...made, of };
  };

  it("latest makes up the latest tick alone, which says how many came before it", async () => {
    const { of } = await down({}, 2 * HOUR, 8.5 * HOUR);
    expect(of).toEqual([[1, 0, 1], [2, 0, 2], [8, 5, 8.5], [9, 0, 9]]); // oxfmt-ignore
  });

  it("all makes up each", async () => {
    const { of } = await down({ catchUp: "all" }, 2 * HOUR, 5.5 * HOUR);
    expect(of).toEqual([[1, 0, 1], [2, 0, 2], [3, 0, 5.5], [4, 0, 5.5], [5, 0, 5.5], [6, 0, 6]]); // oxfmt-ignore
  });

  it("all makes up a thousand and counts the rest, however long ago they were", async () => {
    const { of, platform } = await down({ every: "10m", catchUp: "all" }, 0, 20 * DAY + MINUTE);
    const total = (20 * DAY) / (10 * MINUTE);
    expect(of.length).toBe(1_000 + 6);
    expect(of[0]).toEqual([(total - 999) / 6, total - 1_000, 20 * 24 + 1 / 60]);
    expect(new Set(of.map(([tick]) => tick)).size).toBe(of.length);
    expect(of.slice(1).every(([, missed]) => missed === 0)).toBe(true);
    expect(platform.world.reports).toEqual([]);
  });

  it("none makes up nothing but what is less than a minute late", async () => {
    const { of } = await down({ catchUp: "none" }, 2 * HOUR, 5.5 * HOUR);
    expect(of).toEqual([[1, 0, 1], [2, 0, 2], [6, 3, 6]]); // oxfmt-ignore
    const late = await down({ catchUp: "none" }, HOUR, 2 * HOUR + 59 * SECOND);
    expect(late.of.map(([tick]) => tick)).toEqual([1, 2, 3]);
  });

  it("a tick of weeks ago starts its function, in the log of the day on which it came", async () => {
    const { of } = await down({ every: "30d", startAt: START + DAY }, 0, 22 * DAY);
    expect(of).toEqual([[24, 0, 22 * 24]]);
  });

  it("the sweeper sets an alarm that the platform has lost", async () => {
    const { platform, make, ticks, after } = platformWith();
    await make("s", { cron: "0 9 * * *" });
    platform.world.loseAlarm("registry", "registry");
    await after(10 * HOUR);
    expect(ticks("s")).toEqual([]);
    await sweepAnHour(platform);
    await after(12 * HOUR);
    expect(ticks("s")).toEqual(hours(9));
  });
});

describe("[G1 G6] whatever goes wrong once", () => {
  const SCHEDULES: Record<string, ScheduleOptions> = {
    hourly: { cron: "0 * * * *" },
    all: { every: "30m", catchUp: "all" },
    direct: { every: "2h", function: "mem-direct", overlap: "skip" },
    yearly: { cron: "30 1 1 1 *" },
    ends: { every: "1h", endAt: START + 1.5 * HOUR },
  };

  const made = async (options: SimulatedOptions = {}) => {
    const all = platformWith({ crons: { own: { cron: "0 * * * *" } }, ...options });
    for (const [id, fields] of Object.entries(SCHEDULES)) await all.make(id, fields);
    return all;
  };

  /** Every tick started its function once, or was counted as missed by the one after it. */
  function expectTicks({ starts, platform, ticks }: ReturnType<typeof platformWith>, where: string): void {
    const now = platform.clock.now();
    for (const [id, fields] of Object.entries(SCHEDULES)) {
      const cron = parseCron(fields.cron ?? `every ${fields.every as string}`);
      const all: string[] = [];
      const end = Math.min(now, Number(fields.endAt ?? now));
      for (let tick = nextTick(cron, START); tick !== null && tick <= end; tick = nextTick(cron, tick))
        all.push(rfc3339(tick));
      const mine = starts()
        .filter(({ data }) => data._inngest?.schedule_id === id)
        .sort((a, b) => a.ts - b.ts);
      let next = 0;
      for (const { data } of mine) {
        next += data._inngest.missed;
        expect(data._inngest.scheduled_at, `${where}, ${id}`).toBe(all[next]);
        next += 1;
      }
      expect(next, `${where}, ${id}`).toBe(all.length);
      if (fields.catchUp === "all") expect(ticks(id).sort(), where).toEqual(all);
    }
  }

  it.each([
    ["at once", 0, 1],
    ["after hours", 5.25 * HOUR, 3],
    ["after days", 3 * DAY + HOUR / 4, 7],
  ])("a process that dies between two turns and comes back %s", { timeout: 120_000 }, async (_, downMs, step) => {
    const calm = await made();
    const seen = dieAfterTurns(calm.platform, () => null);
    await calm.after(1.75 * HOUR);
    expect(seen.turns).toBeGreaterThan(40);
    for (let at = 0; at < seen.turns; at += step) {
      const when = at % 2 === 0 ? "before" : "after";
      const one = await made();
      dieAfterTurns(one.platform, (turn) => (turn === at ? when : null), () => one.skipTo(one.platform.clock.now() + downMs)); // oxfmt-ignore
      await one.after(downMs + 3 * HOUR);
      expectTicks(one, `died ${when} the writes of turn ${at}`);
    }
  });

  it("any commit, call, delivery or alarm", { timeout: 120_000 }, async () => {
    const calm = new FaultPoints();
    const { after } = await made({ faults: calm });
    const before = calm.points.length;
    await after(1.75 * HOUR);
    expect(calm.points.length - before).toBeGreaterThan(40);
    for (const { at, fault, where } of eachFault(calm.points)) {
      if (at < before) continue;
      const one = await made({ faults: new FaultPoints((_point, index) => (index === at ? fault : null)) });
      await one.after(3 * HOUR);
      expectTicks(one, where);
    }
  });

  it("a process that dies while it makes up ticks of weeks ago", { timeout: 120_000 }, async () => {
    const play = async (at: number, when: "before" | "after", downMs: number) => {
      const one = platformWith();
      for (const catchUp of ["all", "latest"] as const) await one.make(catchUp, { every: "2d", catchUp });
      one.skipTo(START + 20.5 * DAY);
      const seen = dieAfterTurns(
        one.platform,
        (turn) => (turn === at ? when : null),
        () => one.skipTo(one.platform.clock.now() + downMs),
      );
      await one.after(downMs + HOUR);
      const of = (id: string) => one.starts().filter(({ data }) => data._inngest.schedule_id === id);
      const days = (id: string) => of(id).map(({ ts }) => (ts - START) / DAY).sort((a, b) => a - b); // oxfmt-ignore
      return { seen, days, of };
    };
    const { seen } = await play(-1, "before", 0);
    expect(seen.turns).toBeGreaterThan(40);
    for (let at = 0; at < seen.turns; at++)
      for (const [when, downMs] of [
        ["before", 0],
        ["after", 5 * DAY],
      ] as const) {
        // oxfmt-ignore
        const { days, of } = await play(at, when, downMs);
        const where = `died ${when} the writes of turn ${at}`;
        expect(new Set(days("all")).size, where).toBe(days("all").length);
        const steps = days("all").map((day, i, list) => (i === 0 ? 2 : day - list[i - 1]!));
        expect(
          steps.every((step) => step === 2),
          `${where}: ${days("all")}`,
        ).toBe(true);
        const counted = of("latest").reduce((sum, { data }) => sum + 1 + data._inngest.missed, 0);
        expect(counted, where).toBe(days("all").length);
      }
  });
});

describe("many", () => {
  it(
    "5,000 that are due at the same instant tick once each, though the process dies",
    { timeout: 60_000 },
    async () => {
      const { platform, after } = platformWith();
      const registry = objectsOf(platform).registry(ENV);
      const definition = { cron: "0 9 * * *", everyMs: null, timezone: null, event: { name: "many", data: {} }, function: null, data: {}, startAt: null, endAt: null, overlap: "allow", catchUp: "latest", paused: false } as const; // oxfmt-ignore
      const ids = Array.from({ length: 5_000 }, (_, n) => `schedule-${n}`);
      for (let i = 0; i < ids.length; i += 500)
        await Promise.all(ids.slice(i, i + 500).map((id) => registry.createSchedule({ id, ...definition })));
      const random = new Random(5_000);
      let deaths = 0;
      let isOver = false;
      dieAfterTurns(platform, () => (!isOver && random.chance(0.003) ? "after" : null), () => (deaths += 1)); // oxfmt-ignore
      await after(DAY);
      isOver = true;
      expect(deaths).toBeGreaterThan(3);
      const found: string[] = [];
      for (const log of platform.world.names("log")) {
        const filter = { names: ["many"], receivedFrom: 0, receivedBefore: Number.POSITIVE_INFINITY, limit: 9_999 };
        for (let before: string | undefined; ;) {
          const { events, next } = await objectsOf(platform)
            .log(ENV, log)
            .events({ ...filter, before });
          for (const { record } of events)
            found.push((record.event.data._inngest as Start["data"]["_inngest"]).schedule_id);
          if (next === null) break;
          before = next;
        }
      }
      expect(found.toSorted()).toEqual(ids.toSorted());
    },
  );
});
