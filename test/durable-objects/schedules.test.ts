import { describe, expect, it } from "vitest";
import { nextTick, parseCron, rfc3339 } from "../../src/engine/cron.ts";
import { ulidParts } from "../../src/protocol/ids.ts";
import type { Inngest, InngestFunction, Trigger } from "../../src/sdk/index.ts";
import { Death, MemoryPlatform } from "../helpers/memory-platform.ts";
import { seededRandom } from "../helpers/random.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A start of a function, as its code saw it. */
interface Start {
  fn: string;
  runId: string;
  name: string;
  id: string;
  data: { cron: string; scheduledAt: string; fireAt: string; missed?: number };
  at: number;
}

/** A platform whose functions note every start; none of them has steps, so a lost activation is noted twice by its run. */
function scheduled(triggers: Record<string, Trigger | Trigger[]>) {
  const seen: Start[] = [];
  const platform: MemoryPlatform = new MemoryPlatform((client: Inngest) =>
    Object.entries(triggers).map(([id, of]): InngestFunction =>
      client.createFunction({ id, triggers: of }, ({ event, runId }) => {
        const { name, id: eventId, data } = event;
        seen.push({ fn: id, runId, name, id: eventId, data: data as Start["data"], at: platform.now });
      }),
    ),
  );
  const starts = () => [...new Map(seen.map((start) => [start.runId, start])).values()];
  const registry = () => platform.objects().registry("main");
  const after = (ms: number) => platform.run(undefined, { horizonMs: ms, maxRounds: 1_000_000 });
  return { platform, starts, registry, after };
}

/** Ticks of a schedule after an instant and up to another. */
function ticks(cron: string, after: number, to: number): string[] {
  const schedule = parseCron(cron);
  const found: string[] = [];
  for (let tick = nextTick(schedule, after); tick !== null && tick <= to; tick = nextTick(schedule, tick))
    found.push(rfc3339(tick));
  return found;
}

const of = (starts: Start[], fn: string) => starts.filter((start) => start.fn === fn);
const instants = (starts: Start[], fn: string) => of(starts, fn).map((start) => start.data.scheduledAt);

describe("[issue: cron] one simulated year with summer time and leap day: no tick missed, none doubled", () => {
  const CRONS: Record<string, string> = {
    daily: "TZ=Europe/Paris 30 2 * * *", // skipped on 26 March, twice on 29 October
    sundays: "TZ=America/New_York 0,30 1-2 * * SUN",
    hourly: "TZ=Europe/Paris 15 * 26,29 3,10 *",
    halfHour: "TZ=Australia/Lord_Howe 15 2 * 4,10 *",
    leapDay: "0 0 29 2 *",
    monthEnd: "0 12 L * *",
    weekly: "every 1w",
  };

  it.each([
    ["in peace", 0],
    ["with a process that dies every now and then", 0.003],
  ])("%s", { timeout: 240_000 }, async (_, deathRate) => {
    const { platform, starts, after } = scheduled(
      Object.fromEntries(Object.entries(CRONS).map(([id, cron]) => [id, { cron }])),
    );
    platform.now = Date.UTC(2028, 0, 1);
    await platform.register();
    const random = seededRandom(2028);
    let deaths = 0;
    platform.hop = (name) => {
      if (random() >= deathRate) return;
      deaths += 1;
      platform.die();
      throw new Death(name);
    };
    const [begin, end] = [platform.now, Date.UTC(2029, 0, 1)];
    await after(end - begin);
    expect(deaths > 10).toBe(deathRate > 0);
    for (const [id, cron] of Object.entries(CRONS)) {
      expect(instants(starts(), id).sort(), id).toEqual(ticks(cron, begin, end));
      expect(of(starts(), id).filter((start) => start.data.missed !== undefined)).toEqual([]);
    }
    expect(instants(starts(), "leapDay")).toEqual(["2028-02-29T00:00:00Z"]);
    expect(instants(starts(), "daily")).toHaveLength(366);
  });
});

