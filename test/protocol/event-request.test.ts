import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventError, readEvents, readSeed } from "../../src/protocol/event-request.ts";
import { isUlid, ulidParts } from "../../src/protocol/ids.ts";
import { EVENT_MAX_BYTES } from "../../src/protocol/limits.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SEED = { timeMs: NOW, entropy: Uint8Array.from([1, 2, 3, 4, 5, 6, 0, 0, 0, 0]) };
const read = (body: unknown) => readEvents(typeof body === "string" ? body : JSON.stringify(body), SEED, NOW);

/** The error of a request that must be refused. */
function refusal(body: unknown): string {
  try {
    read(body);
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    expect(error.code).toBe("event_invalid");
    return error.message;
  }
  throw new Error("it was accepted");
}

describe("[§1.1] an accepted event", () => {
  test("name alone is enough: the rest has its defaults", () => {
    const [record] = read({ name: "order/created" });
    expect(record).toEqual({
      internalId: expect.stringMatching(/^[0-9A-Z]{26}$/),
      userId: undefined,
      event: { id: record?.internalId, name: "order/created", data: {}, user: {}, ts: NOW },
    });
  });

  test("every field it may have", () => {
    const event = {
      name: "a",
      id: "mine",
      ts: NOW + 5,
      v: "2",
      data: { deep: [1, null, { x: "é" }] },
      user: { id: 1 },
      meta: { sessions: { conversation: "7" } },
    };
    expect(read(event)).toEqual([{ internalId: expect.any(String), userId: "mine", event }]);
  });

  test.each<[string, object, object]>([
    [
      "null fields are absent ones",
      { data: null, id: null, ts: null, v: null, user: null, meta: null },
      { data: {}, ts: NOW },
    ],
    ["ts 0 is receipt time", { ts: 0 }, { ts: NOW }],
    [
      "sessions are merged",
      { meta: { sessions: { a: 1 }, propagated_sessions: { a: "2", b: "3" } } },
      { meta: { sessions: { a: "1", b: "3" } } },
    ],
    ["a number as id is its text", { id: 7 }, { id: "7" }],
    ["`_inngest` inside data is stripped", { data: { _inngest: { fn_id: "x" }, a: 1 } }, { data: { a: 1 } }],
    ["... but not deeper", { data: { a: { _inngest: 1 } } }, { data: { a: { _inngest: 1 } } }],
    ["the earliest time", { ts: Date.UTC(1980, 0, 1) }, { ts: Date.UTC(1980, 0, 1) }],
    ["the latest time", { ts: Date.UTC(2100, 0, 1) }, { ts: Date.UTC(2100, 0, 1) }],
  ])("%s", (_, fields, expected) => {
    expect(read({ name: "a", ...fields })).toMatchObject([{ event: expected }]);
  });

  test("an empty id is no id", () => {
    const [record] = read({ name: "a", id: "" });
    expect([record?.userId, record?.event.id]).toEqual([undefined, record?.internalId]);
  });

  test("fields that are not an event's are left out", () => {
    const [record] = read({ name: "a", internalId: "x", other: 1 });
    expect(Object.keys(record?.event ?? {}).sort()).toEqual(["data", "id", "name", "ts", "user"]);
  });

  test.each(["inngestion/x", "app/inngest/x", "inngest", "inngest.x"])("a name only near the reserved: %s", (name) => {
    expect(read({ name })).toHaveLength(1);
  });

  test("white space before the body is ignored", () => {
    expect(read('\n\t {"name":"a"}')).toHaveLength(1);
  });

  test("an empty array is a request without events", () => {
    expect(read([])).toEqual([]);
  });

  test("a name of 512 bytes", () => {
    expect(read({ name: "é".repeat(256) })).toHaveLength(1);
  });
});

