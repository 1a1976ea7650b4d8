import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { retryAfterAt, retryDelayMs } from "../../src/engine/retry.ts";
import { DEFAULT_RETRY_POLICY, INNGEST_RETRY_POLICY, type RetryPolicy } from "../../src/protocol/retry-policy.ts";
import { retryPolicy } from "../../src/sdk/retries.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const policy = (changes: Partial<RetryPolicy>): RetryPolicy => ({
  ...DEFAULT_RETRY_POLICY,
  maxAttempts: 21,
  jitter: false,
  ...changes,
});

describe("wait after the failed attempt of an index, without jitter", () => {
  test.each<[string, RetryPolicy, number[]]>([
    ["exponential doubles", policy({}), [1000, 2000, 4000, 8000, 16_000]],
    ["exponential stops at maxDelay", policy({ maxDelayMs: 5000 }), [1000, 2000, 4000, 5000, 5000]],
    ["linear adds the first wait", policy({ backoff: "linear", initialDelayMs: 300 }), [300, 600, 900, 1200]],
    ["linear stops at maxDelay", policy({ backoff: "linear", maxDelayMs: 2500 }), [1000, 2000, 2500, 2500]],
    ["fixed repeats it", policy({ backoff: "fixed", initialDelayMs: 700 }), [700, 700, 700]],
    ["fixed stops at maxDelay too", policy({ backoff: "fixed", initialDelayMs: 700, maxDelayMs: 500 }), [500, 500]],
    ["zero is at once", policy({ initialDelayMs: 0 }), [0, 0, 0]],
    [
      "[§4] inngest is the server's table, whose last value repeats",
      policy({ ...INNGEST_RETRY_POLICY, maxAttempts: 21, jitter: false }),
      [15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 7200, 7200].map((seconds) => seconds * 1000),
    ],
  ])("%s", (_, given, delays) => {
    expect(delays.map((_delay, attempt) => retryDelayMs(given, attempt, 0.99))).toEqual(delays);
  });
});

describe("attempts", () => {
  test.each([1, 2, 3, 21])("maxAttempts %d counts every try, the first included", (maxAttempts) => {
    const given = policy({ maxAttempts });
    const delays = Array.from({ length: 25 }, (_, attempt) => retryDelayMs(given, attempt, 0));
    expect(delays.findIndex((delay) => delay === null)).toBe(maxAttempts - 1);
    expect(delays.slice(maxAttempts - 1).every((delay) => delay === null)).toBe(true);
  });

  test.each<[Parameters<typeof retryPolicy>[0], number]>([
    [0, 1],
    [1, 2],
    [20, 21],
    [{ attempts: 1 }, 1],
    [{ attempts: 21 }, 21],
    [undefined, 3],
    [{ backoff: "inngest" }, 5],
  ])("retries %j makes %d tries: a number counts retries, `attempts` counts tries", (retries, tries) => {
    const given = retryPolicy(retries, "retries");
    expect(retryDelayMs(given, tries - 1, 0)).toBeNull();
    if (tries > 1) expect(retryDelayMs(given, tries - 2, 0)).not.toBeNull();
  });
});

describe("jitter", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const attempt = fc.integer({ min: 0, max: 19 });

  test("ours lengthens a wait by up to a quarter, never past maxDelay", () => {
    const backoff = fc.constantFrom("exponential", "linear", "fixed");
    fc.assert(
      fc.property(random, attempt, backoff, fc.integer({ min: 1, max: 1e7 }), (r, n, kind, maxDelayMs) => {
        const plain = retryDelayMs(policy({ backoff: kind, maxDelayMs }), n, r) ?? Number.NaN;
        const delay = retryDelayMs(policy({ backoff: kind, maxDelayMs, jitter: true }), n, r) ?? Number.NaN;
        expect(delay).toBeGreaterThanOrEqual(plain);
        expect(delay).toBeLessThanOrEqual(Math.min(plain * 1.25, maxDelayMs));
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });

  test("[§4] inngest's adds 0 to 30 seconds", () => {
    fc.assert(
      fc.property(random, attempt, (r, n) => {
        const table = policy({ ...INNGEST_RETRY_POLICY, maxAttempts: 21, jitter: false });
        const plain = retryDelayMs(table, n, r) ?? Number.NaN;
        const delay = retryDelayMs({ ...table, jitter: true }, n, r) ?? Number.NaN;
        expect(delay - plain).toBeGreaterThanOrEqual(0);
        expect(delay - plain).toBeLessThan(30_000);
      }),
    );
  });
});

describe("[§4] retry-after", () => {
  test.each<[string, number]>([
    ["30", 30_000],
    ["1", 1000],
    [" 45 ", 45_000],
    ["0", 1000], // clamped to 1 s
    ["-5", 1000],
    ["9999999", DAY], // clamped to 24 h
    ["86400", DAY],
    [new Date(NOW + 60_000).toISOString(), 60_000],
    [new Date(NOW + 60_000).toUTCString(), 60_000],
    [new Date(NOW - 60_000).toISOString(), 1000],
    [new Date(NOW + 40 * DAY).toISOString(), DAY],
  ])("%j waits %d ms", (value, ms) => {
    expect(retryAfterAt(value, NOW)).toBe(NOW + ms);
  });

  test.each([undefined, "", "   ", "soon", "in a while", "NaN", "Infinity", "12345678901234567890", "{}"])(
    "%j cannot be read and asks for nothing",
    (value) => {
      const at = retryAfterAt(value, NOW);
      expect(at).toBeUndefined();
    },
  );

  test("whatever is sent, the answer is nothing or an instant from 1 s to 24 h ahead", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.date().map(String)), (value) => {
        const at = retryAfterAt(value, NOW);
        if (at === undefined) return;
        expect(at).toBeGreaterThanOrEqual(NOW + 1000);
        expect(at).toBeLessThanOrEqual(NOW + DAY);
      }),
    );
  });
});
