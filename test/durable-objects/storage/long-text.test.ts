import fc from "fast-check";
import { expect, test } from "vitest";
import { textParts } from "../../../src/durable-objects/storage/long-text.ts";
import { SQL_VALUE_MAX_BYTES } from "../../../src/protocol/limits.ts";

test("the parts are the text again, and each survives UTF-8 by itself", () => {
  const unit = fc.constantFrom("a", "é", "漢", "😀", "\u0000");
  const text = fc.array(unit, { maxLength: 60 }).map((units) => units.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 9 }), (whole, units) => {
      const parts = textParts(whole, units);
      expect(parts.join("")).toBe(whole);
      for (const part of parts) {
        expect(part.length).toBeLessThanOrEqual(units);
        expect(part.isWellFormed()).toBe(true);
        if (whole !== "") expect(part).not.toBe("");
      }
    }),
  );
});

test.each([
  ["ASCII", "x"],
  ["two bytes", "é"],
  ["three bytes", "漢"],
  ["surrogate pairs", "😀"],
])("[design §9] a part of %s fits a SQLite value", (_, character) => {
  const parts = textParts(character.repeat((4 * 1024 * 1024) / character.length));
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(SQL_VALUE_MAX_BYTES);
});

test("a short text is one part, an empty one too", () => {
  expect([textParts("abc", 3), textParts("", 3)]).toEqual([["abc"], [""]]);
});
