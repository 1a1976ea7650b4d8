import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { createTestPlatform } from "../../src/testing/index.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const start = "2030-05-06T07:08:09.000Z";
const realDate = Date;

function client() {
  return new Inngest({ id: "app", logger: silent });
}

/** What a function under test finds, in its handler and in a step. */
function looking<T>(look: () => T, options: { seed?: number; start?: string; transport?: "local" | "http" } = {}) {
  const fn = client().createFunction({ id: "look" }, { event: "look" }, async ({ step }) => {
    const outside = look();
    await step.sleep("a while", "1h");
    return { outside, inside: await step.run("look", look), later: look() };
  });
  const platform = createTestPlatform({ functions: [fn], start, ...options });
  return {
    platform,
    async found(): Promise<{ outside: T; inside: T; later: T }> {
      const { run } = await platform.send({ name: "look" });
      await run.waitFor("end");
      return run.output;
    },
  };
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each(["local", "http"] as const)("code of functions under test (%s)", (transport) => {
  const hour = 3_600_000;
  const at = Date.parse(start);

  it("finds virtual time in Date.now(), new Date() and Date()", async () => {
    const { outside, inside, later } = await looking(() => [Date.now(), new Date().getTime(), Date.parse(Date())], {
      transport,
    }).found();
    const then = transport === "local" ? at : at + hour; // over http the handler is entered anew
    expect(outside).toEqual([then, then, then]);
    expect(inside).toEqual([at + hour, at + hour, at + hour]);
    expect(later).toEqual([at + hour, at + hour, at + hour]);
  });

  it("finds chance that the seed decides", async () => {
    const draw = () => [Math.random(), crypto.randomUUID(), ...crypto.getRandomValues(new Uint32Array(2))];
    const one = await looking(draw, { transport, seed: 7 }).found();
    const same = await looking(draw, { transport, seed: 7 }).found();
    const other = await looking(draw, { transport, seed: 8 }).found();
    expect(one).toEqual(same);
    expect(new Set([one, other].flatMap(({ outside, inside }) => [...outside, ...inside])).size).toBe(16);
    expect(one.inside[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("draws the same in a step whichever other steps run at the time", async () => {
    const draws = async (siblings: number) => {
      const fn = client().createFunction({ id: "draw" }, { event: "draw" }, async ({ step }) => {
        const others = Array.from({ length: siblings }, (_, n) => step.run(`other ${n}`, () => Math.random()));
        const [drawn] = await Promise.all([step.run("drawn", () => [Math.random(), Math.random()]), ...others]);
        return drawn;
      });
      const { run } = await createTestPlatform({ functions: [fn], transport }).send({ name: "draw", id: "e1" });
      await run.waitFor("end");
      return run.output;
    };
    expect(await draws(5)).toEqual(await draws(0));
  });

  it("draws anew when a step is tried again, and in each step of one id", async () => {
    const drawn: number[] = [];
    const fn = client().createFunction({ id: "draw" }, { event: "draw" }, async ({ step }) => {
      await step.run("draw", () => {
        drawn.push(Math.random());
        if (drawn.length < 3) throw new Error("again");
      });
      await step.run("draw", () => drawn.push(Math.random()));
    });
    const { run } = await createTestPlatform({ functions: [fn], transport }).send({ name: "draw" });
    await run.waitFor("end");
    expect(drawn).toHaveLength(4);
    expect(new Set(drawn).size).toBe(4);
  });
});

it("functions find seeded chance in what they import from node:crypto", async () => {
  const draw = () => [randomUUID(), randomBytes(3).toString("hex"), randomInt(10), randomInt(5, 6)];
  const [one, same] = [await looking(draw, { seed: 3 }).found(), await looking(draw, { seed: 3 }).found()];
  expect(one).toEqual(same);
  expect(one.inside[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(one.inside[1]).toHaveLength(6);
  expect(one.inside[2]).toBeLessThan(10);
  expect(one.inside[3]).toBe(5);
  expect(randomUUID()).not.toBe(randomUUID());
  expect(randomBytes(8)).not.toEqual(randomBytes(8));
  expect(() => randomInt(5, 1)).toThrow(RangeError);
});

describe("everybody else", () => {
  it("finds real time and real chance while a run is executing", async () => {
    const seen: number[] = [];
    const fn = client().createFunction({ id: "slow" }, { event: "slow" }, async ({ step }) =>
      step.run("wait", async () => {
        const before = Date.now();
        await outsider;
        return [before, Date.now()];
      }),
    );
    let tell: () => void = () => undefined;
    const outsider = new Promise<void>((resolve) => (tell = resolve));
    const platform = createTestPlatform({ functions: [fn], start });
    const sent = platform.send({ name: "slow" });
    const before = performance.timeOrigin + performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    seen.push(Date.now(), new Date().getTime());
    expect(Math.random()).not.toBe(Math.random());
    tell();
    const { run } = await sent;
    expect(run.output).toEqual([Date.parse(start), Date.parse(start)]);
    for (const time of seen) expect(Math.abs(time - before)).toBeLessThan(60_000);
  });

  it("keeps the class that it knows", () => {
    createTestPlatform({ functions: [], start });
    class Day extends Date {
      get day() {
        return this.toISOString().slice(0, 10);
      }
    }
    expect(new Date(0)).toBeInstanceOf(Date);
    expect(new Date(0)).toBeInstanceOf(realDate);
    expect(new realDate(0)).toBeInstanceOf(Date);
    expect(new Date(0).constructor).toBe(Date);
    expect(new Day("2020-01-02").day).toBe("2020-01-02");
    expect(new Day()).toBeInstanceOf(Day);
    expect([Date.name, Date.length, Date.UTC(1970, 0, 2), Date.parse("1970-01-02")]).toEqual(["Date", 7, 864e5, 864e5]);
    expect(Date.prototype).toBe(realDate.prototype);
    expect(structuredClone(new Date(5))).toEqual(new Date(5));
    expect(typeof Date()).toBe("string");
    expect(() => crypto.getRandomValues(new Float32Array(1) as never)).toThrow();
    expect(crypto.getRandomValues(new Uint8Array(4))).toHaveLength(4);
  });
});

it("two platforms at a time have a time each", async () => {
  const one = looking(Date.now, { start: "2031-01-01T00:00:00Z" });
  const other = looking(() => Date.now(), { start: "2032-01-01T00:00:00Z" });
  const [first, second] = await Promise.all([one.found(), other.found()]);
  expect(new Date(first.outside).getUTCFullYear()).toBe(2031);
  expect(new Date(second.inside).getUTCFullYear()).toBe(2032);
});

it("code that a function has started keeps its time, however it goes on", async () => {
  const fn = client().createFunction({ id: "late" }, { event: "late" }, async ({ step }) =>
    step.run("late", async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return [Date.now(), await Promise.resolve().then(() => Date.now())];
    }),
  );
  const { run } = await createTestPlatform({ functions: [fn], start }).send({ name: "late" });
  expect(run.output).toEqual([Date.parse(start), Date.parse(start)]);
});

it("`virtualGlobals: false` leaves the functions of that platform the real ones", async () => {
  const fn = client().createFunction({ id: "real" }, { event: "real" }, ({ step }) =>
    step.run("now", () => Date.now()),
  );
  const platform = createTestPlatform({ functions: [fn], start, virtualGlobals: false });
  const { run } = await platform.send({ name: "real" });
  expect(Math.abs(run.output - Date.now())).toBeLessThan(60_000);
});

describe("fake timers", () => {
  it("that were there before the platform decide for all code but that of runs", async () => {
    vi.useFakeTimers({ now: 5_000 });
    const found = looking(() => Date.now());
    expect((await found.found()).inside).toBe(Date.parse(start) + 3_600_000);
    expect(Date.now()).toBe(5_000);
    vi.useRealTimers();
    expect(Date.now()).toBeGreaterThan(1e12);
    expect((await looking(() => Date.now()).found()).inside).toBe(Date.parse(start) + 3_600_000);
  });

  it("that come later do as well, and go as they came", async () => {
    const found = looking(() => new Date().getTime());
    vi.useFakeTimers({ now: 6_000 });
    expect((await found.found()).inside).toBe(Date.parse(start) + 3_600_000);
    expect(new Date().getTime()).toBe(6_000);
    vi.setSystemTime(7_000);
    expect(Date.now()).toBe(7_000);
    vi.useRealTimers();
    expect(Date.now()).toBeGreaterThan(1e12);
    expect(new Date()).toBeInstanceOf(realDate);
    expect(new Date().constructor).toBe(Date);
  });

  it("vi.setSystemTime alone is for code outside of runs", async () => {
    const found = looking(() => Date.now());
    vi.setSystemTime(8_000);
    expect((await found.found()).inside).toBe(Date.parse(start) + 3_600_000);
    expect(new Date().getTime()).toBe(8_000);
  });
});

it("what a test mocks itself is what functions find", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0.25);
  vi.spyOn(crypto, "randomUUID").mockReturnValue("00000000-0000-4000-8000-000000000000");
  vi.spyOn(Date, "now").mockReturnValue(42);
  const look = () => [Math.random(), crypto.randomUUID(), Date.now()];
  expect((await looking(look).found()).inside).toEqual([0.25, "00000000-0000-4000-8000-000000000000", 42]);
  vi.restoreAllMocks();
  const [random, id, now] = (await looking(look).found()).inside;
  expect(random).not.toBe(0.25);
  expect(id).not.toMatch(/^0{8}/);
  expect(now).toBe(Date.parse(start) + 3_600_000);
});
