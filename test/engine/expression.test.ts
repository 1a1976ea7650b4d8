import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkExpressions,
  compile,
  ExpressionError,
  matches,
  matchExpression,
  prepareWait,
  termKey,
  termsOf,
  waitMatches,
  type EventValue,
} from "../../src/engine/expression.ts";

const NOW = Date.parse("2026-01-02T00:00:00Z");

const event: EventValue = {
  name: "shop/order.created",
  id: "01JG",
  ts: 1_760_000_000_000,
  v: "1",
  user: { email: "ada@example.com" },
  meta: { sessions: ["s1"] },
  data: {
    n: 1,
    half: 0.5,
    minus: -3,
    text: "hi",
    price: 9.1,
    yes: true,
    no: false,
    empty: "",
    nothing: null,
    tags: ["a", "b", "c"],
    nums: [1, 2, 3],
    items: [
      { sku: "x", qty: 1 },
      { sku: "y", qty: 20 },
    ],
    nested: { a: { b: "deep" } },
    same: { b: 1, a: [1, { c: null }] },
    also: { a: [1, { c: null }], b: 1 },
    "order-id": "o-1",
    encoded: "eyJuZXN0ZWQiOnsiZGF0YSI6InllYSJ9fQ==",
    due: "2026-01-03T00:00:00Z",
    accented: "äöü😀",
  },
};

const evaluate = (source: string): unknown =>
  compile(source).evaluate({ event, async: { name: "x", data: { n: 1, text: "hi" } }, now: NOW });

/** One test per line, titled by the line. */
function table(title: string, rows: readonly (readonly [source: string, value: unknown])[]): void {
  describe(title, () => {
    test.each(rows)("%s → %j", (source, value) => expect(evaluate(source)).toEqual(value));
  });
}

table("[features §4] a missing attribute is null, at any depth", [
  ["event.data.missing == null", true],
  ["event.data.missing.deeper.still == null", true],
  ["event.data.text.length == null", true],
  ["event.data.tags.length == null", true],
  ["event.data.nothing == null", true],
  ["event.data.text == null", false],
  ['event.data.missing == "x"', false],
  ["event.data.missing == 0", false],
  ['event.data.missing == ""', false],
  ['event.data.missing != "x"', true],
  ["event.data.missing != null", false],
  ["event.data.missing", null],
  ["event.data.tags[7] == null", true],
  ["event.data.tags[-1] == null", true],
  ['event.data.tags["0"] == null', true],
  ["event.data[null] == null", true],
  ["vars.anything == null", true],
  ["!event.data.missing", true],
  ["size(event.data.missing)", 0],
  ['event.data.missing.contains("x")', false],
  ['event.data.missing.matches(".*")', false],
  ['event.data.missing.exists(x, x == "a")', false],
  ["event.data.missing.map(x, x)", []],
  ['"a" in event.data.missing', false],
  ["event.data.missing in [1, 2]", false],
]);

table("[features §4] ordering with null uses the zero value of the other type", [
  ["null > 0", false],
  ["null <= 0", true],
  ["null < 0.5", true],
  ["null < uint(5)", true],
  ["5 > event.data.missing", true],
  ["event.data.minus < null", true],
  ['null < "foo"', true],
  ['"foo" < null', false],
  ["null < true", true],
  ["null < null", false],
  ["event.data.nothing >= 1", false],
]);

table("[features §4] int and double compare, in any order", [
  ["event.data.n == 1", true],
  ["event.data.n == 1.0", true],
  ["event.data.n == 1u", true],
  ["event.data.n < 2", true],
  ["event.data.half < 1", true],
  ["1 > event.data.half", true],
  ["event.data.price >= 9.1", true],
  ["event.ts > 1700000000000", true],
  ["1 in [1.0]", true],
  ["event.data.n in [1, 2]", true],
  ["9007199254740993 == 9007199254740992.0", false],
]);

table("[features §4] comparisons are untyped", [
  ['event.data.n == "1"', false],
  ['event.data.n != "1"', true],
  ['event.data.text == ["hi"]', false],
  ["event.data.yes == 1", false],
  ["event.data.text < 5 || event.data.text >= 5", false],
  ["event.data.tags < event.data.nested", false],
  ["event.data.same == event.data.also", true],
  ["event.data.tags == ['a', 'b', 'c']", true],
  ["event.data.nested == {'a': {'b': 'deep'}}", true],
  ["event.data.nested != {'a': {'b': 'other'}}", true],
  ["[1, 2] == [1.0, 2.0]", true],
  ['"a" < "b" && true > false', true],
]);

