import { describe, expect, test } from "vitest";
import {
  errorFromWire,
  isNonRetriable,
  isRetryAfter,
  isStepError,
  NonRetriableError,
  restoreError,
  RetryAfterError,
  retryAfterHeader,
  retryAfterMs,
  serializeError,
  StepError,
} from "../../src/sdk/errors.ts";
import { ERROR_TEXT_MAX_CHARS } from "../../src/protocol/limits.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("kinds", () => {
  const official = {
    // as in inngest/inngest-js: no name of their own
    NonRetriableError: class NonRetriableError extends Error {},
    RetryAfterError: class RetryAfterError extends Error {
      retryAfter = "30";
    },
    StepError: class StepError extends Error {
      stepId = "a";
      override name = "TypeError";
    },
  };
  class Declined extends NonRetriableError {
    override name = "Declined";
  }
  const wrapped = new Error("outer", { cause: new NonRetriableError("inner") });
  const hostile = new Proxy(new Error("x"), {
    get: () => {
      throw new Error("no");
    },
    getPrototypeOf: () => {
      throw new Error("no");
    },
  });

  test.each<[string, unknown, string]>([
    ["NonRetriableError", new NonRetriableError("x"), "non-retriable"],
    ["a subclass with a name of its own", new Declined("x"), "non-retriable"],
    ["the official class", new official.NonRetriableError("x"), "non-retriable"],
    ["any error of that name", Object.assign(new Error("x"), { name: "NonRetriableError" }), "non-retriable"],
    ["only the cause is one", wrapped, ""],
    ["RetryAfterError", new RetryAfterError("x", 1), "retry-after"],
    ["the official class", new official.RetryAfterError("x"), "retry-after"],
    ["that name without a time", Object.assign(new Error("x"), { name: "RetryAfterError" }), ""],
    ["StepError", new StepError("a", { name: "TypeError", message: "x" }), "step"],
    ["the official class", new official.StepError("x"), "step"],
    ["Error", new Error("x"), ""],
    ["a string", "NonRetriableError", ""],
    ["undefined", undefined, ""],
    ["null", null, ""],
    ["an object without prototype", Object.create(null), ""],
    ["an object that throws when looked at", hostile, ""],
  ])("%s", (_, error, kind) => {
    expect({
      "non-retriable": isNonRetriable(error),
      "retry-after": isRetryAfter(error),
      step: isStepError(error),
    }).toEqual({
      "non-retriable": kind === "non-retriable",
      "retry-after": kind === "retry-after",
      step: kind === "step",
    });
  });

  test("errors of another copy of this package count", async () => {
    const copy: typeof import("../../src/sdk/errors.ts") = await import("../../src/sdk/errors.ts?copy" as string);
    expect(copy.NonRetriableError).not.toBe(NonRetriableError);
    class Renamed extends copy.NonRetriableError {
      override name = "Renamed";
    }
    expect(isNonRetriable(new Renamed("x"))).toBe(true);
    expect(isStepError(new copy.StepError("a", { name: "E", message: "x" }))).toBe(true);
  });

  test("they are errors with name, message, cause and a stack that begins with both", () => {
    const error = new NonRetriableError("no", { cause: "why" });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.cause]).toEqual(["NonRetriableError", "no", "why"]);
    expect(error.stack).toMatch(/^NonRetriableError: no\n/);
    expect("cause" in new NonRetriableError("no")).toBe(false);
  });
});

