import { expect, test } from "vitest";
import { durationToMs, Inngest, isInngest, isInngestFunction, isInngestRequest, slugify } from "../../src/sdk/index.ts";

const client = new Inngest({ id: "shop" });
const fn = client.createFunction({ id: "ship" }, { event: "a" }, () => 1);

test.each([
  [client, true, false],
  [fn, false, true],
  [null, false, false],
  ["shop", false, false],
  [{ send: 1 }, false, false],
])("a client, a function, or neither", (value, client, fn) => {
  expect([isInngest(value), isInngestFunction(value)]).toEqual([client, fn]);
});

test.each([
  ["https://app.example.com/api/inngest?fnId=shop-ship&stepId=step", true],
  ["/api/inngest?stepId=step&fnId=shop-ship", true],
  ["/api/inngest?fnId=shop-ship", false],
  ["/api/inngest", false],
])("a call of the platform: %s %s", (url, expected) => {
  expect(isInngestRequest({ url })).toBe(expected);
  expect(isInngestRequest(undefined)).toBe(false);
});

test.each([
  ["My App", "my-app"],
  ["  Ünïcode -- and, more! ", "n-code-and-more"],
  ["already-fine", "already-fine"],
])("%j as an id is %j", (text, id) => {
  expect(slugify(text)).toBe(id);
});

test("durations", () => {
  expect(durationToMs("1h30m")).toBe(5_400_000);
  expect(() => durationToMs("soon", { name: "timeout" })).toThrow("timeout: cannot read");
});