table("[features §4] + concatenates different types, and null adds nothing", [
  ["event.data.text + '-' + event.data.price + '-' + event.data.yes + '-' + event.data.missing", "hi-9.1-true-"],
  ["event.data.missing + event.data.text", "hi"],
  ["event.data.missing + 5", 5],
  ["event.data.missing + event.data.gone", null],
  ["5 + 4", 9],
  ["event.data.n + 1", 2],
  ["event.data.half + 1", 1.5],
  ["1 + 'a'", "1a"],
  ["[1] + ['a']", [1, "a"]],
  ["'tags: ' + event.data.tags", 'tags: ["a","b","c"]'],
]);

table("arithmetic: integers stay integers", [
  ["7 / 2", 3],
  ["-7 / 2", -3],
  ["7 / 2.0", 3.5],
  ["7 % 3", 1],
  ["event.data.nums[1] * 3", 6],
  ["int(7.9) / 2", 3],
  ["-event.data.n", -1],
  ["2 - 3", -1],
]);

table("[features §4] || and && are always bool; ternary gives defaults", [
  ["event.data.text || false", true],
  ["event.data.missing || event.data.empty", false],
  ["event.data.text && event.data.yes", true],
  ["event.data.yes && event.data.no", false],
  ["true || 1 / 0 > 1", true],
  ["1 / 0 > 1 || true", true],
  ["false && int('x') == 1", false],
  ["int('x') == 1 && false", false],
  ["!(event.data.n == 1)", false],
  ["event.data.missing != null ? event.data.missing : 'default'", "default"],
  ["event.data.yes ? 'a' : 'b'", "a"],
]);

table("indexing, in, lists and maps", [
  ['event["data"]["order-id"]', "o-1"],
  ["event.data.tags[0]", "a"],
  ["event.data.nums[event.data.n]", 2],
  ["event.data.items[1].qty", 20],
  ["'a' in event.data.tags", true],
  ["'text' in event.data", true],
  ["'toString' in event.data", false],
  ["event.user.email.endsWith('.com')", true],
  ["{'a': 1, 'b': [2]}.b[0]", 2],
  ["[1, 'two', null, 3u]", [1, "two", null, 3]],
]);

table("[features §4] macros", [
  ["has(event.data.text)", true],
  ["has(event.data.nothing)", true],
  ["has(event.data.missing)", false],
  ["has(event.data.missing.deeper)", false],
  ['has(event.data["order-id"])', true],
  ["event.data.nums.all(x, x > 0)", true],
  ["event.data.nums.all(x, x > 1)", false],
  ["event.data.tags.exists(x, x == 'd' || x == 'a')", true],
  ["event.data.items.exists(i, i.sku == 'y' && i.qty > 10)", true],
  ["event.data.nums.exists_one(x, x > 2)", true],
  ["event.data.nums.exists_one(x, x > 1)", false],
  ["event.data.nums.map(x, x * 2)", [2, 4, 6]],
  ["event.data.nums.map(x, x > 1, x * 2)", [4, 6]],
  ["event.data.nums.filter(x, x != 2)", [1, 3]],
  ["event.data.nested.all(key, key == 'a')", true],
  ["event.data.nums.exists(x, event.data.nums.all(y, y <= x))", true],
  ["['x', 5].exists(x, int(x) == 5)", true],
  ["[1].map(event, event + 1)", [2]],
]);

table("[features §4] functions", [
  ["lowercase('ÄB')", "äb"],
  ["uppercase(event.data.text)", "HI"],
  ["lowercase(event.data.missing)", ""],
  ["b64decode('aGkgdGhlcmUh') + '!'", "hi there!!"],
  ["json_parse(b64decode(event.data.encoded)).nested.data", "yea"],
  ["json_parse('[1, {\"a\": 2}]')[1].a == 2", true],
  ["size('äöü😀')", 4],
  ["event.data.accented.size()", 4],
  ["size(event.data.tags) == 3", true],
  ["event.data.nested.size()", 1],
  ["'hello'.contains('llo')", true],
  ["'hello'.contains('what')", false],
  ["'hello'.startsWith('he') && !'hello'.endsWith('he')", true],
  ["event.data.text.matches('^[a-z\\\\d]{0,10}$')", true],
  ["'Order 17'.matches('(?i)order \\\\d+')", true],
  ["'a-b'.matches(r'^(\\w+)-(x|b)?$')", true],
  ["int('42') + int(1.9) + int(-1.9)", 42],
  ["uint(7)", 7],
  ["double('1.5') * 2", 3],
  ["string(1) + string(1.5) + string(true) + string(event.data.missing)", "11.5true"],
  ["string(9007199254740993)", "9007199254740993"],
]);