describe("RetryAfterError", () => {
  test.each<[string, number | string | Date, number, string]>([
    ["milliseconds", 1500, 1500, "2"],
    ["whole seconds", 2000, 2000, "2"],
    ["zero", 0, 0, "0"],
    ["a duration", "1m30s", 90_000, "90"],
    ["words", "2 hours", 7_200_000, "7200"],
    ["more than the clamp of a day", "30d", 2_592_000_000, "86400"],
    ["a Date", new Date(NOW + 5), 5, "2026-01-01T00:00:00.005Z"],
    ["an ISO date", "2026-01-01T00:00:01Z", 1000, "2026-01-01T00:00:01.000Z"],
    ["a date as HTTP has it", "Thu, 01 Jan 2026 00:01:00 GMT", 60_000, "2026-01-01T00:01:00.000Z"],
    ["a date in the past", "2025-12-31T23:59:59Z", -1000, "2025-12-31T23:59:59.000Z"],
  ])("[§4] %s", (_, retryAfter, waitMs, header) => {
    const error = new RetryAfterError("later", retryAfter);
    expect(retryAfterMs(error, NOW)).toBe(waitMs);
    expect(retryAfterHeader(error)).toBe(header);
  });

  test.each<number | string | Date>([
    "soon",
    "",
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new Date("x"),
    "in 5 minutes",
  ])("not a time: %s", (retryAfter) => {
    expect(() => new RetryAfterError("later", retryAfter)).toThrow(/^retryAfter: /);
  });

  test.each([
    ["30", 30_000, "30"],
    ["2026-01-01T00:00:01.000Z", 1000, "2026-01-01T00:00:01.000Z"],
    ["soon", undefined, undefined],
    [undefined, undefined, undefined],
    [{}, undefined, undefined],
  ])("the official class keeps text, whole seconds or a date: %s", (retryAfter, waitMs, header) => {
    const error = Object.assign(new Error("x"), { name: "RetryAfterError", retryAfter });
    expect(retryAfterMs(error, NOW)).toBe(waitMs);
    expect(retryAfterHeader(error)).toBe(header);
    expect(isRetryAfter(error)).toBe(waitMs !== undefined);
  });

  test("later changes to the Date do not change the error", () => {
    const at = new Date(NOW);
    const error = new RetryAfterError("later", at);
    at.setTime(0);
    expect(retryAfterMs(error, NOW)).toBe(0);
  });
});

