import { expect, test } from "vitest";
import { DEFAULT_RETRY_POLICY, INNGEST_RETRY_POLICY } from "../../src/protocol/retry-policy.ts";
import { retryPolicy, type RetryOptions } from "../../src/sdk/retries.ts";

const YEAR_AND_A_DAY_MS = 366 * 86_400_000;

test.each<[unknown, object | string]>([
  // a number counts tries after the first
  [undefined, DEFAULT_RETRY_POLICY],
  [0, { maxAttempts: 1 }],
  [3, { maxAttempts: 4 }],
  [20, { maxAttempts: 21 }],
  [21, "retries: 21 is not a whole number from 0 to 20"],
  [-1, "retries: -1 is not a whole number from 0 to 20"],
  [1.5, "retries: 1.5 is not a whole number from 0 to 20"],
  [Number.NaN, "retries: NaN is not a whole number from 0 to 20"],
  ["3", 'retries: "3" is neither a number nor an object such as { attempts: 5 }'],
  [null, "retries: null is neither a number nor an object such as { attempts: 5 }"],
  [[3], "retries: [3] is neither a number nor an object such as { attempts: 5 }"],
  // attempts counts every try
  [{}, DEFAULT_RETRY_POLICY],
  [{ attempts: 1 }, { maxAttempts: 1 }],
  [{ attempts: 21 }, { maxAttempts: 21 }],
  [{ attempts: 0 }, "retries.attempts: 0 is not a whole number from 1 to 21"],
  [{ attempts: 22 }, "retries.attempts: 22 is not a whole number from 1 to 21"],
  [{ attempts: "5" }, 'retries.attempts: "5" is not a whole number from 1 to 21'],
  [
    { attempts: 5, backoff: "exponential", maxDelay: "1h" },
    { maxAttempts: 5, maxDelayMs: 3_600_000 },
  ],
  // waits
  [
    { backoff: "linear", initialDelay: "500ms" },
    { backoff: "linear", initialDelayMs: 500 },
  ],
  [
    { backoff: "fixed", initialDelay: 0 },
    { backoff: "fixed", initialDelayMs: 0 },
  ],
  [{ backoff: "inngest" }, INNGEST_RETRY_POLICY],
  [
    { backoff: "inngest", attempts: 2, jitter: false },
    { ...INNGEST_RETRY_POLICY, maxAttempts: 2, jitter: false },
  ],
  [{ backoff: "inngest", maxDelay: "1m" }, 'retries: initialDelay and maxDelay do not apply to backoff "inngest"'],
  [{ backoff: "expo" }, 'retries.backoff: "expo" is not one of exponential, linear, fixed, inngest'],
  [{ initialDelay: "soon" }, 'retries.initialDelay: cannot read "soon" as a duration'],
  [{ initialDelay: "2h" }, "retries.initialDelay: 7200000 ms is more than retries.maxDelay, 3600000 ms"],
  [
    { initialDelay: "2h", maxDelay: "2h" },
    { initialDelayMs: 7_200_000, maxDelayMs: 7_200_000 },
  ],
  [{ maxDelay: "366d" }, { maxDelayMs: YEAR_AND_A_DAY_MS }],
  [{ maxDelay: "367d" }, 'retries.maxDelay: "367d" is more than 31622400000 ms (366 days)'],
  [{ jitter: false }, { jitter: false }],
  [{ jitter: "no" }, 'retries.jitter: "no" is not true or false'],
  [{ maxdelay: "1h" }, 'retries: "maxdelay" is not an option; there are attempts, backoff'],
])("retries: %j", (retries, expected) => {
  const read = () => retryPolicy(retries as RetryOptions, "retries");
  if (typeof expected === "string") expect(read).toThrow(expected);
  else expect(read()).toEqual({ ...DEFAULT_RETRY_POLICY, ...expected });
});
