import { describe, expect, test } from "vitest";
import { requestedEnvironment } from "../../src/environment.ts";

const ask = (url: string, name?: string, keys: string[] = []) =>
  requestedEnvironment(
    new Request(`http://localhost${url}`, { headers: name === undefined ? {} : { "x-inngest-env": name } }),
    keys,
  );

describe("[§0.1] the environment of a request", () => {
  test.each([
    ["none", "/v1/events", undefined, [], "main"],
    ["an empty one", "/v1/events", " ", [], "main"],
    ["by header", "/v1/events", "feature/x-1", [], "feature/x-1"],
    ["by query on the event API", "/e/key?x-inngest-env=b", undefined, [], "b"],
    ["by query elsewhere", "/v1/events?x-inngest-env=b", undefined, [], "main"],
    ["header before query", "/e/key?x-inngest-env=b", "h", [], "h"],
    ["with a key of a branch", "/e/key", "b", ["signkey-branch-00"], "b"],
    ["with a production key", "/e/key", "b", ["signkey-prod-00"], "main"],
    ["with a production key as fallback", "/e/key", "b", ["signkey-branch-00", "signkey-prod-00"], "b"],
  ])("%s", (_what, url, name, keys, expected) => {
    expect(ask(url, name, keys)).toEqual({ kind: "named", name: expected });
  });

  test.each(["a b", "/a", ":", "a:b", "-", "ä", "x".repeat(65)])("%j is none", (name) => {
    expect(ask(`/e/key?x-inngest-env=${encodeURIComponent(name)}`)).toMatchObject({ kind: "invalid" });
  });
});