describe("[G9] bad input is refused by field, value and bound", () => {
  test.each<[string, unknown, RegExp]>([
    // the body
    ["empty", "", /^Request body must contain an event object or an array of event objects$/],
    ["a form", "name=a", /^Request body must contain/],
    ["a text", '"name"', /^Request body must contain/],
    ["a number", "5", /^Request body must contain/],
    ["null", "null", /^Request body must contain/],
    ["malformed", '{"name":', /^Request body is not JSON: /],
    ["half an array", '[{"name":"a"}', /^Request body is not JSON: /],
    ["two objects", '{"name":"a"}{"name":"b"}', /^Request body is not JSON: /],
    ["too many", Array(5001).fill({ name: "a" }), /^Cannot have more than 5000 events in a batch; this one has 5001$/],
    // name
    ["no name", { data: {} }, /^event\.name: is required and must be a string$/],
    ["name of another type", { name: 5 }, /^event\.name: is required and must be a string$/],
    ["empty name", { name: "" }, /^event\.name: must not be empty$/],
    ["long name", { name: "é".repeat(257) }, /^event\.name: must be at most 512 bytes$/],
    [
      "reserved name",
      { name: "inngest/function.failed" },
      /^event\.name: .*reserved for internal use: "inngest\/function\.failed"$/,
    ],
    ["reserved name in other letters", { name: "InnGest/x" }, /reserved for internal use: "InnGest\/x"$/],
    // the rest
    ["data is a list", { name: "a", data: [1] }, /^event\.data: /],
    ["data is a text", { name: "a", data: "x" }, /^event\.data: /],
    ["user is a text", { name: "a", user: "x" }, /^event\.user: /],
    ["meta is a list", { name: "a", meta: [] }, /^event\.meta: /],
    [
      "a session that is true",
      { name: "a", meta: { sessions: { chat: true } } },
      /^event\.meta\.sessions\.chat: true is not a session id/,
    ],
    ["v is a number", { name: "a", v: 2 }, /^event\.v: /],
    ["id is an object", { name: "a", id: {} }, /^event\.id: /],
    ["id too long", { name: "a", id: "é".repeat(257) }, /^event\.id: must be at most 512 bytes$/],
    ["ts is a text", { name: "a", ts: "2026-01-01" }, /^event\.ts: must be a number of epoch milliseconds$/],
    ["ts is a fraction", { name: "a", ts: 1.5 }, /^event\.ts: must be a whole number of epoch milliseconds$/],
    ["ts in seconds", { name: "a", ts: NOW / 1000 }, /^event\.ts: must be a time between the years 1980 and 2100$/],
    ["ts before 1980", { name: "a", ts: Date.UTC(1980, 0, 1) - 1 }, /^event\.ts: must be a time between/],
    ["ts after 2100", { name: "a", ts: Date.UTC(2100, 0, 1) + 1 }, /^event\.ts: must be a time between/],
    ["negative ts", { name: "a", ts: -1 }, /^event\.ts: must be a time between/],
    // which of several
    ["the third of a batch", [{ name: "a" }, { name: "b" }, { name: "" }], /^events\[2\]\.name: must not be empty$/],
    ["a batch of one", [{}], /^events\[0\]\.name: /],
    ["null among events", [{ name: "a" }, null], /^events\[1\]: /],
    ["a list among events", [[{ name: "a" }]], /^events\[0\]/],
  ])("%s", (_, body, message) => {
    expect(refusal(body)).toMatch(message);
  });

  test("an event of 3 MiB is accepted, one byte more is not", () => {
    const event = (bytes: number) => ({
      name: "a",
      data: { x: "y".repeat(bytes - '{"name":"a","data":{"x":""}}'.length) },
    });
    expect(read(event(EVENT_MAX_BYTES))).toHaveLength(1);
    expect(refusal(event(EVENT_MAX_BYTES + 1))).toBe(
      `event: Event is over the max size: ${EVENT_MAX_BYTES + 1} bytes; the bound is ${EVENT_MAX_BYTES}`,
    );
    expect(refusal([{ name: "b" }, event(EVENT_MAX_BYTES + 1)])).toMatch(/^events\[1\]: Event is over the max size/);
  });

  test("data nested too deeply to walk is refused, not a crash", () => {
    const depth = 200_000;
    expect(refusal(`{"name":"a","data":{"x":${"[".repeat(depth)}${"]".repeat(depth)}}}`)).toMatch(
      /^(event|Request body)/,
    );
  });

  test("a key `__proto__` reaches no prototype", () => {
    const [record] = read('{"name":"a","data":{"__proto__":{"polluted":1},"a":1}}');
    expect(record?.event.data.polluted).toBeUndefined();
    expect(Object.getPrototypeOf(record?.event.data)).toBe(Object.prototype);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test("5,000 events are accepted", () => {
    expect(read(Array(5000).fill({ name: "a" }))).toHaveLength(5000);
  });

  test("whatever the body is, the answer is events or an EventError", () => {
    const eventLike = fc.record(
      { name: fc.anything(), data: fc.anything(), id: fc.anything(), ts: fc.anything() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.array(eventLike, { maxLength: 3 }), eventLike), (body) => {
        const text =
          typeof body === "string"
            ? body
            : (JSON.stringify(body, (_, value) => (typeof value === "bigint" ? 1 : value)) ?? "");
        try {
          for (const record of readEvents(text, SEED, NOW)) expect(isUlid(record.internalId)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(EventError);
        }
      }),
    );
  });
});

describe("[§1.4] ids", () => {
  test("the n-th event has the seed's n-th id, counted from 1", () => {
    const records = read([{ name: "a" }, { name: "b" }, { name: "c" }]);
    expect(records.map((record) => [...ulidParts(record.internalId).entropy])).toEqual([
      [1, 2, 3, 4, 5, 6, 0, 0, 0, 1],
      [1, 2, 3, 4, 5, 6, 0, 0, 0, 2],
      [1, 2, 3, 4, 5, 6, 0, 0, 0, 3],
    ]);
    expect(records.every((record) => ulidParts(record.internalId).timeMs === NOW)).toBe(true);
  });

  test("the same request names the same events again; ids rise with the index", () => {
    const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 }).filter((entropy) => (entropy[6] ?? 0) < 255);
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 20 }), (entropy, count) => {
        const body = JSON.stringify(Array(count).fill({ name: "a" }));
        const ids = readEvents(body, { timeMs: NOW, entropy }, NOW).map((record) => record.internalId);
        expect(readEvents(body, { timeMs: NOW, entropy }, NOW + 999).map((record) => record.internalId)).toEqual(ids);
        expect(ids.toSorted()).toEqual(ids);
        expect(new Set(ids).size).toBe(count);
      }),
    );
  });

  test("an event keeps its own id beside the internal one, also when two share it", () => {
    const records = read([
      { name: "a", id: "x" },
      { name: "a", id: "x" },
    ]);
    expect(records.map((record) => [record.userId, record.event.id])).toEqual([
      ["x", "x"],
      ["x", "x"],
    ]);
    expect(records[0]?.internalId).not.toBe(records[1]?.internalId);
  });
});

