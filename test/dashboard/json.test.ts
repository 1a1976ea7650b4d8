import { describe, expect, test } from "vitest";
import type { Json } from "../../dashboard/src/api/json.ts";
import { entriesOf, foldedText, isOpenAtFirst, jsonText, piecesOf, readJson } from "../../dashboard/src/model/json.ts";
import { sizeText } from "../../dashboard/src/model/size.ts";

test("of a large value only what is asked for is taken", () => {
  const list = Array.from({ length: 100_000 }, (_, i) => i);
  expect(entriesOf(list, 2)).toEqual([
    { label: "0", value: 0 },
    { label: "1", value: 1 },
  ]);
  expect(entriesOf({ a: 1, b: null, c: [] }, 2)).toEqual([
    { label: "a", value: 1 },
    { label: "b", value: null },
  ]);
});

test("a name that is one of JavaScript's own is a name like any other", () => {
  const hostile = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as { [name: string]: Json };
  expect(entriesOf(hostile, 5)).toEqual([
    { label: "__proto__", value: { x: 1 } },
    { label: "constructor", value: 2 },
  ]);
});

test("the outermost is open, what is deep or long is folded", () => {
  expect(isOpenAtFirst(Array(50).fill(0), 0)).toBe(true);
  expect(isOpenAtFirst(Array(12).fill(0), 1)).toBe(true);
  expect(isOpenAtFirst(Array(13).fill(0), 1)).toBe(false);
  expect(isOpenAtFirst([0], 2)).toBe(false);
});

test.each<[Json[] | { [name: string]: Json }, string]>([
  [[], "[]"],
  [{}, "{}"],
  [[0], "[ 1 item ]"],
  [{ a: 1, b: 2 }, "{ 2 fields }"],
])("%j folded reads %j", (value, text) => {
  expect(foldedText(value)).toBe(text);
});

test("a long text is laid out in pieces that are the text", () => {
  const text = "x".repeat(9_001);
  expect(piecesOf(text).map((piece) => piece.length)).toEqual([4_000, 4_000, 1_001]);
  expect(piecesOf(text).join("")).toBe(text);
});

describe("text", () => {
  test("that was typed is JSON, or says where it is not", () => {
    expect(readJson(' {"a":1} ')).toEqual({ a: 1 });
    expect(() => readJson("  ")).toThrow("There is nothing here: it must be JSON");
    expect(() => readJson("{a}")).toThrow(/position 1|JSON/);
  });

  test("for the clipboard is indented", () => {
    expect(jsonText({ a: 1 })).toBe('{\n  "a": 1\n}');
  });
});

test.each([
  [830, "830 B"],
  [4_100, "4.1 KB"],
  [3_000_000, "3.0 MB"],
])("%d bytes read %j", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
