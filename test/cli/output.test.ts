import { expect, test, vi } from "vitest";
import { cut, plain, printJson, printTable } from "../../src/cli/output.ts";
import { waitingSentence } from "../../src/cli/waiting.ts";

/** What is printed meanwhile. */
function printed(act: () => void): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    act();
    return write.mock.calls.map(([text]) => String(text)).join("");
  } finally {
    write.mockRestore();
  }
}

test("a text of users cannot move the cursor, colour a terminal or turn its writing around", () => {
  expect(plain("\u001b[2Ja\u009b31m\r\u202eb\n\tc")).toBe(String.raw`\u001b[2Ja\u009b31m\u000d\u202eb⏎ c`);
});

test("JSON is as it was, and control characters that it allows are escaped", () => {
  const value = { name: "\u009b31m \u202e ü" };
  const text = printed(() => printJson(value));
  expect(text).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(JSON.parse(text)).toEqual(value);
});

test("columns stand under their names, and long values are cut", () => {
  const text = printed(() =>
    printTable(
      ["A", "LONGER"],
      [
        ["first", cut("x".repeat(80))],
        ["2", ""],
      ],
    ),
  );
  expect(text).toBe(`A      LONGER\nfirst  ${"x".repeat(59)}…\n2\n`);
});

test.each([
  [[], null],
  [[{ kind: "executing" }], "its code is running"],
  [[{ kind: "sleeping", step: "nap", until: "2026-01-01T00:01:00Z" }], 'sleeps in "nap" for another 1 min'],
  [
    [
      { kind: "sleeping", step: "nap" },
      { kind: "waiting", step: "paid", on: { events: ["order/paid"] }, until: "2026-01-01T01:00:00Z" },
    ],
    'waits in "paid" for order/paid, 1 h at most; and 1 more',
  ],
  [
    [{ kind: "line", on: { rule: "concurrency", key: "u1", place: 3 } }],
    'stands in the concurrency line of "u1" at place 3',
  ],
  [
    [{ kind: "retrying", step: "pay", until: "2026-01-01T00:00:30Z", error: { message: "no money" } }],
    'step "pay" is tried again in 30 s after "no money"',
  ],
])("%j reads as %j", (reasons, sentence) => {
  expect(waitingSentence(reasons, Date.parse("2026-01-01T00:00:00Z"))).toBe(sentence);
});