describe("[§1.1] the content type", () => {
  const FORM = "application/x-www-form-urlencoded";

  test.each(["application/json", "text/plain;charset=UTF-8", FORM, "multipart/form-data; boundary=x", "nonsense", ""])(
    "does not matter when the body is JSON: %j",
    (type) => {
      expect(readEvents(' [{"name":"a"}]', SEED, NOW, type)).toHaveLength(1);
    },
  );

  test.each([
    ["name=a&data=1", FORM],
    ["name=a", `${FORM}; charset=utf-8`],
    ['--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--', "Multipart/Form-Data; boundary=x"],
    ["", FORM],
  ])("of a form: its name is a list, and the error says where forms are read", (body, type) => {
    expect(() => readEvents(body, SEED, NOW, type)).toThrow(/^event\.name: .*lists of strings.*inngest\.createWebhook/);
  });

  test.each(["text/plain", "application/xml", `x-${FORM}`, "multipart/mixed; boundary=x", ""])(
    "of anything else that is no JSON: %j",
    (type) => {
      expect(() => readEvents("name=a", SEED, NOW, type)).toThrow(/^Request body must contain an event object or/);
    },
  );
});

describe("[§1.4] the seed header", () => {
  const random = Uint8Array.from({ length: 10 }, () => 9);
  const own = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
  const text = btoa(String.fromCharCode(...own));

  test.each([NOW, NOW - DAY, NOW + DAY])("within 24 hours of the server's clock it names the events: %d", (timeMs) => {
    expect(readSeed(`${timeMs},${text}`, NOW, random)).toEqual({ timeMs, entropy: own });
  });

  test.each([
    ["absent", undefined],
    ["null", null],
    ["empty", ""],
    ["a day and a millisecond behind", `${NOW - DAY - 1},${text}`],
    ["a day and a millisecond ahead", `${NOW + DAY + 1},${text}`],
    ["no time", `,${text}`],
    ["no entropy", `${NOW},`],
    ["only a time", String(NOW)],
    ["nine bytes", `${NOW},${btoa("123456789")}`],
    ["eleven bytes", `${NOW},${btoa("12345678901")}`],
    ["not base64", `${NOW},!!!!!!!!!!!!!!==`],
    ["base64 without its padding", `${NOW},${text.replace(/=+$/, "")}`],
    ["a negative time", `-${NOW},${text}`],
    ["a fraction", `${NOW}.5,${text}`],
    ["a time that is no number", `now,${text}`],
    ["a time of many digits", `${"9".repeat(400)},${text}`],
    ["space around it", ` ${NOW},${text}`],
  ])("otherwise it is ignored: %s", (_, header) => {
    expect(readSeed(header, NOW, random)).toEqual({ timeMs: NOW, entropy: random });
  });
});