table("time is an argument of the evaluation", [
  ["now()", "2026-01-02T00:00:00.000Z"],
  ["now_plus('1h30m')", "2026-01-02T01:30:00.000Z"],
  ["now_minus('1d')", "2026-01-01T00:00:00.000Z"],
  ["date(event.data.due) > now_plus('23h')", true],
  ["date(event.data.due) > now_plus('25h')", false],
  ["date('2026-01-02') == now()", true],
  ["date('2026-01-02T00:00:00') == now()", true],
  ["date('2026-01-02T01:00:00+01:00') == now()", true],
  ["date(1767312000) == now()", true],
  ["date(1767312000000) == now()", true],
  ["int(date(1767312000000))", 1_767_312_000],
  ["'at ' + now()", "at 2026-01-02T00:00:00.000Z"],
  ["now() == 1767312000000", false],
]);

describe("evaluation errors", () => {
  test.each([
    "1 / 0",
    "1.0 / 0.0",
    "9223372036854775807 + 1",
    "event.data.text * 2",
    "-event.data.text",
    "int('1.5')",
    "int(event.data.missing)",
    "uint(-1)",
    "double('')",
    "date('tomorrow')",
    "date(5)",
    "now_plus('soon')",
    "now_plus('99999999w') > now()",
    "json_parse('{')",
    "b64decode('*')",
    "lowercase(5)",
    "event.data.n.contains('1')",
    "event.data.text.all(x, true)",
    "event.data.text.matches(event.data.text + '(')",
  ])("%s has no value, and is no match", (source) => {
    expect(() => evaluate(source)).toThrow(ExpressionError);
    expect(matches(`${source} == null || true`, { event, now: NOW })).toBe(true); // `||` may hide it
    expect(matches(`${source} != null`, { event, now: NOW })).toBe(false);
  });

  test("now() without a time", () => {
    expect(() => compile("now()").evaluate({ event })).toThrow("needs the current time");
    expect(matches("now() == now()", { event })).toBe(false);
  });

  test("[features §4] only the bool true is a match", () => {
    expect(matches("event.data.text", { event })).toBe(false);
    expect(matches("1", { event })).toBe(false);
    expect(matches("event.data.yes", { event })).toBe(true);
  });
});

