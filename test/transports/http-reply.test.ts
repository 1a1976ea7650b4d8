import { describe, expect, test } from "vitest";
import type { Reply } from "../../src/engine/run-machine.ts";
import { readReply } from "../../src/transports/http-reply.ts";

const NOW = Date.UTC(2026, 0, 1);
const SDK = { "x-inngest-sdk": "inngest-js:v4.0.0", "x-inngest-req-version": "2", "content-type": "application/json" };

const answer = (status: number, body: unknown, headers: Record<string, string> = SDK): Reply =>
  readReply(
    { kind: "answered", status, headers, body: typeof body === "string" ? body : JSON.stringify(body) },
    NOW,
    1,
  );

/** The error that a reply amounts to. */
function errorOf(reply: Reply): Extract<Reply, { kind: "error" }> {
  if (reply.kind !== "error") throw new Error(`the reply was read as ${reply.kind}`);
  return reply;
}

describe("[§3.3] what an SDK answers", () => {
  test("200: the function returned", () => {
    expect(answer(200, { ok: 1 })).toEqual({ kind: "returned", data: { ok: 1 }, version: 2 });
    expect(answer(200, "null")).toEqual({ kind: "returned", data: null, version: 2 });
  });

  test("206: ops; one that asks for nothing is left out", () => {
    const reply = answer(206, [{ op: "StepRun", id: "a", data: 1 }, { op: "None" }]);
    expect(reply).toMatchObject({ kind: "ops", version: 2, ops: [{ kind: "done", data: 1 }] });
    expect(answer(206, [])).toMatchObject({ kind: "ops", ops: [] });
    expect(answer(206, { op: "None" })).toMatchObject({ kind: "ops", ops: [] });
  });

  test("the version is the answer's, or the one known", () => {
    const { "x-inngest-req-version": _, ...unversioned } = SDK;
    expect(answer(206, [], unversioned).version).toBe(1);
    expect(answer(206, [], { ...SDK, "x-inngest-req-version": "new" }).version).toBe(1);
    expect(answer(500, {}, { ...SDK, "x-inngest-req-version": "2" }).version).toBe(2);
  });

  test("header names compare without case", () => {
    const headers = { "X-Inngest-SDK": "py:v1", "X-Inngest-No-Retry": "TRUE", "X-INNGEST-REQ-VERSION": "2" };
    expect(answer(400, { name: "E", message: "m" }, headers)).toMatchObject({ kind: "error", final: true, version: 2 });
  });

  test.each<[string, number, Record<string, string>, boolean]>([
    ["500", 500, {}, false],
    ["400 without a word about retries", 400, {}, false],
    ["no-retry true", 400, { "x-inngest-no-retry": "true" }, true],
    ["no-retry true with status 500", 500, { "x-inngest-no-retry": "true" }, true],
    ["no-retry false with status 400", 400, { "x-inngest-no-retry": "false" }, false],
    ["200 with no-retry fails the run", 200, { "x-inngest-no-retry": "true" }, true],
    ["410, as Go answers for an unknown function", 410, {}, false],
    ["a redirect that nobody followed", 302, {}, false],
  ])("an error: %s", (_, status, more, final) => {
    const error = { name: "TypeError", message: "no", stack: "s", __serialized: true };
    expect(answer(status, error, { ...SDK, ...more })).toEqual({
      kind: "error",
      error,
      final,
      retryAt: undefined,
      version: 2,
    });
  });

  test("retry-after counts for errors and for ops", () => {
    const headers = { ...SDK, "Retry-After": "30" };
    expect(errorOf(answer(500, { name: "E", message: "m" }, headers)).retryAt).toBe(NOW + 30_000);
    const ops = answer(206, [{ op: "StepError", id: "a", error: { name: "E", message: "m" } }], headers);
    expect(ops).toMatchObject({ kind: "ops", retryAt: NOW + 30_000 });
  });

  test.each<[string, unknown, string]>([
    ["a text", "Internal Server Error", 'the app answered 500: "Internal Server Error"'],
    ["a JSON text", '"boom"', 'the app answered 500: "\\"boom\\""'],
    ["nothing", "", 'the app answered 500: ""'],
    ["an object without a message", { error: "nope" }, 'the app answered 500: "{\\"error\\":\\"nope\\"}"'],
    ["a list", [1], 'the app answered 500: "[1]"'],
  ])("an error body that is no error is shown: %s", (_, body, message) => {
    expect(errorOf(answer(500, body)).error).toEqual({ name: "Error", message });
  });

  test("[§3.4] no-retry makes the error of a step final", () => {
    const ops = [
      { op: "StepError", id: "a", error: { name: "E", message: "m" } },
      { op: "StepRun", id: "b", data: 1 },
    ];
    expect(answer(206, ops, { ...SDK, "x-inngest-no-retry": "true" })).toMatchObject({
      ops: [
        { kind: "error", final: true },
        { kind: "done", data: 1 },
      ],
    });
    expect(answer(206, ops, { ...SDK, "x-inngest-no-retry": "false" })).toMatchObject({ ops: [{ final: false }, {}] });
  });

  test("[§3.6, C20] the error of a step is kept as it is: Go needs its `data`, also when that is null", () => {
    const error = { name: "E", message: "m", stack: "s", data: null, cause: { name: "F", deep: [1] }, more: 1 };
    for (const data of [null, { rows: 2 }])
      expect(answer(206, [{ op: "StepFailed", id: "a", error: { ...error, data } }])).toMatchObject({
        ops: [{ kind: "error", final: true, error: { ...error, data } }],
      });
  });

  test("[C7] a step that TypeScript cannot find is a 500 that is tried again", () => {
    const body = { error: "Could not find step", requestedStep: "abc", foundSteps: [], totalFoundSteps: 0 };
    expect(answer(500, body, { ...SDK, "x-inngest-no-retry": "false" })).toMatchObject({ kind: "error", final: false });
  });

  test("Go's error has a message and no name", () => {
    expect(errorOf(answer(500, { message: "no rows" })).error).toMatchObject({ name: "Error", message: "no rows" });
  });
});