describe("[§1.6] a tick", () => {
  it("starts its function with schedule, instant and time of the start; the instant is the event's id", async () => {
    const { starts, after } = await registered({ report: { cron: "0 9 * * *" }, other: { event: "other" } });
    await after(DAY);
    expect(starts()).toEqual([
      {
        fn: "report",
        runId: expect.any(String),
        name: "inngest/scheduled.timer",
        id: "2026-01-01T09:00:00Z",
        data: { cron: "0 9 * * *", scheduledAt: "2026-01-01T09:00:00Z", fireAt: "2026-01-01T09:00:00Z" },
        at: Date.UTC(2026, 0, 1, 9),
      },
    ]);
  });

  it("starts a function once, also when two of its schedules meet", async () => {
    const { starts, after } = await registered({ report: [{ cron: "0 */6 * * *" }, { cron: "0 12 * * *" }] });
    await after(DAY - MINUTE);
    expect(instants(starts(), "report").map((instant) => instant.slice(11, 13))).toEqual(["06", "12", "18"]);
  });

  it("starts each of several functions, and each time those that listen to ticks", async () => {
    const { starts, after } = await registered({
      a: { cron: "0 12 * * *" },
      b: { cron: "TZ=Europe/Paris 0 13 * * *" },
      audit: { event: "inngest/scheduled.timer" },
    });
    await after(DAY - MINUTE);
    expect(starts().map((start) => start.fn).sort()).toEqual(["a", "audit", "audit", "b"]); // oxfmt-ignore
  });

  it("with jitter starts later by less than that, always as much for the same tick, and says when", async () => {
    const run = async () => {
      const { starts, after } = await registered({ report: { cron: "every 10m", jitter: "5m" } });
      await after(6 * HOUR + 5 * MINUTE);
      return starts().map(({ at, data }) => ({ at, data }));
    };
    const starts = await run();
    expect(starts).toHaveLength(36);
    const delays = starts.map(({ at, data }) => at - Date.parse(data.scheduledAt));
    for (const [i, { at, data }] of starts.entries()) {
      expect(data.fireAt).toBe(new Date(at).toISOString().replace(".000Z", "Z"));
      expect(delays[i]).toBeLessThan(5 * MINUTE);
    }
    expect(new Set(delays).size).toBeGreaterThan(30);
    expect(await run()).toEqual(starts);
  });

  it("that cannot be sent is sent when it can be, and holds up no other", async () => {
    const { platform, starts, after } = await registered({ a: { cron: "0 9 * * *" }, b: { cron: "1 9 * * *" } });
    let failures = 0;
    platform.hop = (name) => {
      if (name === "→ log.append" && platform.now < Date.UTC(2026, 0, 1, 9, 0, 30) && ++failures > 0)
        throw new Error("the log is down");
    };
    await after(DAY);
    expect(starts().map(({ fn, at }) => [fn, at - Date.UTC(2026, 0, 1, 9)])).toEqual([["a", 30 * SECOND], ["b", MINUTE]]); // oxfmt-ignore
    expect(failures).toBe(6); // every five seconds
  });
});

async function registered(triggers: Record<string, Trigger | Trigger[]>) {
  const made = scheduled(triggers);
  await made.platform.register();
  return made;
}

describe("after a downtime", () => {
  it("only the latest missed tick is made up, which says how many came before it; then all goes on", async () => {
    const { platform, starts, after } = await registered({ report: { cron: "0 * * * *" } });
    await after(2 * HOUR);
    platform.die();
    platform.now = Date.UTC(2026, 0, 1, 8, 20);
    await after(HOUR);
    expect(of(starts(), "report").map(({ data, at }) => [data.scheduledAt, data.missed, at])).toEqual([
      ["2026-01-01T01:00:00Z", undefined, Date.UTC(2026, 0, 1, 1)],
      ["2026-01-01T02:00:00Z", undefined, Date.UTC(2026, 0, 1, 2)],
      ["2026-01-01T08:00:00Z", 5, Date.UTC(2026, 0, 1, 8, 20)],
      ["2026-01-01T09:00:00Z", undefined, Date.UTC(2026, 0, 1, 9)],
    ]);
  });

  it("a single missed tick is made up and nothing was missed, however long ago it was", async () => {
    const { platform, starts, after } = await registered({ yearly: { cron: "0 0 1 7 *" } });
    platform.now = Date.UTC(2026, 6, 21, 5); // past the week in which events may be delivered again
    await after(DAY);
    const [start, ...others] = starts();
    expect(others).toEqual([]);
    expect(start).toMatchObject({ id: "2026-07-01T00:00:00Z", at: Date.UTC(2026, 6, 21, 5) });
    expect(start!.data).not.toHaveProperty("missed");
    expect(ulidParts(start!.runId).timeMs).toBe(start!.at); // found in the log of the day on which it came
    expect((await platform.objects().registry("main").schedules())[0]?.nextFireAt).toBe(Date.UTC(2027, 6, 1));
  });

  it("a function that a deploy has removed is not started for what it missed", async () => {
    const { platform, starts, registry, after } = await registered({ report: { cron: "0 * * * *" } });
    platform.now += 5 * HOUR;
    await registry().sync({ appId: "mem", url: null, sdk: "", framework: "", functions: [], checksum: "2" });
    await after(DAY);
    expect(starts()).toEqual([]);
  });
});

