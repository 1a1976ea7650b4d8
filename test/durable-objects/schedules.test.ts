import { describe, expect, it } from "vitest";
import { nextTick, parseCron, rfc3339 } from "../../src/engine/cron.ts";
import { ulidParts } from "../../src/protocol/ids.ts";
import type { Inngest, InngestFunction, Trigger } from "../../src/sdk/index.ts";
import type { TestPlatform } from "../../src/testing/platform.ts";
import { Random } from "../../src/testing/random.ts";
import { eachFault, FaultPoints } from "../helpers/fault-points.ts";
import {
  die,
  dieAfterTurns,
  objectsOf,
  simulated,
  sweepAnHour,
  type SimulatedOptions,
} from "../helpers/simulated-platform.ts";

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
function scheduled(triggers: Record<string, Trigger | Trigger[]>, options: SimulatedOptions = {}) {
  const seen: Start[] = [];
  const platform: TestPlatform = simulated(
    (client: Inngest) =>
      Object.entries(triggers).map(([id, of]): InngestFunction =>
        client.createFunction({ id, triggers: of }, ({ event, runId }) => {
          const { name, id: eventId, data } = event;
          seen.push({ fn: id, runId, name, id: eventId, data: data as Start["data"], at: platform.clock.now() });
        }),
      ),
    options,
  );
  const starts = () => [...new Map(seen.map((start) => [start.runId, start])).values()];
  const registry = () => objectsOf(platform).registry("main");
  const after = (ms: number) => platform.clock.advance(ms);
  const skipTo = (instant: number) => platform.world.clock.moveTo(instant);
  return { platform, starts, registry, after, skipTo };
}

/** The same, of which the registry has been told. */
async function registered(triggers: Record<string, Trigger | Trigger[]>, options: SimulatedOptions = {}) {
  const made = scheduled(triggers, options);
  await made.after(0);
  return made;
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
    const [begin, end] = [Date.UTC(2028, 0, 1), Date.UTC(2029, 0, 1)];
    const { platform, starts, after } = await registered(
      Object.fromEntries(Object.entries(CRONS).map(([id, cron]) => [id, { cron }])),
      { start: begin },
    );
    const random = new Random(2028);
    let deaths = 0;
    dieAfterTurns(
      platform,
      () => (random.chance(deathRate) ? random.pick(["before", "after"]) : null),
      () => (deaths += 1),
    );
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
    let failures = 0;
    const { platform, starts, after } = await registered(
      { a: { cron: "0 9 * * *" }, b: { cron: "1 9 * * *" } },
      {
        faults: new FaultPoints(({ name }) => {
          if (name !== "log.append" || platform.clock.now() >= Date.UTC(2026, 0, 1, 9, 0, 30)) return null;
          failures += 1;
          return "request-lost";
        }),
      },
    );
    await after(DAY);
    expect(starts().map(({ fn, at }) => [fn, at - Date.UTC(2026, 0, 1, 9)])).toEqual([["a", 30 * SECOND], ["b", MINUTE]]); // oxfmt-ignore
    expect(failures).toBe(6); // every five seconds
  });
});

describe("after a downtime", () => {
  it("only the latest missed tick is made up, which says how many came before it; then all goes on", async () => {
    const { platform, starts, after, skipTo } = await registered({ report: { cron: "0 * * * *" } });
    await after(2 * HOUR);
    die(platform);
    skipTo(Date.UTC(2026, 0, 1, 8, 20));
    await after(HOUR);
    expect(of(starts(), "report").map(({ data, at }) => [data.scheduledAt, data.missed, at])).toEqual([
      ["2026-01-01T01:00:00Z", undefined, Date.UTC(2026, 0, 1, 1)],
      ["2026-01-01T02:00:00Z", undefined, Date.UTC(2026, 0, 1, 2)],
      ["2026-01-01T08:00:00Z", 5, Date.UTC(2026, 0, 1, 8, 20)],
      ["2026-01-01T09:00:00Z", undefined, Date.UTC(2026, 0, 1, 9)],
    ]);
  });

  it("a single missed tick is made up and nothing was missed, however long ago it was", async () => {
    const { registry, starts, after, skipTo } = await registered({ yearly: { cron: "0 0 1 7 *" } });
    skipTo(Date.UTC(2026, 6, 21, 5)); // past the week in which events may be delivered again
    await after(DAY);
    const [start, ...others] = starts();
    expect(others).toEqual([]);
    expect(start).toMatchObject({ id: "2026-07-01T00:00:00Z", at: Date.UTC(2026, 6, 21, 5) });
    expect(start!.data).not.toHaveProperty("missed");
    expect(ulidParts(start!.runId).timeMs).toBe(start!.at); // found in the log of the day on which it came
    expect((await registry().schedules())[0]?.nextFireAt).toBe(Date.UTC(2027, 6, 1));
  });

  it("a function that a deploy has removed is not started for what it missed", async () => {
    const { platform, starts, registry, after, skipTo } = await registered({ report: { cron: "0 * * * *" } });
    skipTo(platform.clock.now() + 5 * HOUR);
    await registry().sync({ appId: "mem", url: null, sdk: "", framework: "", functions: [], checksum: "2" });
    await after(DAY);
    expect(starts()).toEqual([]);
  });
});

