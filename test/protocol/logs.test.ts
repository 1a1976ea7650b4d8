import { describe, expect, test } from "vitest";
import { LogLines, readLogs, type LogLine } from "../../src/protocol/logs.ts";

const AT = Date.UTC(2026, 0, 1);
const line = (text: string, more: Partial<LogLine> = {}): LogLine => ({ at: AT, level: "info", text, ...more });

/** What is kept of lines that are logged one after the other. */
function kept(texts: string[]) {
  const lines = new LogLines();
  for (const text of texts) lines.add("info", AT, () => text);
  return lines.take();
}

describe("of what is logged at a time", () => {
  test("a text of up to 4 KB is kept whole, a longer one is cut between two characters", () => {
    expect(kept(["a".repeat(4096)])).toEqual({ lines: [line("a".repeat(4096))], dropped: 0 });
    expect(kept(["a".repeat(4097)])).toEqual({ lines: [line("a".repeat(4096), { isCut: true })], dropped: 0 });
    expect(kept([`a${"😀".repeat(2000)}`])?.lines).toEqual([line(`a${"😀".repeat(1023)}`, { isCut: true })]);
  });

  test("a hundred lines are kept, the first ones; the others are counted, and nobody asks for their text", () => {
    const lines = new LogLines();
    let asked = 0;
    for (let i = 0; i < 250; i++) lines.add("warn", AT, () => `${asked++}`);
    const batch = lines.take();
    expect([batch?.lines.length, batch?.lines.at(-1)?.text, batch?.dropped]).toEqual([100, "99", 150]);
    expect(asked).toBe(101); // by the one that did not fit it is known
  });

  test("32 KB are kept, as JSON has them: a line after one that did not fit is dropped, too", () => {
    const batch = kept([...Array.from({ length: 20 }, () => "\u0000".repeat(500)), "short"]);
    expect([batch?.lines.length, batch?.dropped]).toEqual([10, 11]);
  });

  test("once they are taken there is room again", () => {
    const lines = new LogLines();
    expect(lines.take()).toBeUndefined();
    for (let i = 0; i < 101; i++) lines.add("info", AT, () => "a");
    expect(lines.take()?.dropped).toBe(1);
    lines.add("info", AT, () => "b");
    expect([lines.take(), lines.take()]).toEqual([{ lines: [line("b")], dropped: 0 }, undefined]);
  });
});

describe("what an app tells", () => {
  test.each([
    ["nothing", undefined, undefined],
    ["null", null, undefined],
    ["a text", "lines", undefined],
    ["a list", [line("a")], undefined],
    ["no lines", { lines: [], dropped: 0 }, undefined],
    ["lines", { lines: [line("a")], dropped: 2 }, { lines: [line("a")], dropped: 2 }],
    ["only that there were some", { lines: [], dropped: 7 }, { lines: [], dropped: 7 }],
    ["a part of its call", { lines: [line("a")], part: 3 }, { lines: [line("a")], dropped: 0, part: 3 }],
    [
      "a line that is cut",
      { lines: [line("a", { isCut: true })] },
      { lines: [line("a", { isCut: true })], dropped: 0 },
    ],
    [
      "a level that is none",
      { lines: [{ ...line("a"), level: "loud" }, line("b")] },
      { lines: [line("b")], dropped: 0 },
    ],
    ["a time that is none", { lines: [{ ...line("a"), at: 9e15 }] }, undefined],
    ["a text that is none", { lines: [{ ...line("a"), text: { toString: 1 } }, null, 4] }, undefined],
    [
      "counts that are none",
      { lines: [line("a")], dropped: -1, part: 1.5 },
      { lines: [line("a")], dropped: 0, part: 0 },
    ],
    ["other fields", { lines: [{ ...line("a"), more: 1 }], more: 1 }, { lines: [line("a")], dropped: 0 }],
  ])("%s is read", (_, told, read) => {
    expect(readLogs(told)).toEqual(read);
  });

  test("what is over the bounds is cut and counted as in the app itself", () => {
    const lines = Array.from({ length: 150 }, (_, i) => line(`${i}`.repeat(3000)));
    const read = readLogs({ lines, dropped: 5 });
    expect([read!.lines.length + read!.dropped, read!.lines[20]?.isCut]).toEqual([155, undefined]);
    expect(JSON.stringify(read).length).toBeLessThan(34_000);
  });
});
