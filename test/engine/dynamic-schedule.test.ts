import { describe, expect, it, test } from "vitest";
import { changed, checkSchedule, firstToSend, Ticks } from "../../src/engine/dynamic-schedule.ts";
import { readSchedule, type CatchUpPolicy } from "../../src/protocol/schedule.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (iso: string) => Date.parse(iso);
const iso = (instant: number | null) => instant && new Date(instant).toISOString().replace(".000Z", "Z");

const EVENT = { name: "tick" };
const read = (fields: object) => readSchedule({ id: "s", event: EVENT, ...fields });

function first(fields: object, after: string, count: number): (string | null)[] {
  const ticks = new Ticks(read(fields));
  const found: (string | null)[] = [];
  for (let tick = ticks.after(at(after)); found.length < count; tick = ticks.after(tick)) {
    found.push(iso(tick) as string | null);
    if (tick === null) break;
  }
  return found;
}

describe("ticks come", () => {
  test.each<[string, object, string, (string | null)[]]>([
    ["every so often since 1970", { every: "6h" }, "2026-01-01T01:00:00Z", ["2026-01-01T06:00:00Z", "2026-01-01T12:00:00Z"]],
    ["every so often since the start, the start included", { every: "7d", start_at: "2026-01-05T09:30:00Z" }, "2026-01-01T00:00:00Z", ["2026-01-05T09:30:00Z", "2026-01-12T09:30:00Z"]],
    ["strictly after the instant", { every: "7d", start_at: "2026-01-05T09:30:00Z" }, "2026-01-05T09:30:00Z", ["2026-01-12T09:30:00Z"]],
    ["by cron, in UTC", { cron: "0 9 * * *" }, "2026-01-01T09:00:00Z", ["2026-01-02T09:00:00Z"]],
    ["by cron with seconds", { cron: "*/20 * * * * *" }, "2026-01-01T09:00:01Z", ["2026-01-01T09:00:20Z", "2026-01-01T09:00:40Z"]],
    ["by the clock of a time zone, in winter and summer", { cron: "0 9 28-29 3 *", timezone: "Europe/Berlin" }, "2026-01-01T00:00:00Z", ["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"]],
    ["by a time zone within the cron", { cron: "TZ=Australia/Lord_Howe 0 12 1 1 *" }, "2026-06-01T00:00:00Z", ["2027-01-01T01:00:00Z"]],
    ["from the start on, when it is a tick itself", { cron: "0 9 * * *", start_at: "2026-02-01T09:00:00Z" }, "2026-01-01T00:00:00Z", ["2026-02-01T09:00:00Z"]],
    ["up to the end, which may be one itself", { cron: "0 9 * * *", end_at: "2026-01-02T09:00:00Z" }, "2026-01-01T00:00:00Z", ["2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z", null]],
    ["never after the end", { every: "1h", end_at: "2026-01-01T00:59:59.999Z" }, "2026-01-01T00:00:00Z", [null]],
    ["on leap days", { cron: "0 0 29 2 *" }, "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]],
  ])("%s", (_, fields, after, expected) => expect(first(fields, after, expected.length)).toEqual(expected)); // oxfmt-ignore
});

describe("of ticks that were missed", () => {
  const FIRST = "2026-01-01T01:00:00Z";

  test.each<[CatchUpPolicy, string, string | null, number]>([
    ["latest", "2026-01-01T01:00:20Z", FIRST, 0],
    ["latest", "2026-01-01T08:20:00Z", "2026-01-01T08:00:00Z", 7],
    ["all", "2026-01-01T08:20:00Z", FIRST, 0],
    ["none", "2026-01-01T01:01:00Z", FIRST, 0],
    ["none", "2026-01-01T01:01:00.001Z", "2026-01-01T02:00:00Z", 1],
    ["none", "2026-01-01T08:00:30Z", "2026-01-01T08:00:00Z", 7],
    ["none", "2026-01-01T08:20:00Z", "2026-01-01T09:00:00Z", 8],
  ])("%s at %s sends %s first and counts %i", (catchUp, now, expected, missed) => {
    const found = firstToSend(new Ticks(read({ cron: "0 * * * *" })), catchUp, at(FIRST), at(now));
    expect([iso(found.at), found.missed]).toEqual([expected, missed]);
  });

  it("all makes up the latest thousand, of a schedule that is regular or not", () => {
    for (const fields of [{ every: "1m" }, { cron: "* 3-4 1-9 * *" }, { every: "7s", start_at: 1_500_000_000_001 }]) {
      const ticks = new Ticks(read(fields));
      const all: number[] = [];
      for (let tick = ticks.after(at(FIRST)); all.length < 2_500; tick = ticks.after(tick!)) all.push(tick!);
      const now = all.at(-1)! + 500;
      expect(firstToSend(ticks, "all", all[0]!, now), JSON.stringify(fields)).toEqual({
        at: all[1_500],
        missed: 1_500,
      });
      expect(firstToSend(ticks, "all", all[1_500]!, now)).toEqual({ at: all[1_500], missed: 0 });
    }
  });

  it("those after the end are none", () => {
    const ticks = new Ticks(read({ cron: "0 * * * *", end_at: "2026-01-01T03:30:00Z" }));
    const later = at(FIRST) + 9 * HOUR;
    expect(firstToSend(ticks, "latest", at(FIRST), later)).toEqual({ at: at("2026-01-01T03:00:00Z"), missed: 2 });
    expect(firstToSend(ticks, "none", at(FIRST), later)).toEqual({ at: null, missed: 3 });
    expect(firstToSend(ticks, "all", at(FIRST), later)).toEqual({ at: at(FIRST), missed: 0 });
  });

  it("years of seconds are counted up to a bound, at once", () => {
    const ticks = new Ticks(read({ every: "1s" }));
    const now = at(FIRST) + 3 * 366 * DAY;
    expect(firstToSend(ticks, "latest", at(FIRST), now)).toEqual({ at: now, missed: 10_000 });
    expect(firstToSend(ticks, "all", at(FIRST), now)).toEqual({ at: now - 999 * SECOND, missed: 10_000 });
    expect(firstToSend(ticks, "none", at(FIRST), now)).toEqual({ at: now - MINUTE, missed: 10_000 });
  });
});

describe("[G9] a schedule that cannot be is refused by field, value and bound", () => {
  test.each<[object, string]>([
    [{ id: undefined }, "id: is required and must be a string"],
    [{ id: "" }, 'id: must not be empty; it is ""'],
    [{ id: "é".repeat(128) }, "id: must be at most 255 bytes"],
    [{}, 'cron: a schedule has either cron, such as "0 9 * * *", or every, such as "90s"; this one has neither'],
    [{ cron: "0 9 * * *", every: "1h" }, "every: a schedule has either cron or every; this one has both"],
    [{ cron: "0 25 * * *" }, 'cron "0 25 * * *": hour: "25" is not allowed'],
    [{ cron: "0 0 30 2 *" }, "never comes"],
    [{ cron: "every 1h" }, 'cron: "every 1h": write every: "90s" instead'],
    [{ cron: 7 }, "cron: "],
    [{ every: "1 fortnight" }, 'every: cannot read "1 fortnight" as a duration'],
    [{ every: "999ms" }, "under the bound of 1 second"],
    [{ every: "1h", timezone: "Europe/Berlin" }, "timezone: is for cron only; every counts real time"],
    [{ cron: "0 9 * * *", timezone: "Mars/Base" }, '"Mars/Base" is not a time zone'],
    [{ cron: "0 9 * * *", timezone: "UTC 1" }, 'timezone: "UTC 1" is not a time zone'],
    [{ cron: "TZ=UTC 0 9 * * *", timezone: "UTC" }, 'timezone: is given twice, also as "TZ=UTC" of cron'],
    [{ every: "1h", start_at: "soon" }, 'start_at: "soon" is not a date'],
    [{ every: "1h", end_at: 5 }, "end_at: must be a time between the years 1980 and 2100; it is 5"],
    [{ every: "1h", start_at: 1_800_000_000_000, end_at: 1_700_000_000_000 }, "end_at: must not be before start_at"],
    [{ every: "1h", event: null }, "event: a schedule has either event, which is sent, or function"],
    [{ every: "1h", function: "app-fn" }, "function: a schedule has either event or function; this one has both"],
    [{ every: "1h", data: { a: 1 } }, "data: is for function only; what is sent is event.data"],
    [{ every: "1h", event: { name: "inngest/x" } }, 'event.name: event name is reserved for internal use: "inngest/x"'],
    [{ every: "1h", event: { name: "" } }, "event.name: must not be empty"],
    [{ every: "1h", event: { name: "a", id: "b" } }, "event.id: is no field of a schedule"],
    [{ every: "1h", event: { name: "a", data: { text: "x".repeat(256 * 1024) } } }, "event.data: must be at most 262144 bytes"],
    [{ every: "1h", overlap: "never" }, 'overlap: must be one of allow, skip, queue, cancel-previous; it is "never"'],
    [{ every: "1h", catch_up: 1 }, "catch_up: must be one of latest, all, none; it is 1"],
    [{ every: "1h", paused: "yes" }, 'paused: must be true or false; it is "yes"'],
    [{ every: "1h", cronn: "x" }, "cronn: is no field of a schedule; there are id, cron, every"],
  ])("%o: %s", (fields, message) => expect(() => checkSchedule(read(fields))).toThrow(message)); // oxfmt-ignore

  it.each([null, [], "x", 5])("what is no object: %o", (json) =>
    expect(() => readSchedule(json)).toThrow("schedule: must be a JSON object"),
  );

  it("what is nested too deeply", () => {
    let data: object = {};
    for (let depth = 0; depth < 20_000; depth++) data = { data };
    expect(() => read({ every: "1h", event: { name: "a", data } })).toThrow("schedule: is nested too deeply");
  });
});

describe("a change", () => {
  const cron = read({ cron: "0 9 * * *", timezone: "Europe/Berlin" });

  test.each<[string, Parameters<typeof changed>[1], object]>([
    ["of one field leaves the others", { paused: true }, { ...cron, paused: true }],
    ["to every drops cron and time zone", { everyMs: HOUR }, { ...cron, cron: null, timezone: null, everyMs: HOUR }],
    ["to a function drops the event", { function: "a-b", data: { n: 1 } }, { ...cron, event: null, function: "a-b", data: { n: 1 } }],
    ["to UTC", { timezone: null }, { ...cron, timezone: null }],
  ])("%s", (_, changes, expected) => expect(changed(cron, changes)).toEqual(expected)); // oxfmt-ignore
});
