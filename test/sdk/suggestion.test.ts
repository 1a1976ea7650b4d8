import { expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import { suggestion } from "../../src/sdk/suggestion.ts";

const KNOWN = ["id", "name", "retries", "onFailure", "concurrency"];

test.each([
  ["retry", "retries", false],
  ["retires", "retries", true],
  ["Retries", "retries", true],
  ["onfailure", "onFailure", true],
  ["concurency", "concurrency", true],
  ["ie", "id", false],
  ["colour", "", false],
])("%j is %s meant: %s", (word, meant, isSuggested) => {
  expect(suggestion(word, KNOWN)).toBe(isSuggested ? ` (did you mean "${meant}"?)` : "");
});

test("options that are nearly right are answered with the right one", () => {
  expect(() => new Inngest({ id: "a", eventkey: "x" } as never)).toThrow('did you mean "eventKey"?');
  const client = new Inngest({ id: "a" });
  expect(() => client.createFunction({ id: "f", retires: 3 } as never, { event: "a" }, () => 1)).toThrow(
    'function "f": "retires" is not an option (did you mean "retries"?)',
  );
  expect(() => client.createFunction({ id: "f" }, { evnt: "a" } as never, () => 1)).toThrow('did you mean "event"?');
});
