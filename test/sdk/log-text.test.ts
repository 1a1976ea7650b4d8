import { describe, expect, test } from "vitest";
import { logText } from "../../src/sdk/log-text.ts";

class Order {
  readonly id = 7;
}

const cycle: Record<string, unknown> = { name: "cycle" };
cycle.self = cycle;

const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error("no");
    },
    ownKeys: () => {
      throw new Error("no");
    },
  },
);

test.each<[string, unknown[], string]>([
  ["nothing", [], ""],
  ["a text", ["hello"], "hello"],
  ["texts and numbers", ["a", 1, true, null, undefined], "a 1 true null undefined"],
  ["an object", ["order", { id: 7, items: ["a", 2] }], 'order {"id":7,"items":["a",2]}'],
  ["what JSON does not have", [10n, Symbol("s"), Number.NaN, -0], "10n Symbol(s) NaN 0"],
  ["in an object, too", [{ big: 10n, none: undefined, not: Number.NaN }], '{"big":10n,"none":undefined,"not":NaN}'],
  ["a function", [function charge() {}, () => 1], "[function charge] [function ]"],
  ["a date", [new Date(0)], '"1970-01-01T00:00:00.000Z"'],
  ["an object of a class", [new Order()], 'Order {"id":7}'],
  ["an object without prototype", [Object.assign(Object.create(null), { a: 1 })], '{"a":1}'],
  ["a map and a set", [new Map([["a", 1]]), new Set([1, 2])], 'Map {"a" => 1} Set {1,2}'],
  ["bytes", [new Uint8Array(12)], "[Uint8Array of 12 bytes]"],
  ["a cycle", [cycle], '{"name":"cycle","self":[circular]}'],
  ["the same twice, which is no cycle", [[cycle.name, [1], [1]]], '["cycle",[1],[1]]'],
  ["what throws when it is looked at", ["before", hostile, "after"], "before {[cannot be shown] after"],
  [
    "a getter that throws",
    [Object.defineProperty({}, "a", { enumerable: true, get: () => hostile.toString() })],
    '{"a":[cannot be shown]}',
  ],
  ["a toJSON of its own", [{ toJSON: () => ({ shown: 1 }) }], '{"shown":1}'],
  ["deep objects", [[[[[[[["deep"]]]]]]]], "[[[[[[[…]]]]]]]"],
  [
    "a message with places",
    ["%s has %d of %i, %j %%", "ann", "2.5", 3.7, { a: 1 }, "more"],
    'ann has 2.5 of 3, {"a":1} % more',
  ],
  ["a style", ["%cred", "color: red"], "red"],
  ["more places than values", ["%s and %s", "a"], "a and %s"],
  ["a percent sign alone", ["100% of", 3], "100% of 3"],
  ["a symbol and an object for a number", ["%d %d", Symbol("s"), {}], "NaN NaN"],
  ["fields first, as Pino has them", [{ orderId: 7 }, "charged %s", "twice"], 'charged twice {"orderId":7}'],
])("%s", (_, args, text) => {
  expect(logText(args)).toBe(text);
});

describe("an error", () => {
  test("is its stack, and what it was caused by", () => {
    const cause = new TypeError("no network");
    const error = new Error("not charged", { cause });
    expect(logText(["failed", error])).toBe(`failed ${error.stack}\ncaused by: ${cause.stack}`);
  });

  test("without a stack is its name and message; one that is caused by itself ends", () => {
    const error = new RangeError("too far");
    error.stack = "";
    error.cause = error;
    expect(logText([error])).toBe("RangeError: too far\ncaused by: [circular]");
    expect(logText([{ error }])).toBe('{"error":RangeError: too far\ncaused by: [circular]}');
  });
});

describe("no more is looked at than a line may hold", () => {
  test.each<[string, unknown]>([
    ["a text of 3 MB", "x".repeat(3_000_000)],
    ["a list of a billion places", Object.assign([], { length: 1_000_000_000 })],
    [
      "an object with as many members as one asks for",
      { [Symbol.iterator]: 1, list: Array.from({ length: 1e6 }, (_, i) => i) },
    ],
    [
      "an endless set",
      new (class extends Set {
        override *[Symbol.iterator]() {
          for (;;) yield 1;
        }
      })(),
    ],
  ])("%s", (_, value) => {
    const text = logText([value, value]);
    expect(text.length).toBeGreaterThan(4096);
    expect(text.length).toBeLessThan(8300);
  });
});
