import fc from "fast-check";
import SuperJSON from "superjson";
import { describe, expect, test } from "vitest";
import { superjson } from "../../src/sdk/superjson.ts";

const codec = superjson();
const overTheWire = (value: unknown) => codec.decode(JSON.parse(JSON.stringify(codec.encode(value) ?? null)));

test.each([
  ["a date", new Date(5)],
  ["a map of sets", new Map([["a", new Set([1, 2])]])],
  ["a bigint", 2n ** 70n],
  ["undefined", undefined],
  ["not a number", Number.NaN],
  ["a URL", new URL("https://example.com/a")],
  ["dates deep inside", { a: [{ at: new Date(5) }], b: 1 }],
  ["a list of dates", [new Date(1), null]],
])("%s comes back as it was", (_, value) => {
  expect(overTheWire(value)).toEqual(value);
});

test("what JSON carries is stored as it is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(!/"(?:prototype|constructor|__proto__)"/.test(JSON.stringify(value))); // superjson refuses them
      expect(overTheWire(value)).toEqual(value);
    }),
  );
  expect(codec.encode({ a: 1, b: ["x"] })).toEqual({ a: 1, b: ["x"] });
});

test("keys that could change a prototype are refused by name", () => {
  expect(() => codec.encode({ a: { prototype: 1 } })).toThrow("prototype");
});

test("an object's fields stay where expressions look for them", () => {
  expect(codec.encode({ orderId: "o1", at: new Date(0) })).toMatchObject({
    orderId: "o1",
    at: "1970-01-01T00:00:00.000Z",
  });
});

describe("data that looks like ours", () => {
  test.each([
    [{ "~superjson": { values: {} } }],
    [{ "~value": new Date(3) }],
    [{ "~superjson": 1, at: new Date(3) }],
    [{ "~value": { "~superjson": {} } }],
  ])("is not taken for it: %j", (value) => {
    expect(overTheWire(value)).toEqual(value);
  });
});

test("what was stored is not changed by reading it", () => {
  const stored = JSON.parse(JSON.stringify(codec.encode({ at: new Date(0), list: [new Date(1)] })));
  const before = structuredClone(stored);
  codec.decode(stored);
  expect(stored).toEqual(before);
});

test("classes registered with an instance of superjson", () => {
  class Money {
    cents = 5;
  }
  const instance = new SuperJSON();
  instance.registerClass(Money);
  const own = superjson(instance);
  expect(own.decode(JSON.parse(JSON.stringify(own.encode({ price: new Money() }))))).toEqual({ price: new Money() });
});
