/** Types that code written for `inngest` imports by name: what they mean is what it means there. */
import type * as Theirs from "inngest-v4";
import type * as Older from "inngest-v3";
import { EventEmitter } from "node:events";
import { describe, expect, expectTypeOf, test } from "vitest";
import { headerKeys, InngestFunction } from "../../src/sdk/index.ts";
import type * as Ours from "../../src/sdk/index.ts";
import { err, ok, StepOpCode, type MinimalEventPayload, type Result } from "../../src/sdk/types.ts";
import { readRequestBody } from "../../src/serve/node.ts";

interface Both {
  a: string;
  b: number;
}

describe("helper types are the same types", () => {
  test("of unions", () => {
    expectTypeOf<Ours.ExclusiveKeys<Both, "a", "b">>().toEqualTypeOf<Theirs.ExclusiveKeys<Both, "a", "b">>();
    expectTypeOf<Ours.UnionKeys<{ a: 1 } | { b: 2 }>>().toEqualTypeOf<"a" | "b">();
    expectTypeOf<Ours.StrictUnion<{ a: 1 } | { b: 2 }>>().toEqualTypeOf<Theirs.StrictUnion<{ a: 1 } | { b: 2 }>>();
    expectTypeOf<Ours.MaybePromise<1>>().toEqualTypeOf<Theirs.MaybePromise<1>>();
  });

  test("of names", () => {
    expectTypeOf<Ours.IsStringLiteral<"a">>().toEqualTypeOf<true>();
    expectTypeOf<Ours.IsStringLiteral<string>>().toEqualTypeOf<false>();
    expectTypeOf<Ours.AddName<{ data: 1 }, "n">>().toEqualTypeOf<Older.AddName<{ data: 1 }, "n">>();
    expectTypeOf<Ours.AddName<{ name: "own" }, "n">>().toEqualTypeOf<{ name: "own" }>();
  });

  test("of events of 3.x", () => {
    type Events = {
      "a/b": { name: "a/b"; data: { x: 1 } };
      "inngest/function.failed": { name: "inngest/function.failed" };
    };
    expectTypeOf<keyof Ours.WithoutInternal<Events>>().toEqualTypeOf<"a/b">();
    type Payloads = Ours.StandardEventSchemaToPayload<{ "a/b": { data: { x: number } } }>;
    expectTypeOf<Payloads["a/b"]["data"]>().toEqualTypeOf<{ x: number }>();
    expectTypeOf<Payloads["a/b"]["name"]>().toEqualTypeOf<"a/b">();
  });

  test("of clients and functions", () => {
    expectTypeOf<Ours.Inngest.CreateFunction>().toBeFunction();
    expectTypeOf<Ours.InngestFunctionReference.HelperArgs<never, never>["functionId"]>().toEqualTypeOf<string>();
    expectTypeOf<Ours.MiddlewareRegisterFn>().toEqualTypeOf<Ours.MiddlewareOptions["init"]>();
    expectTypeOf<MinimalEventPayload<{ x: 1 }>["data"]>().toEqualTypeOf<{ x: 1 } | undefined>();
    const result: Result<number, string> = Math.random() > 2 ? err("no") : ok(1);
    expect(result).toEqual({ ok: true, value: 1 });
  });
});

test("names of the wire are those of inngest 4.x", async () => {
  const theirs = await import("inngest-v4");
  expect(headerKeys).toMatchObject(theirs.headerKeys);
  expect({ ...(await import("inngest-v4/types")).StepOpCode }).toMatchObject(StepOpCode);
  expect([InngestFunction.stepId, InngestFunction.failureSuffix]).toEqual(["step", "-failure"]);
});

test("readRequestBody puts characters together again that a chunk has split", async () => {
  const request = new EventEmitter();
  const read = readRequestBody(request);
  const bytes = new TextEncoder().encode('{"a":"é"}');
  request.emit("data", bytes.slice(0, 7));
  request.emit("data", bytes.slice(7));
  request.emit("end");
  expect(await read).toBe('{"a":"é"}');
});