describe("[§3.3, C13] 201: a stream that ends with the answer", () => {
  const stream = (inner: unknown, outer: Record<string, string> = SDK) =>
    answer(201, `   \n \n${JSON.stringify(inner)}`, outer);

  test.each<[string, object]>([
    ["as JSON", { status: 200, body: { ok: 1 }, headers: {} }],
    ["as a text of JSON", { status: 200, body: '{"ok":1}', headers: {} }],
    ["without headers", { status: 200, body: { ok: 1 } }],
  ])("the body inside, %s", (_, inner) => {
    expect(stream(inner)).toEqual({ kind: "returned", data: { ok: 1 }, version: 2 });
  });

  test("headers inside replace those outside", () => {
    const inner = {
      status: 500,
      body: { name: "E", message: "m" },
      headers: { "X-Inngest-No-Retry": "true", "Retry-After": "5" },
    };
    expect(stream(inner, { ...SDK, "x-inngest-no-retry": "false" })).toMatchObject({
      final: true,
      retryAt: NOW + 5000,
    });
  });

  describe("from Go, whose streams have no headers and whose body is the JSON itself", () => {
    const go = { ...SDK, "x-inngest-sdk": "go:v0.15.1" };
    const ended = { retryAt: null, noRetry: false, headers: null };

    test.each(["slept", "15", '{"a":1}'])("a text as result: %j", (body) => {
      expect(stream({ status: 200, body, ...ended }, go)).toEqual({ kind: "returned", data: body, version: 2 });
    });

    test("ops, and an error that says whether and when to try again", () => {
      const op = { op: "StepRun", id: "a", data: 1, error: null };
      expect(stream({ status: 206, body: [op], ...ended }, go)).toMatchObject({ kind: "ops", ops: [{ kind: "done" }] });
      const failed = { status: 500, body: "error calling function: no rows", headers: null };
      const at = new Date(NOW + 5000).toISOString();
      expect(stream({ ...failed, noRetry: true, retryAt: null }, go)).toMatchObject({ kind: "error", final: true });
      expect(stream({ ...failed, noRetry: false, retryAt: at }, go)).toMatchObject({
        final: false,
        retryAt: NOW + 5000,
      });
    });
  });

  test("the SDK's header may be inside only", () => {
    expect(stream({ status: 206, body: [], headers: SDK }, {})).toMatchObject({ kind: "ops", version: 2 });
  });

  test.each<[string, string]>([
    ["only keep-alives", "   \n   "],
    ["half a body", '   {"status":200,"body":{"ok'],
    ["no status", '{"body":1}'],
    ["something else", '"done"'],
  ])("that ended without one is an error that is tried again: %s", (_, body) => {
    expect(answer(201, body)).toMatchObject({ kind: "error", final: false, error: { code: "invalid_reply" } });
  });
});