describe("what does not compile", () => {
  test.each([
    ["", /does not parse at character 1/],
    ["event.data.a ==", /does not parse at character 16/],
    ["event.data.a = 1", /does not parse/],
    ["event.data.a == 'x", /does not parse/],
    ["evnt.data.a == 1", /unknown variable "evnt" .* at character 1$/],
    ["event.data.tags.exists(x, y == 1)", /unknown variable "y"/],
    ["event.data.tags.exists(x, true) && x", /unknown variable "x"/],
    ["cel.bind(a, 1, a)", /calls "bind"/],
    ["sleep(5)", /calls "sleep", which does not exist or takes other arguments, at character 1/],
    ["constructor('x')", /calls "constructor"/],
    ["lowercase()", /calls "lowercase"/],
    ["event.data.text.lowercase()", /calls "lowercase"/],
    ["event.data.text.contains()", /calls "contains"/],
    ["event.data.nums.map(x)", /calls "map"/],
    ["has(event)", /calls "has"/],
    ["event.data.nums.all(1, true)", /does not parse/],
    ["event.?data", /does not parse/],
    ["b'bytes' == event", /bytes literal/],
    ["'a'.matches('(')", /unusable pattern/],
    [`'a'.matches('${"a".repeat(257)}')`, /longer than 256/],
    [`event.data.x == '${"x".repeat(8 * 1024)}'`, /longer than 8192/],
  ])("%s", (source, message) => {
    expect(() => compile(source)).toThrow(message);
    expect(() => matches(source, { event })).toThrow(ExpressionError);
  });

  test("the error names its code and quotes the source, clipped", () => {
    const source = `nope == '${"x".repeat(1_000)}'`;
    const error = (() => {
      try {
        return compile(source);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code: "expression_invalid", source, name: "ExpressionError" });
    expect(String(error)).toContain(`\`${source.slice(0, 200)}…\``);
    expect(String(error).length).toBeLessThan(400);
  });

  test.each([
    ["(a+)+$"],
    ["(a|aa)+$"],
    ["(a?){50}"],
    ["((a|b)c)*"],
    ["(.*)*x"],
    ["(a)\\\\1"],
    ["(?=a)"],
    ["(?<!a)b"],
    ["(?<n>a)"],
    ["a{1000}"],
  ])("the pattern %s, which could backtrack without bound or is not RE2's", (pattern) => {
    expect(() => compile(`event.data.text.matches('${pattern}')`)).toThrow(/unusable pattern/);
  });
});

describe("hostile input", () => {
  const megabytes = "a".repeat(3_000_000);
  const list = Array.from({ length: 500_000 }, (_, index) => index);
  const wide = Object.fromEntries(list.map((index) => [`k${index}`, 1]));

  test.each([
    ["parentheses", "(".repeat(4_000) + "1" + ")".repeat(4_000)],
    ["lists", "[".repeat(4_000) + "]".repeat(4_000)],
    ["nots", `${"!".repeat(8_000)}true`],
    ["minuses", `${"-".repeat(8_000)}1`],
    ["a chain of ||", `true${"||true".repeat(1_300)}`],
    ["a chain of fields", `event${".a".repeat(4_000)}`],
    ["ternaries", `${"true?1:".repeat(1_000)}1`],
  ])("%s nested or chained too far do not compile", (_what, source) => {
    expect(() => compile(source)).toThrow(ExpressionError);
  });

  test("what the limits allow also evaluates", () => {
    expect(evaluate(`true${"&&true".repeat(490)}`)).toBe(true);
    expect(evaluate(`${"!".repeat(900)}true`)).toBe(true);
    expect(evaluate(`${"(".repeat(90)}1${")".repeat(90)}`)).toBe(1);
    expect(evaluate(`event${".a".repeat(90)}`)).toBe(null);
    expect(evaluate(`${"[1].all(x, ".repeat(40)}true${")".repeat(40)}`)).toBe(true);
  });

  test("[features §4] only own properties exist", () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(evaluate(`event.data.${key} == null`)).toBe(true);
      expect(evaluate(`event.data.text.${key} == null`)).toBe(true);
      expect(evaluate(`event.data.tags["${key}"] == null`)).toBe(true);
      expect(evaluate(`has(event.data.${key})`)).toBe(false);
    }
    const own = JSON.parse('{"data": {"__proto__": {"admin": true}}}');
    expect(matches("event.data.__proto__.admin", { event: own })).toBe(true);
    expect(matches("event.data.admin == null", { event: own })).toBe(true);
    const wait = prepareWait("event.data.__proto__.admin == async.data.__proto__.admin", own);
    expect(JSON.stringify(wait.event)).toBe('{"data":{"__proto__":{"admin":true}}}');
    expect(Object.getPrototypeOf(wait.event)).toBe(Object.prototype);
    expect(termsOf(own, ["data.__proto__.admin"])).toEqual([termKey("data.__proto__.admin", true)]);
    expect(compile("{'__proto__': {'a': 1}}").evaluate({ event })).toEqual(JSON.parse('{"__proto__": {"a": 1}}'));
  });

  test.each([
    ["event.data.list.all(x, x >= 0)"],
    ["event.data.some.all(x, event.data.some.all(y, event.data.some.all(z, true)))"],
    ["event.data.list.exists(x, false) || true"],
    ["event.data.some.all(x, event.data.text + 'a' != event.data.text)"],
    ["event.data.some.exists(x, lowercase(event.data.text) == 'a')"],
    ["event.data.some.map(x, event.data.text).exists(x, x + event.data.text == 'a')"],
    ["event.data.list == event.data.list"],
    ["event.data.some.exists(x, {} == event.data.wide)"],
    [`string([${"event.data.text,".repeat(50)}]) != null`],
    [`(event.data.text${" + event.data.text".repeat(50)}) != null`],
    ["event.data.some.exists(x, string(event.data.list) == 'x')"],
    ["event.data.text.contains(event.data.half)"],
    ["event.data.text.matches('a*a*b')"],
    ["event.data.text.matches('(ab?)b(?:aaaa){900}c')"],
    ["event.data.text.matches('a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b')"],
    ["event.data.text.matches(event.data.text)"],
    ["[2].map(a, a * a)" + ".map(a, a * a)".repeat(60) + " != null"],
  ])("%s runs out of steps instead of time, and is no match", (source) => {
    const hostile: EventValue = {
      data: { wide, text: megabytes, half: `${megabytes.slice(1_500_000)}b`, list, some: list.slice(0, 5_000) },
    };
    const startedAt = performance.now();
    expect(() => compile(source).evaluate({ event: hostile })).toThrow(ExpressionError);
    expect(matches(source, { event: hostile })).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2_000); // two evaluations of some 100 ms, on any machine
  });

  test("a 3 MB string and a large list are within the budget of one look", () => {
    const large: EventValue = { data: { text: `${megabytes}!`, list } };
    expect(matches("event.data.text.endsWith('!') && event.data.text != 'x'", { event: large })).toBe(true);
    expect(
      matches("event.data.text.contains('0b5cbd55-9ab3-4a49-a1c8-5a4e2e6ef0d4!') == false", { event: large }),
    ).toBe(true);
    const email: EventValue = { data: { email: `${"a".repeat(480)}@example.com` } };
    expect(matches("event.data.email.matches(r'^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$')", { event: email })).toBe(true);
    expect(matches("size(event.data.list) > 0 && event.data.list[499999] == 499999", { event: large })).toBe(true);
    expect(
      matches("event.data.tags.exists(x, x == 'm13999')", {
        event: { data: { tags: list.slice(0, 14_000).map((n) => `m${n}`) } },
      }),
    ).toBe(true);
  });

  test("deeply nested data", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
    expect(
      matches("event.data == async.data", { event: { data: deep }, async: { data: structuredCloneOf(deep) } }),
    ).toBe(false);
    expect(() => compile("event.data").evaluate({ event: { data: deep } })).toThrow(ExpressionError);
  });
});

