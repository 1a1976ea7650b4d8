import { describe, expect, test } from "vitest";
import { INVALID_KEY, keyOf } from "../../src/flow-control/key.ts";
import type { EventValue } from "../../src/protocol/event.ts";

const NOW = Date.UTC(2026, 0, 1);
const event: EventValue = {
  id: "01JG",
  name: "order/created",
  ts: 5,
  user: {},
  data: {
    user: "ada",
    one: 1,
    flag: false,
    where: { city: "Paris", at: { y: [2, null], x: 1 } },
    sameWhere: { at: { x: 1, y: [2, null] }, city: "Paris" },
    half: "\ud800",
    long: "x".repeat(2_000_000),
    longer: `${"x".repeat(2_000_000)}y`,
    empty: "",
  },
};
const key = (expression: string | null, salt?: string) => keyOf(expression, event, NOW, salt);

describe("[§3.3] what a key comes to", () => {
  test.each<[string, string]>([
    ["event.data.user", "ada"],
    ["event.data.user + '/' + event.name", "ada/order/created"],
    ["event.data.one", "1"],
    ["event.data.one == 1", "true"],
    ["event.data.flag", "false"],
    ["event.data.empty", ""],
    ["event.data.missing", "null"], // a missing attribute is null (§4)
    ["event.data.where", '{"at":{"x":1,"y":[2,null]},"city":"Paris"}'],
    ["[event.data.one, event.data.user]", '[1,"ada"]'],
    ["'everybody'", "everybody"],
    ["now()", "2026-01-01T00:00:00.000Z"],
  ])("%s: %s", (expression, shown) => {
    expect(key(expression)).toMatchObject({ shown, isInvalid: false });
  });

  test.each([
    ["an operation that does not apply", "event.data.user - 1"],
    ["a division by zero", "1 / 0"],
    ["a number that is none", "0.0 / 0.0"],
    ["a list with half of a character", "[event.data.half]"],
    ["an expression that an older version took", "event.data."],
  ])("%s has no value, and shares its key with all that have none", (_, expression) => {
    const invalid = key(expression);
    expect(invalid).toMatchObject({ shown: INVALID_KEY, isInvalid: true, isFalse: false });
    expect(invalid.hash).toBe(key("1 / 0").hash);
  });

  test("no key is one for all, and shown as none", () => {
    expect(key(null)).toMatchObject({ shown: null, isFalse: false, isInvalid: false });
    expect(key(null).hash).not.toBe(key("event.data.empty").hash);
  });

  test("only the value false is false, not a text that says so", () => {
    expect(key("event.data.flag").isFalse).toBe(true);
    for (const other of ["'false'", "event.data.missing", "event.data.empty", "0", "1 / 0"])
      expect(key(other).isFalse, other).toBe(false);
  });
});

describe("its hash names the key's object", () => {
  test("and is the same for objects whose members stand in another order", () => {
    expect(key("event.data.where").hash).toBe(key("event.data.sameWhere").hash);
  });

  test("all of a value counts, however long; the name stays short, and so does what is shown", () => {
    const [long, longer] = [key("event.data.long"), key("event.data.longer")];
    expect(long.hash).not.toBe(longer.hash);
    expect(long.hash).toMatch(/^[0-9a-f]{20}$/);
    expect(long.shown).toBe(`${"x".repeat(256)}…`);
  });

  test("values are compared as texts: 1 and '1' are one key", () => {
    expect(key("event.data.one").hash).toBe(key("'1'").hash);
  });

  test("the salt tells apart keys of the same value, also where there is no expression", () => {
    expect(key("event.data.user", "a").hash).not.toBe(key("event.data.user", "b").hash);
    expect(key(null, "a").hash).not.toBe(key(null, "b").hash);
    expect(key("event.data.user", "a").hash).toBe(key("'ada'", "a").hash);
  });
});