describe("[G1 G6] what goes wrong once around a tick", () => {
  const FUNCTIONS = {
    a: { cron: "0 * * * *" },
    b: { cron: "30 */2 * * *" },
    yearly: { cron: "30 1 1 1 *" },
    both: [{ cron: "0 * * * *" }, { cron: "every 2h" }],
  };

  /** Every tick started its function once, or was counted as missed by the one after it. */
  function expectTicks({ platform, starts }: ReturnType<typeof scheduled>, downMs: number, where: string): void {
    const [begin, end] = [Date.UTC(2026, 0, 1), platform.clock.now()];
    for (const fn of ["a", "b", "yearly"] as const) {
      const made = of(starts(), fn).sort((x, y) => (x.data.scheduledAt < y.data.scheduledAt ? -1 : 1));
      const all = ticks(FUNCTIONS[fn].cron, begin, end);
      let next = 0;
      for (const { data } of made) {
        expect(data.scheduledAt, where).toBe(all[next + (data.missed ?? 0)]);
        next += (data.missed ?? 0) + 1;
      }
      expect(next, where).toBe(all.length);
      expect(made.filter(({ data }) => data.missed !== undefined).length, where).toBeLessThanOrEqual(
        downMs > 0 ? 1 : 0,
      );
    }
    const shared = instants(starts(), "both");
    expect(new Set(shared).size, where).toBe(shared.length);
    if (downMs === 0) expect(shared.sort(), where).toEqual(ticks("0 * * * *", begin, end));
  }

  it.each([
    ["at once", 0],
    ["after hours", 5.5 * HOUR],
    ["after days", 3 * DAY + HOUR / 2],
  ])("a process that dies between any two turns and comes back %s", { timeout: 120_000 }, async (_, downMs) => {
    const calm = await registered(FUNCTIONS);
    const seen = dieAfterTurns(calm.platform, () => null);
    await calm.after(2 * HOUR + MINUTE);
    const { turns } = seen;
    expect(turns).toBeGreaterThan(40);
    for (let at = 0; at < turns; at++) {
      const when = at % 2 === 0 ? "before" : "after";
      const made = await registered(FUNCTIONS);
      const died = () => made.skipTo(made.platform.clock.now() + downMs);
      dieAfterTurns(made.platform, (turn) => (turn === at ? when : null), died);
      await made.after(downMs + 4 * HOUR + MINUTE);
      expectTicks(made, downMs, `died ${when} the writes of turn ${at}`);
    }
  });

  it("any commit, call, delivery or alarm", { timeout: 120_000 }, async () => {
    const calm = new FaultPoints();
    const { after } = await registered(FUNCTIONS, { faults: calm });
    const registering = calm.points.length;
    await after(2 * HOUR + MINUTE);
    expect(calm.points.length - registering).toBeGreaterThan(40);
    for (const { at, fault, where } of eachFault(calm.points)) {
      if (at < registering) continue;
      const faults = new FaultPoints((_point, index) => (index === at ? fault : null));
      const made = await registered(FUNCTIONS, { faults });
      await made.after(4 * HOUR + MINUTE);
      expectTicks(made, 0, where);
    }
  });
});

describe("[G1 G6] a process that dies while it makes up a tick of weeks ago", () => {
  it.each([
    ["at once", 0],
    ["after days", 5 * DAY],
  ])("and comes back %s, at any turn: the tick starts its function once", { timeout: 60_000 }, async (_, downMs) => {
    const play = async (at: number, when: "before" | "after") => {
      const { platform, starts, after, skipTo } = await registered({ yearly: { cron: "30 1 1 1 *" } });
      skipTo(platform.clock.now() + 20 * DAY);
      const died = () => skipTo(platform.clock.now() + downMs);
      const seen = dieAfterTurns(platform, (turn) => (turn === at ? when : null), died);
      await after(downMs + HOUR);
      expect(instants(starts(), "yearly"), `died ${when} the writes of turn ${at}`).toEqual(["2026-01-01T01:30:00Z"]);
      return seen;
    };
    const { turns } = await play(-1, "before");
    expect(turns).toBeGreaterThan(16);
    for (let at = 0; at < turns; at++) for (const when of ["before", "after"] as const) await play(at, when);
  });
});

describe("a deploy", () => {
  it("leaves the next tick of a schedule that stays; others begin or end", async () => {
    const { registry, skipTo } = await registered({
      a: [{ cron: "0 * * * *" }, { cron: "5 * * * *" }],
      b: { cron: "0 * * * *" },
    });
    const [a] = (await registry().functions()).filter((fn) => fn.id === "mem-a");
    const late = Date.UTC(2026, 0, 1, 1); // due, and not yet sent
    skipTo(late + MINUTE);
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
    platform.world.loseAlarm("registry", "registry");
    await after(10 * HOUR);
    expect(starts()).toEqual([]);
    await sweepAnHour(platform);
    await after(12 * HOUR);
    expect(instants(starts(), "report")).toEqual(["2026-01-01T09:00:00Z"]);
  });

  it("creates no registry where there is none", async () => {
    const faults = new FaultPoints();
    const { platform, registry } = scheduled({}, { faults });
    await sweepAnHour(platform);
    expect(faults.calls("registry.checkSchedules")).toBe(60);
    expect(await registry().schedules()).toEqual([]);
    expect(platform.world.names("registry")).toEqual([]);
    expect(platform.world.clock.timers()).toEqual([]);
  });
});
