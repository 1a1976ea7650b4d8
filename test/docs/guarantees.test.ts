import { describe, expect, test } from "vitest";
import * as limits from "../../src/protocol/limits.ts";
import type { Inngest } from "../../src/sdk/index.ts";
import { die, runOf, simulated } from "../helpers/simulated-platform.ts";
import { readPage } from "./helpers/markdown.ts";

const text = readPage("docs/guarantees.md");
const rows = [...text.matchAll(/^\| (.+?) \| (.+?) \| `([A-Z_]+)` \|$/gm)].map(([, what, bound, constant]) => ({
  what: what!,
  bound: bound!,
  constant: constant!,
}));

const KIB = 1024;
const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;
const UNITS: Record<string, number> = {
  "": 1,
  characters: 1,
  bytes: 1,
  KiB: KIB,
  MiB: KIB ** 2,
  GiB: KIB ** 3,
  second: SECOND,
  seconds: SECOND,
  minutes: 60 * SECOND,
  hours: 60 * 60 * SECOND,
  days: DAY,
};

/** Bounds inside the platform, of which users see only what the page says in words. */
const INTERNAL = [
  "EVENT_TS_MIN",
  "EVENT_TS_MAX",
  "ID_SEED_MAX_SKEW_MS",
  "CALL_BODY_LARGEST_BYTES",
  "CALL_BODY_MAX_BYTES",
  "SQL_VALUE_MAX_BYTES",
  "QUEUE_INLINE_MAX_BYTES",
  "WATCHDOG_MS",
  "ALARM_HOLD_MS",
  "ACTIVATION_MAX_STEPS",
  "LOOKBACK_MARGIN_MS",
  "FLAG_LINGER_MS",
  "CONNECT_HELLO_MS",
  "CONNECT_HEARTBEAT_MS",
  "CONNECT_ACK_MS",
  "CONNECT_LEASE_EXTEND_MS",
  "CONNECT_LEASE_GRACE_MS",
  "CONNECT_SESSION_MS",
  "REALTIME_KEEP_ALIVE_MS",
  "REALTIME_FORWARD_MS",
  "REALTIME_WAITING_MAX",
  "STREAM_LOOK_MS",
  "STREAM_LOOKS_MAX",
  "STREAM_BEAT_MS",
];

describe("docs/guarantees.md", () => {
  test.each(rows)("$constant: $what is $bound", ({ bound, constant }) => {
    const [, number = "", unit = ""] = /^([\d,]+)\s*(\w*)$/.exec(bound) ?? [];
    expect(Object.keys(UNITS), `unit of "${bound}"`).toContain(unit);
    expect(Number(number.replaceAll(",", "")) * UNITS[unit]!).toBe(Reflect.get(limits, constant));
  });

  test("its table has every limit that users meet, each once", () => {
    const named = rows.map(({ constant }) => constant);
    expect([...named, ...INTERNAL].toSorted(), "a new limit belongs into the table").toEqual(
      Object.keys(limits).toSorted(),
    );
  });

  test("numbers that stand in its sentences are those of the limits", () => {
    expect(text).toContain(`${limits.SLEEP_MAX_MS / DAY} days, exact to the millisecond`);
    expect(text).toContain(`a call ends after ${limits.CALL_TIMEOUT_MS / 60_000} minutes once deployed`);
    expect(text).toContain(`After ${limits.RESEND_AFTER_MS / SECOND} seconds the log delivers again`);
    expect(text).toContain(`starts each function once in ${limits.DEDUPE_WINDOW_MS / 3_600_000} hours`);
    expect(text).toContain(`After ${limits.RETENTION_DEFAULT_MS / DAY} days, or as`);
    expect(text).toContain(`noticed within ${limits.WATCHDOG_MS / SECOND + 5} seconds`);
    expect(limits.RESENDS_MAX).toBe(5);
    expect(text).toContain("not be delivered five times is parked");
  });

  test("it says what each guarantee of the design means", () => {
    const said = [...text.matchAll(/^\*\*(G\d+)\./gm)].map((match) => match[1]);
    expect(said).toEqual(Array.from({ length: 11 }, (_, index) => `G${index + 1}`));
  });
});

describe("what the page says and no other test holds", () => {
  test("[G8] after a deploy a step that the code no longer asks for is ignored, a new one runs", async () => {
    let isDeployed = false;
    const ran: string[] = [];
    const functions = (client: Inngest) => [
      client.createFunction({ id: "changing" }, { event: "a" }, async ({ step }) => {
        const one = (id: string) => step.run(id, () => (ran.push(id), id));
        if (!isDeployed) await one("old");
        await one("kept");
        await step.sleep("night", "8h");
        return [await one("kept-too"), ...(isDeployed ? [await one("new")] : [])];
      }),
    ];
    const platform = simulated(functions, { detectNondeterminism: false }); // the deploy is what makes the difference
    const { run } = await platform.send({ name: "a" });
    await run.waitFor("sleep");
    isDeployed = true;
    die(platform);
    await run.waitFor("end");
    expect(run.output).toEqual(["kept-too", "new"]);
    expect(ran).toEqual(["old", "kept", "kept-too", "new"]);
  });

  test("an event whose id was used before starts nothing, and still answers waits", async () => {
    const platform = simulated((client) => [
      client.createFunction({ id: "starts" }, { event: "paid" }, () => "started"),
      client.createFunction({ id: "waits" }, { event: "asked" }, async ({ step }) => {
        const paid = await step.waitForEvent("paid", { event: "paid", timeout: "1h" });
        return paid?.data.n ?? null;
      }),
    ]);
    const first = await platform.send({ name: "paid", id: "same", data: { n: 1 } });
    await platform.clock.advance("2m"); // well within the 24 hours
    const asked = await platform.send({ name: "asked", id: "question" });
    const second = await platform.send({ name: "paid", id: "same", data: { n: 2 } });
    await platform.clock.runUntilIdle();
    expect(first.run.output).toBe("started");
    expect(second.ids).not.toEqual(first.ids);
    expect(second.runs).toEqual([]);
    expect(runOf(platform, second.ids[0]!, "mem-starts")).toBeUndefined();
    expect(asked.run.output).toBe(2);
  });
});