test("whatever is written, it compiles or is an ExpressionError, and matching never throws", () => {
  const word = fc.constantFrom(
    ..."event async vars .data .n .tags .missing [0] ['n'] ( ) [ ] { } , : ? ! - + * / % == != < >= && || in".split(
      " ",
    ),
    ..."1 0 2.5 3u 'a' null true r'\\d' size( has( int( string( .all(x, .map(x, x .size() .matches( now()".split(" "),
  );
  let compiled = 0;
  fc.assert(
    fc.property(fc.array(word, { maxLength: 9 }), (words) => {
      const source = words.join(" ");
      try {
        compile(source);
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
        return;
      }
      compiled++;
      expect(typeof matches(source, { event, async: event })).toBe("boolean");
      const wait = prepareWait(source, event);
      const isMatch = matches(source, { event, async: event });
      expect(waitMatches(JSON.parse(JSON.stringify(wait)), event)).toBe(isMatch);
    }),
    { numRuns: 20_000, seed: 7 },
  );
  expect(compiled).toBeGreaterThan(300);
});

/** Another object of the same shape, for which identity is no shortcut. */
const structuredCloneOf = (value: object): unknown => ({ ...value });

describe("waits", () => {
  const order: EventValue = {
    name: "order/created",
    ts: 1,
    data: { orderId: "o1", n: 1, flag: false, list: ["a"], gone: null, big: "x".repeat(1_000), "a.b~c": { "d-e": 7 } },
    user: { id: "u1", secret: "s" },
  };

  test("[features §2.3] no expression matches every event", () => {
    const wait = prepareWait(null, order);
    expect(wait).toEqual({ source: null, event: {}, terms: [] });
    expect(waitMatches(wait, { name: "any" })).toBe(true);
  });

  test.each([
    ["event.data.orderId == async.data.orderId", [{ path: "data.orderId", value: "o1" }]],
    ["async.data.orderId == event.data.orderId", [{ path: "data.orderId", value: "o1" }]],
    ["async.data.status == 'paid'", [{ path: "data.status", value: "paid" }]],
    ["-2 == async.data.n", [{ path: "data.n", value: -2 }]],
    [
      "async.data.n == 1.5 && async.data.ok == true",
      [
        { path: "data.n", value: 1.5 },
        { path: "data.ok", value: true },
      ],
    ],
    ["async.data.key == 'k-' + event.data.orderId", [{ path: "data.key", value: "k-o1" }]],
    ['async["data"]["order-id"] == event.data.n', [{ path: "data.order-id", value: 1 }]],
    ['async.data["a.b~c"]["d-e"] == event.data["a.b~c"]["d-e"]', [{ path: "data.a~1b~0c.d-e", value: 7 }]],
    [
      "(async.data.a == 1 && async.data.b == 2) && async.data.c > 3",
      [
        { path: "data.a", value: 1 },
        { path: "data.b", value: 2 },
      ],
    ],
    ["event.data.gone == async.data.gone", []],
    ["event.data.missing == async.data.missing", []],
    ["event.data.list == async.data.list", []],
    ["event.data.big == async.data.big", []],
    ["async.data.a == 1 || async.data.b == 2", []],
    ["!(async.data.a == 1)", []],
    ["async.data.a == async.data.b", []],
    ["async.data.list[0] == 'a'", []],
    ["async == event.data.n", []],
    ["async.data[event.data.orderId] == 1", []],
    ["event.data.orderId == 'o1'", []],
    ["async.data.at == string(now())", []],
    ["async.data.a == int('x')", []],
  ])("terms of %s", (source, terms) => {
    expect(prepareWait(source, order)).toMatchObject({ source, terms });
  });

  test.each([
    ["event.data.orderId == async.data.orderId", { data: { orderId: "o1" } }],
    ["event.data.n > async.data.n && event.user.id == async.user.id", { data: { n: 1 }, user: { id: "u1" } }],
    ["has(event.data.n) && event.data.missing.deep == null", { data: { n: 1 } }],
    ["event.data.list[0] == async.data.x", { data: { list: ["a"] } }],
    ["event.data.list.exists(x, x == async.data.x)", { data: { list: ["a"] } }],
    ['event.data["a.b~c"]["d-e"] == 7', { data: { "a.b~c": { "d-e": 7 } } }],
    ["event.data == async.data", { data: order.data }],
    ["event.data[async.data.key] == 1", { data: order.data }],
    ["event[async.data.key] == 1", order],
    ["event == async", order],
    ["async.data.x == 1", {}],
  ])("%s keeps only what it needs of the event", (source, needed) => {
    expect(prepareWait(source, order).event).toEqual(needed);
  });

  test("a wait matches by the stored part of the event", () => {
    const wait = JSON.parse(
      JSON.stringify(prepareWait("event.data.orderId == async.data.orderId && async.ts > event.ts", order)),
    );
    expect(waitMatches(wait, { ts: 2, data: { orderId: "o1" } })).toBe(true);
    expect(waitMatches(wait, { ts: 0, data: { orderId: "o1" } })).toBe(false);
    expect(waitMatches(wait, { ts: 2, data: { orderId: "o2" } })).toBe(false);
    expect(waitMatches(wait, { ts: 2 })).toBe(false);
  });

  test("the time of the match may be used", () => {
    const wait = prepareWait("date(async.data.due) > now()", order);
    expect(waitMatches(wait, { data: { due: "2026-01-03" } }, NOW)).toBe(true);
    expect(waitMatches(wait, { data: { due: "2026-01-01" } }, NOW)).toBe(false);
    expect(waitMatches(wait, { data: { due: "2026-01-03" } })).toBe(false);
  });

  test("an expression that does not compile is refused when the wait is stored", () => {
    expect(() => prepareWait("async.data.a ==", order)).toThrow(ExpressionError);
  });

  test("keys tell types apart, but not int from double", () => {
    expect(termKey("data.n", 1)).toBe(termKey("data.n", 1.0));
    expect(termKey("data.n", 0)).toBe(termKey("data.n", -0));
    const distinct = [
      termKey("p", 1),
      termKey("p", "1"),
      termKey("p", true),
      termKey("p", "true"),
      termKey("q", 1),
      termKey("p", '1"]'),
    ];
    expect(new Set(distinct).size).toBe(distinct.length);
  });

  test("an event has a key for each path that leads to a scalar", () => {
    expect(
      termsOf(order, ["data.orderId", "data.n", "data.list", "data.gone", "data.none", "data.big", "data.list.0"]),
    ).toEqual([termKey("data.orderId", "o1"), termKey("data.n", 1)]);
  });

  test("`match` compares one path of both events", () => {
    expect(matchExpression("data.orderId")).toBe("event.data.orderId == async.data.orderId");
    expect(matchExpression('data["order-id"]')).toBe('event.data["order-id"] == async.data["order-id"]');
    for (const path of [
      "",
      "data.",
      "data.order-id",
      "data.a || true",
      "data.a == 1",
      "data[0]",
      "data.a.size()",
      ".a",
      "a == async.b //",
    ])
      expect(() => matchExpression(path), path).toThrow(ExpressionError);
  });

  const scalar = fc.oneof(
    fc.constantFrom<unknown>(0, -0, 1, -1, 1.5, 2 ** 53, "", "1", "a", "true", true, false, null),
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const key = fc.constantFrom("a", "b", "c-d", "e.f", "~0", "__proto__", "constructor", "");
  const data = fc.dictionary(
    key,
    fc.oneof({ depthSize: "small" }, scalar, fc.array(scalar), fc.dictionary(key, scalar)),
    {
      noNullPrototype: true,
    },
  );
  const path = fc
    .array(key, { minLength: 1, maxLength: 2 })
    .map((keys) => `data${keys.map((k) => `["${k}"]`).join("")}`);
  const literal = scalar.map((value) => JSON.stringify(value));
  const conjunct = fc.oneof(
    fc.tuple(path, path).map(([left, right]) => `event.${left} == async.${right}`),
    path.map((both) => `async.${both} == event.${both}`),
    fc.tuple(path, literal).map(([left, right]) => `async.${left} == ${right}`),
    fc.tuple(path, literal).map(([left, right]) => `${right} == async.${left}`),
    fc.tuple(path, literal).map(([left, right]) => `(async.${left} != ${right} || async.${left} == ${right})`),
    path.map((both) => `async.${both} == '' + event.${both}`),
  );
  const source = fc.array(conjunct, { minLength: 1, maxLength: 3 }).map((conjuncts) => conjuncts.join(" && "));

  test("the terms are sound: whatever matches is found under each of them, and storing changes no answer", () => {
    let matched = 0;
    fc.assert(
      fc.property(source, data, fc.option(data), (expression, mine, other) => {
        const run = { name: "a", data: mine };
        const incoming = { name: "b", data: other ?? mine }; // half the time the same, so that many match
        const wait = prepareWait(expression, run);
        const stored = JSON.parse(JSON.stringify(wait));
        const isMatch = matches(expression, { event: run, async: incoming });
        expect(waitMatches(stored, incoming)).toBe(isMatch);
        if (!isMatch) return;
        matched++;
        for (const term of wait.terms) expect(termsOf(incoming, [term.path])).toContain(termKey(term.path, term.value));
      }),
      { numRuns: 3_000, seed: 7 },
    );
    expect(matched).toBeGreaterThan(100);
  });
});

describe("[G9] a function with an expression that does not compile is refused, naming function and field", () => {
  const cancelOn = [{ event: "a", expression: "async.data.", timeoutMs: null, cascade: false }];
  test.each<[Parameters<typeof checkExpressions>[1], Parameters<typeof checkExpressions>[2], string]>([
    [[{ event: "a", expression: "event.data." }], undefined, 'triggers: event "a": if: Expression `event.data.`'],
    [[], { priority: "event.data.p +" }, "priority.run: Expression `event.data.p +`"],
    [
      [],
      { singleton: { mode: "skip", key: "evnt.data.id" } },
      "singleton.key: Expression `evnt.data.id` has the unknown",
    ],
    [[], { cancelOn }, 'cancelOn: event "a": if: Expression `async.data.`'],
  ])("%j, %j", (triggers, flow, message) => {
    expect(() => checkExpressions("shop-ship", triggers, flow)).toThrow(`function "shop-ship": ${message}`);
  });

  test("one that can be read passes", () => {
    expect(() => checkExpressions("shop-ship", [{ event: "a", expression: null }], { priority: "1" })).not.toThrow();
  });
});