describe("serializeError", () => {
  const withMessage = (name: string, message: string) => ({ name, message });
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  const shared = { x: 1 };

  test.each<[string, unknown, { name: string; message: string }]>([
    ["a string", "no", withMessage("Error", "no")],
    ["an empty string", "", withMessage("Error", "")],
    ["a number", 42, withMessage("Error", "42")],
    ["NaN", Number.NaN, withMessage("Error", "NaN")],
    ["a bigint", 5n, withMessage("Error", "5")],
    ["a symbol", Symbol("s"), withMessage("Error", "Symbol(s)")],
    ["undefined", undefined, withMessage("Error", "undefined was thrown")],
    ["null", null, withMessage("Error", "null was thrown")],
    ["a function", function oops() {}, withMessage("Error", "a function was thrown: oops")],
    ["an object", { reason: "no", amount: 5n }, withMessage("Error", '{"reason":"no","amount":"5n"}')],
    ["an array", ["a", 1], withMessage("Error", '["a",1]')],
    ["a cyclic object", circular, withMessage("Error", '{"a":1,"self":"[circular]"}')],
    [
      "an object twice in one is no cycle",
      { a: shared, b: [shared] },
      withMessage("Error", '{"a":{"x":1},"b":[{"x":1}]}'),
    ],
    ["an object that hides its state", new Map([[1, 2]]), withMessage("Error", "[object Map]")],
    ["a response", new Response("no"), withMessage("Error", "[object Response]")],
    ["an object with a message", { message: "no", name: "Custom" }, withMessage("Custom", "no")],
    ["an object with a message only", { message: "no" }, withMessage("Error", "no")],
    ["a promise", Promise.resolve(1), withMessage("Error", "[object Promise]")],
  ])("%s has a readable form", (_, thrown, expected) => {
    expect(serializeError(thrown)).toEqual(expected);
  });

  test("an error keeps name, message, stack and code", () => {
    const error = Object.assign(new TypeError("no"), { code: "ENOENT" });
    expect(serializeError(error)).toEqual({ name: "TypeError", message: "no", stack: error.stack, code: "ENOENT" });
    expect(serializeError(new DOMException("no", "AbortError"))).toMatchObject({ name: "AbortError", code: "20" });
  });

  test("an error of another realm is an error", async () => {
    const { runInNewContext } = await import("node:vm");
    expect(serializeError(runInNewContext('new RangeError("no")'))).toMatchObject(withMessage("RangeError", "no"));
  });

  test("causes are kept, five deep, whatever they are", () => {
    const chain = (depth: number): Error => new Error(`e${depth}`, { cause: depth < 9 ? chain(depth + 1) : undefined });
    const messages: string[] = [];
    for (let error: unknown = serializeError(chain(0)); error !== undefined;) {
      const { message, cause } = error as { message: string; cause?: unknown };
      messages.push(message);
      error = cause;
    }
    expect(messages).toEqual(["e0", "e1", "e2", "e3", "e4", "e5"]);
    const causeOf = (cause: unknown) => serializeError(new Error("x", { cause })).cause;
    expect(causeOf("why")).toBe("why");
    expect(causeOf({ status: 402 })).toEqual({ status: 402 });
    expect(causeOf(circular)).toEqual({ a: 1, self: "[circular]" });
    expect(causeOf(Symbol("s"))).toBe("Symbol(s)");
    const own = new Error("own");
    own.cause = own;
    expect(JSON.stringify(serializeError(own)).match(/"own"/g)).toHaveLength(6);
  });

  test("the result is bounded and well-formed", () => {
    const big = "x".repeat(1_000_000);
    const error = new Error(big, { cause: { big } });
    error.stack = big;
    error.name = big;
    const stored = serializeError(error);
    expect(stored.message).toBe(
      `${"x".repeat(ERROR_TEXT_MAX_CHARS)}… (${1_000_000 - ERROR_TEXT_MAX_CHARS} more characters)`,
    );
    expect(JSON.stringify(stored).length).toBeLessThan(5 * ERROR_TEXT_MAX_CHARS);
    expect(serializeError(`${"x".repeat(ERROR_TEXT_MAX_CHARS - 1)}😀`).message).toContain("\ufffd…");
    expect(serializeError("cut \ud83d").message).toBe("cut \ufffd");
  });

  test.each<[string, unknown]>([
    [
      "every getter throws",
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("no");
          },
        },
      ),
    ],
    [
      "everything throws",
      new Proxy(
        {},
        new Proxy(
          {},
          {
            get: () => () => {
              throw new Error("no");
            },
          },
        ),
      ),
    ],
    [
      "toJSON throws",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ],
    [
      "a revoked proxy",
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
    ["nested past the stack", Array.from({ length: 200_000 }).reduce<unknown>((inner) => [inner], [])],
    ["no prototype", Object.create(null)],
    ["a message that is an object", Object.assign(new Error("x"), { message: {} })],
  ])("it never throws and always has a message: %s", (_, thrown) => {
    const stored = serializeError(thrown);
    expect(stored.name).toBe("Error");
    expect(stored.message).not.toBe("");
    expect(() => JSON.stringify(stored)).not.toThrow();
  });
});

describe("errors from the journal", () => {
  const wire = { name: "TypeError", message: "no", stack: "TypeError: no\n    at f (x.ts:1:1)", code: "E_NO" };

  test("a StepError is the error that the step threw, with the step's id", () => {
    const error = errorFromWire({ ...wire, cause: { name: "RangeError", message: "deep", cause: "deeper" } }, "charge");
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({ ...wire, stepId: "charge" });
    expect(error.cause).toMatchObject({ name: "RangeError", message: "deep", cause: "deeper" });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("without a stored stack it has none of ours", () => {
    expect(errorFromWire({ name: "E", message: "no" }, "a").stack).toBe("E: no");
  });

  test("what was serialized comes back", () => {
    const original = new TypeError("no", { cause: new RangeError("deep", { cause: { status: 402 } }) });
    const restored = restoreError(JSON.parse(JSON.stringify(serializeError(original))));
    expect(serializeError(restored)).toEqual(serializeError(original));
  });

  test.each([undefined, null, "no", {}, { name: "E" }, { message: "no" }])(
    "what is not an error becomes one that says so: %s",
    (stored) => {
      expect(restoreError(stored).message).toBe(`error without a message: ${JSON.stringify(stored)}`);
    },
  );
});
