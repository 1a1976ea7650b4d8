import { describe, expect, test } from "vitest";
import { bearerMatches, keyFingerprint, sign, verify } from "../../src/protocol/signature.ts";
import { hashedSigningKey } from "../../src/protocol/signing-key.ts";

const KEY = "signkey-test-12345678";
const HASH = "b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c";
const NOW = 1_700_000_000_000;
const MINUTE = 60_000;

describe("signature header", () => {
  test("[appendix B] the vector", async () => {
    expect(await sign(KEY, '{"a":1}', NOW)).toBe(
      "t=1700000000&s=67a82077baa52522b1f612a154a25275c00a0338efc32be5ee396bd2391ba5e0",
    );
  });

  test("[§5] the prefix of a key is not part of the secret", async () => {
    expect(await sign("12345678", '{"a":1}', NOW)).toBe(await sign(KEY, '{"a":1}', NOW));
  });

  test.each([
    ["key order", '{"b":1,"a":2}', '{"a":2,"b":1}'],
    ["white space", '{ "a" : [ 1, 2 ] }', '{"a":[1,2]}'],
    ["number form", '{"a":1.0e2}', '{"a":100}'],
    ["escapes", '{"a":"\\u00e9"}', '{"a":"é"}'],
    ["numeric keys, in code unit order", '{"9":1,"10":2}', '{"10":2,"9":1}'],
    ["half an emoji, which RFC 8785 refuses", '{"b":"\\uD83D","a":[null]}', '{"a":[null],"b":"\\ud83d"}'],
  ])("[§5] a request is signed in canonical form: %s", async (_, body, canonical) => {
    expect(await sign(KEY, body, NOW)).toBe(await sign(KEY, canonical, NOW, "response"));
    expect(await verify(await sign(KEY, canonical, NOW), [KEY], body, NOW)).toBe(true);
  });

  test("[§5] a response is signed as its exact bytes", async () => {
    const header = await sign(KEY, '{"b":1,"a":2}', NOW, "response");
    expect(await verify(header, [KEY], '{"b":1,"a":2}', NOW, "response")).toBe(true);
    expect(await verify(header, [KEY], '{"a":2,"b":1}', NOW, "response")).toBe(false);
  });

  test("[§5] a request without body is signed by its time alone; what is not JSON, as it is", async () => {
    expect(await verify(await sign(KEY, "", NOW), [KEY], "", NOW)).toBe(true);
    expect(await verify(await sign(KEY, "not json", NOW), [KEY], "not json", NOW)).toBe(true);
    expect(await sign(KEY, "", NOW)).not.toBe(await sign(KEY, "null", NOW));
  });

  test.each([
    ["now", 0, true],
    ["5 minutes old", 5 * MINUTE, true],
    ["5 minutes ahead", -5 * MINUTE, true],
    ["5 minutes and a second old", 5 * MINUTE + 1000, false],
    ["5 minutes and a second ahead", -5 * MINUTE - 1000, false],
  ])("[§5] window: %s", async (_, ageMs, isValid) => {
    expect(await verify(await sign(KEY, "{}", NOW), [KEY], "{}", NOW + ageMs)).toBe(isValid);
  });

  test("[§5] rotation: any of the keys will do, none will not", async () => {
    const header = await sign(KEY, "{}", NOW);
    expect(await verify(header, ["signkey-test-aa", KEY], "{}", NOW)).toBe(true);
    expect(await verify(header, ["signkey-test-aa"], "{}", NOW)).toBe(false);
    expect(await verify(header, [], "{}", NOW)).toBe(false);
  });

  test("a changed body is refused", async () => {
    expect(await verify(await sign(KEY, '{"a":1}', NOW), [KEY], '{"a":2}', NOW)).toBe(false);
  });

  const mac = "67a82077baa52522b1f612a154a25275c00a0338efc32be5ee396bd2391ba5e0";
  test.each([
    null,
    undefined,
    "",
    "t=1700000000",
    `s=${mac}`,
    `t=&s=${mac}`,
    `t=-1700000000&s=${mac}`,
    `t=1700000000.0&s=${mac}`,
    `t=1e9&s=${mac}`,
    `t=1700000000&s=${mac.slice(2)}`,
    `t=1700000000&s=${mac}00`,
    `t=1700000000&s=${"zz".repeat(32)}`,
    `t=1700000000&s=${mac.slice(0, -1)}`,
    "garbage",
  ])("a malformed header is refused: %s", async (header) => {
    expect(await verify(header, [KEY], '{"a":1}', NOW)).toBe(false);
  });

  test("a key with nothing after its prefix signs for nobody", async () => {
    await expect(sign("signkey-test-", "{}", NOW)).rejects.toThrow("nothing after its prefix");
  });

  test("more keys than are kept imported all work, again and again", async () => {
    const keys = Array.from({ length: 40 }, (_, index) => `signkey-test-${index + 10}`);
    for (const key of [...keys, ...keys]) expect(await verify(await sign(key, "{}", NOW), [key], "{}", NOW)).toBe(true);
  });
});

describe("bearer", () => {
  test("[appendix B] prefix and hash of the bytes", async () => {
    expect(await hashedSigningKey(KEY)).toBe(`signkey-test-${HASH}`);
    expect(await hashedSigningKey("12345678")).toBe(HASH);
  });

  test("a key that is not hexadecimal is refused without being repeated", async () => {
    const error = await hashedSigningKey("signkey-prod-secret!").catch((thrown: Error) => thrown.message);
    expect(error).toContain("not hexadecimal");
    expect(error).not.toContain("secret");
  });

  test.each([
    ["prefixed hash (TypeScript, Go)", `Bearer signkey-test-${HASH}`, true],
    ["bare hash (Python)", `Bearer ${HASH}`, true],
    ["plain key (Go checkpoints)", `Bearer ${KEY}`, true],
    ["any case of the scheme", `bearer ${HASH}`, true],
    ["another hash", `Bearer ${HASH.replace("b", "c")}`, false],
    ["another key", "Bearer signkey-test-12345679", false],
    ["another scheme", `Basic ${HASH}`, false],
    ["no token", "Bearer ", false],
    ["only a prefix", "Bearer signkey-test-", false],
    ["empty", "", false],
    ["absent", null, false],
  ])("[appendix C 3] %s", async (_, header, isMatch) => {
    expect(await bearerMatches(header, [KEY])).toBe(isMatch);
  });

  test("any of the keys will do, none will not; keys that are not hexadecimal match only as they are", async () => {
    expect(await bearerMatches(`Bearer ${HASH}`, ["signkey-test-ff", KEY])).toBe(true);
    expect(await bearerMatches(`Bearer ${HASH}`, [])).toBe(false);
    expect(await bearerMatches("Bearer plain-secret", ["plain-secret"])).toBe(true);
    expect(await bearerMatches("Bearer ", [""])).toBe(false);
  });

  test("[§2.5] a fingerprint is 12 characters of the hash", async () => {
    expect(await keyFingerprint(KEY, "signing")).toBe(HASH.slice(0, 12));
    expect(await keyFingerprint("abc", "event")).toBe("ba7816bf8f01");
  });
});