describe("[G1 G6] a process that dies between any two hops of a tick", () => {
  it.each([
    ["at once", 0],
    ["after hours", 5.5 * HOUR],
    ["after days", 3 * DAY + HOUR / 2],
  ])("and comes back %s: every tick starts once or is counted as missed", { timeout: 120_000 }, async (_, downMs) => {
    const functions = {
      a: { cron: "0 * * * *" },
      b: { cron: "30 */2 * * *" },
      yearly: { cron: "30 1 1 1 *" },
      both: [{ cron: "0 * * * *" }, { cron: "every 2h" }],
    };
    const calm = await registered(functions);
    const before = calm.platform.hops.length;
    await calm.after(2 * HOUR + MINUTE);
    const hops = calm.platform.hops.length - before;
    expect(hops).toBeGreaterThan(20);
    for (let at = 0; at < hops; at++) {
      const { platform, starts, after } = await registered(functions);
      const begin = platform.now;
      let count = 0;
      platform.hop = (name) => {
        if (count++ !== at) return;
        platform.die();
        platform.now += downMs;
        throw new Death(name);
      };
      await after(downMs + 8 * HOUR + MINUTE);
      const where = `died at hop ${at}: ${platform.hops[before + at]}`;
      for (const fn of ["a", "b", "yearly"] as const) {
        const { cron } = functions[fn];
        // oxfmt-ignore
        const made = of(starts(), fn).sort((x, y) => (x.data.scheduledAt < y.data.scheduledAt ? -1 : 1));
        const all = ticks(cron, begin, platform.now);
        let next = 0;
        for (const { data } of made) {
          expect(data.scheduledAt, where).toBe(all[next + (data.missed ?? 0)]);
          next += (data.missed ?? 0) + 1;
        }
        expect(next, where).toBe(all.length);
        expect(made.filter(({ data }) => data.missed !== undefined).length, where).toBeLessThanOrEqual(1);
      }
      const shared = instants(starts(), "both");
      expect(new Set(shared).size, where).toBe(shared.length);
      if (downMs === 0) expect(shared.sort(), where).toEqual(ticks("0 * * * *", begin, platform.now));
    }
  });
});

describe("[G1 G6] a process that dies while it makes up a tick of weeks ago", () => {
  it.each([
    ["at once", 0],
    ["after days", 5 * DAY],
  ])("and comes back %s, at any hop: the tick starts its function once", { timeout: 60_000 }, async (_, downMs) => {
    let hops = 1;
    for (let at = 0; at < hops; at++) {
      const { platform, starts, after } = await registered({ yearly: { cron: "30 1 1 1 *" } });
      platform.now += 20 * DAY;
      const before = platform.hops.length;
      let count = 0;
      platform.hop = (name) => {
        if (count++ !== at) return;
        platform.die();
        platform.now += downMs;
        throw new Death(name);
      };
      await after(downMs + HOUR);
      const where = `died at hop ${at}: ${platform.hops[before + at]}`;
      expect(instants(starts(), "yearly"), where).toEqual(["2026-01-01T01:30:00Z"]);
      hops = Math.max(hops, count - 1);
    }
    expect(hops).toBeGreaterThan(8);
  });
});

describe("a deploy", () => {
  it("leaves the next tick of a schedule that stays; others begin or end", async () => {
    const { platform, registry } = await registered({
      a: [{ cron: "0 * * * *" }, { cron: "5 * * * *" }],
      b: { cron: "0 * * * *" },
    });
    const [a] = (await registry().functions()).filter((fn) => fn.id === "mem-a");
    const late = Date.UTC(2026, 0, 1, 1); // due, and not yet sent
    platform.now = late + MINUTE;
    const crons = [
      { cron: "0 * * * *", jitter: null },
      { cron: "every 30m", jitter: null },
    ];
    const deploy = { appId: "mem", url: null, sdk: "", framework: "", checksum: "2" };
    await registry().sync({ ...deploy, functions: [{ ...a!, crons }] });
    expect(await registry().schedules()).toEqual([
      { functionId: "mem-a", cron: "0 * * * *", nextFireAt: late },
      { functionId: "mem-a", cron: "every 30m", nextFireAt: late + 30 * MINUTE },
    ]);
    await registry().archive("mem");
    expect(await registry().schedules()).toEqual([]);
  });
});

describe("the sweeper", () => {
  it("sets an alarm that the platform has lost", async () => {
    const { platform, starts, after } = await registered({ report: { cron: "0 9 * * *" } });
    platform.dropAlarms("registry");
    await after(DAY);
    expect(starts()).toEqual([]);
    await platform.sweepAnHour();
    await after(DAY);
    expect(instants(starts(), "report")).toEqual(["2026-01-01T09:00:00Z"]);
  });

  it("creates no registry where there is none", async () => {
    const { platform, after } = scheduled({});
    await platform.sweepAnHour();
    await after(DAY);
    expect(platform.hops.filter((hop) => hop === "→ registry.checkSchedules")).toHaveLength(60);
    expect(await platform.objects().registry("main").schedules()).toEqual([]);
  });
});
