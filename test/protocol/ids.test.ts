import fc from "fast-check";
import { uuidToULID } from "ulid";
import { describe, expect, test } from "vitest";
import {
  derivedUlid,
  eventUlid,
  isUlid,
  runIdOf,
  stepHash,
  textHash,
  ulidFirstByte,
  ulidOf,
  ulidParts,
  ulidTime,
  uuidOf,
} from "../../src/protocol/ids.ts";

const TIME = 1_700_000_000_000;
const entropy = (...bytes: number[]) => Uint8Array.from([...bytes, ...Array(10).fill(0)].slice(0, 10));

describe("ULID", () => {
  test.each([0, 1, TIME, 2 ** 48 - 1])("time %d and entropy survive", (timeMs) => {
    const bytes = Uint8Array.from([0, 255, 1, 2, 3, 4, 5, 6, 7, 128]);
    const ulid = ulidOf({ timeMs, entropy: bytes });
    expect(isUlid(ulid)).toBe(true);
    expect(ulidParts(ulid)).toEqual({ timeMs, entropy: bytes });
    expect(ulidTime(ulid)).toBe(timeMs);
  });

  test("is as the library writes it, whatever its bytes are", () => {
    const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), bytes, (timeMs, random) => {
        const hex = timeMs.toString(16).padStart(12, "0") + Buffer.from(random).toString("hex");
        const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
        expect(ulidOf({ timeMs, entropy: random })).toBe(uuidToULID(uuid));
      }),
    );
  });

  test("each first byte of the entropy is read without the rest", () => {
    for (let byte = 0; byte < 256; byte++)
      expect(ulidFirstByte(ulidOf({ timeMs: TIME, entropy: entropy(byte, 255 - byte) }))).toBe(byte);
  });

  test("text order is time order", () => {
    const ulids = [TIME - 1, TIME, TIME + 1, TIME + 1000].map((timeMs) => ulidOf({ timeMs, entropy: entropy(9) }));
    expect(ulids.toSorted()).toEqual(ulids);
  });

  test.each(["", "01HF", "01hf7yat00000000000000000z", "81HF7YAT00000000000000000Z", "01HF7YAT0000000000000000IL"])(
    "not a ULID: %s",
    (text) => {
      expect(isUlid(text)).toBe(false);
    },
  );
});

describe("[§1.4] event ids from a seed", () => {
  test("the counter is bytes 6 to 10 of the entropy, big-endian", () => {
    const first = ulidParts(eventUlid({ timeMs: TIME, entropy: entropy(1, 2, 3, 4, 5, 6, 0, 0, 0, 255) }, 1));
    expect(first).toEqual({ timeMs: TIME, entropy: entropy(1, 2, 3, 4, 5, 6, 0, 0, 1, 0) });
  });

  test("the counter wraps; the seed is left as it was", () => {
    const seed = { timeMs: TIME, entropy: entropy(0, 0, 0, 0, 0, 0, 255, 255, 255, 255) };
    expect(ulidParts(eventUlid(seed, 2)).entropy).toEqual(entropy(0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
    expect(seed.entropy[9]).toBe(255);
  });

  test("the same seed and place name the same event, another place another", () => {
    const seed = { timeMs: TIME, entropy: entropy(7) };
    expect(eventUlid(seed, 3)).toBe(eventUlid(seed, 3));
    expect(eventUlid(seed, 3)).not.toBe(eventUlid(seed, 4));
  });
});

test("[G1] an event and a function name one run, which keeps the event's time and log shard", () => {
  const event = ulidOf({ timeMs: TIME, entropy: entropy(42, 1) });
  const run = runIdOf(event, "app-a");
  expect(run).toBe(runIdOf(event, "app-a"));
  expect(run).not.toBe(runIdOf(event, "app-b"));
  expect(ulidParts(run).timeMs).toBe(TIME);
  expect(ulidParts(run).entropy[0]).toBe(42);
});

test("a derived ULID depends on its time and text only", () => {
  expect(derivedUlid(TIME, "a")).toBe(derivedUlid(TIME, "a"));
  expect(derivedUlid(TIME, "a")).not.toBe(derivedUlid(TIME, "b"));
  expect(ulidParts(derivedUlid(TIME, "a")).timeMs).toBe(TIME);
});

test.each([
  ["a", 0, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"],
  ["a", 1, "de89bfaf06245091a7873290a793604612302247"],
  ["complete", 0, "0737c22d3bfae812339732d14d8c7dbd6dc4e09c"],
])("[§3.5, appendix B] step id %s, repeat %d", (id, repeat, hash) => {
  expect(stepHash(id, repeat)).toBe(hash);
});

test("[§3.5] a repeat is the hash of id:n, also when the id is used as such; ids are UTF-8", () => {
  expect(stepHash("a", 1)).toBe(stepHash("a:1", 0));
  expect(stepHash("é", 0)).toBe("bf15be717ac1b080b4f1c456692825891ff5073d");
});

test("a text hash is 20 hex characters", () => {
  expect(textHash("abc")).toBe("ba7816bf8f01cfea4141");
});

test("[§0.2] functions and apps have a UUID made from their name", () => {
  expect(uuidOf("my-app-fn")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuidOf("my-app-fn")).toBe(uuidOf("my-app-fn"));
  expect(uuidOf("my-app-fn")).not.toBe(uuidOf("my-app-fm"));
});
