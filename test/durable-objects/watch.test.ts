import { describe, expect, it } from "vitest";
import { Watch } from "../../src/durable-objects/watch.ts";

/** A clock that only waits move: each as far as it may last, unless something comes before. */
function world(life = 0.5) {
  const host = {
    nowMs: 0,
    waits: [] as number[],
    now: () => host.nowMs,
    random: () => life,
    wait: async (ms: number, until: Promise<unknown>) => {
      host.waits.push(ms);
      let isTold = false;
      void until.then(() => (isTold = true));
      for (let turn = 0; turn < 20 && !isTold; turn++) await Promise.resolve();
      if (!isTold) host.nowMs += ms;
    },
  };
  return { host, watch: new Watch<string>(host) };
}

describe("who watches an object", () => {
  it("begins at the present, and is told what comes from there on, in order", async () => {
    const { watch } = world();
    watch.note("before");
    const { place, ...first } = await watch.since(null, 0);
    expect(first).toEqual({ isGap: false, changes: [] });
    watch.note("a");
    watch.note("b");
    const next = await watch.since(place, 0);
    expect(next).toMatchObject({ isGap: false, changes: ["a", "b"] });
    watch.note("c");
    expect((await watch.since(next.place, 0)).changes).toEqual(["c"]);
    expect((await watch.since(place, 0)).changes).toEqual(["a", "b", "c"]);
  });

  it("waits until something comes, each of several watchers, and no longer than 20 s", async () => {
    const { watch, host } = world();
    const { place } = await watch.since(null, 0);
    const both = [watch.since(place, 60_000), watch.since(place, 5_000)];
    await Promise.resolve();
    watch.note("a");
    expect((await Promise.all(both)).map(({ changes }) => changes)).toEqual([["a"], ["a"]]);
    expect(host.waits).toEqual([20_000, 5_000]);
    const { place: after } = await watch.since(null, 0);
    expect(await watch.since(after, 60_000)).toEqual({ place: after, isGap: false, changes: [] });
    expect(host.nowMs).toBe(20_000);
  });

  it("keeps nothing while nobody watches: who comes back too late reads anew", async () => {
    const { watch, host } = world();
    const { place } = await watch.since(null, 0);
    host.nowMs += 29_999;
    watch.note("a");
    expect((await watch.since(place, 0)).changes).toEqual(["a"]);
    host.nowMs += 30_000;
    watch.note("b");
    expect(await watch.since(place, 0)).toMatchObject({ isGap: true, changes: [] });
  });

  it("a reader that is too far behind reads anew", async () => {
    const { watch } = world();
    const { place } = await watch.since(null, 0);
    for (let n = 0; n < 501; n++) watch.note(String(n));
    const late = await watch.since(place, 0);
    expect(late).toMatchObject({ isGap: true, changes: [] });
    watch.note("next");
    expect(await watch.since(late.place, 0)).toMatchObject({ isGap: false, changes: ["next"] });
  });

  it.each(["0", "", "zzz.1", "i.99", "i.-1", "i.x"])(
    "a place of another memory, %j, is a gap at once",
    async (place) => {
      const { watch, host } = world(0);
      watch.note("a");
      expect(await watch.since(place, 20_000)).toMatchObject({ isGap: true, changes: [] });
      expect(host.waits).toEqual([]);
    },
  );
});
