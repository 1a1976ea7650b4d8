import { expect, test } from "vitest";
import type { Reason } from "../../dashboard/src/api/runs.ts";
import { rowWaitText, waitingSentence } from "../../dashboard/src/model/waiting.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const IN_AN_HOUR = "2026-01-31T13:00:00Z";
const AN_HOUR_AGO = "2026-01-31T11:00:00Z";

const cases: [Reason[], string][] = [
  [[], "It is about to go on."],
  [[{ kind: "executing", since: AN_HOUR_AGO }], "Its code is running, for 1 h so far."],
  [
    [
      { kind: "executing", since: AN_HOUR_AGO },
      { kind: "paused", since: AN_HOUR_AGO },
    ],
    "Somebody has paused it, for 1 h so far.",
  ],
  [[{ kind: "sleeping", step: "nap", until: IN_AN_HOUR }], "It sleeps in “nap” for another 1 h."],
  [[{ kind: "sleeping", step: "nap", until: AN_HOUR_AGO }], "It sleeps in “nap” and wakes now."],
  [
    [{ kind: "waiting", step: "boss", until: IN_AN_HOUR, on: { events: ["a/b", "c/d"], if: "async.data.x == 1" } }],
    "It waits in “boss” for the event “a/b” or “c/d” where async.data.x == 1, for 1 h at most.",
  ],
  [
    [{ kind: "invoking", step: "ship", until: IN_AN_HOUR, on: { function: "shop-ship" } }],
    "It waits in “ship” for the function “shop-ship” to end, for 1 h at most.",
  ],
  [
    [{ kind: "signal", step: "go", until: IN_AN_HOUR, on: { signal: "green" } }],
    "It waits in “go” for the signal “green”, for 1 h at most.",
  ],
  [
    [{ kind: "retrying", step: "ask", until: IN_AN_HOUR, error: { name: "Error", message: "closed" } }],
    "The step “ask” failed (closed) and is tried again in 1 h.",
  ],
  [
    [{ kind: "retry", until: IN_AN_HOUR, error: { name: "Error" } }],
    "After an error (Error) it is tried again in 1 h.",
  ],
  [
    [{ kind: "line", since: AN_HOUR_AGO, on: { rule: "concurrency", key: "A", place: 2, held: 1, limit: 1 } }],
    "It is number 2 in the concurrency line of “A”: 1 of 1 are let in, for 1 h so far.",
  ],
  [
    [{ kind: "line", earliest_at: IN_AN_HOUR, on: { rule: "throttle", key: "" } }],
    "It is in the throttle line; its turn comes in 1 h at the earliest.",
  ],
  [[{ kind: "start", until: IN_AN_HOUR }], "It begins in 1 h."],
  [[{ kind: "of a later version", until: IN_AN_HOUR }], "It goes on in 1 h (of a later version)."],
];

test.each(cases)("%j", (reasons, sentence) => {
  expect(waitingSentence(reasons, NOW)).toBe(sentence);
});

test("what holds everything back is said, and the other steps are counted", () => {
  const reasons = [
    { kind: "executing" },
    { kind: "sleeping", step: "nap", until: IN_AN_HOUR },
    { kind: "retrying", step: "ask", until: IN_AN_HOUR },
  ];
  expect(waitingSentence(reasons, NOW)).toBe(
    "The step “ask” failed and is tried again in 1 h; and 1 more step is not done.",
  );
});

test.each([
  ["sleeping", /^sleeping until \S+/],
  ["waiting", /^waiting for an event until /],
  ["signal", /^waiting for a signal until /],
  ["invoking", /^waiting for another function until /],
  ["retry", /^trying again at /],
  ["start", /^beginning at /],
  ["of a later version", /^waiting until /],
])("a row says in few words that a run is %s", (kind, words) => {
  expect(rowWaitText({ kind, until: IN_AN_HOUR }, NOW)).toMatch(words);
});

test("a row says nothing of a time that nobody knows", () => {
  expect(rowWaitText({ kind: "line", until: null }, NOW)).toBe("in line");
});