describe("[§3.3, G9] what no SDK answered", () => {
  test.each<[string, number, string, string]>([
    [
      "a page",
      200,
      "<!doctype html><title>Shop</title>",
      "the URL answered 200 (text/html), but not as an Inngest SDK: is the app served there?",
    ],
    ["a page with status 206", 206, "<p>", "the URL answered 206 (text/html)"],
    ["404", 404, "Not Found", 'the app answered 404 (text/html): "Not Found"'],
    ["502 of a proxy", 502, "Bad gateway", 'the app answered 502 (text/html): "Bad gateway"'],
  ])("%s: says what came instead", (_, status, body, message) => {
    const reply = errorOf(answer(status, body, { "content-type": "text/html" }));
    expect(reply).toMatchObject({ final: false, error: { code: "not_sdk" }, version: 1 });
    expect(reply.error.message).toContain(message);
  });

  test("[C12] JSON without the SDK's header is not an SDK's either", () => {
    const headers = { "content-type": "application/json", "retry-after": "7" };
    expect(answer(200, { ok: 1 }, headers)).toMatchObject({
      kind: "error",
      error: { code: "not_sdk" },
      retryAt: NOW + 7000,
    });
  });

  test("a long body is shown in part", () => {
    expect(errorOf(answer(500, "x".repeat(100_000), {})).error.message.length).toBeLessThan(500);
  });

  test("an app that cannot be reached keeps the known version and is tried again", () => {
    expect(readReply({ kind: "failed", code: "unreachable", message: "connection refused" }, NOW, 2)).toEqual({
      kind: "error",
      error: { name: "Error", code: "unreachable", message: "connection refused" },
      final: false,
      retryAt: undefined,
      version: 2,
    });
  });
});

describe("[G9] replies that cannot be understood", () => {
  test.each<[string, number, string, RegExp]>([
    ["a result that is no JSON", 200, "OK", /^the app's result is not JSON: "OK"$/],
    ["an empty result", 200, "", /^the app's result is not JSON/],
    ["half a result", 200, '{"ok":', /^the app's result is not JSON/],
    ["ops that are no JSON", 206, "OK", /^the app's reply is not JSON: "OK"$/],
    ["half of the ops", 206, '[{"op":"StepRun","id":"a"', /^the app's reply is not JSON/],
    ["an unknown opcode, by name", 206, '[{"op":"Teleport","id":"a"}]', /0\.op: op: "Teleport" is not an opcode/],
    ["null among the ops", 206, "[null]", /^the app's reply cannot be understood: 0: /],
    ["a text", 206, '"StepRun"', /^the app's reply cannot be understood/],
    ["a step without an id", 206, '[{"op":"StepRun"}]', /0\.id: id: an op about a step must have an id/],
  ])("%s", (_, status, body, message) => {
    const reply = errorOf(answer(status, body));
    expect(reply).toMatchObject({ final: false, version: 2, error: { code: "invalid_reply" } });
    expect(reply.error.message).toMatch(message);
  });

  test("a reply nested too deeply to walk", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(answer(206, `[{"op":"StepRun","id":"a","data":${deep}}]`)).toMatchObject({
      error: { code: "invalid_reply" },
    });
  });
});
