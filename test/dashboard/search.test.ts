import { expect, test } from "vitest";
import { mergeEvents, namesIn } from "../../dashboard/src/model/event-list.ts";
import type { EventRow } from "../../dashboard/src/api/events.ts";
import type { FunctionView } from "../../dashboard/src/api/functions.ts";
import { commandsOf } from "../../dashboard/src/model/commands.ts";
import { readEventsSearch, readRunSearch, readRunsSearch, statusesIn } from "../../dashboard/src/model/search.ts";
import { curlSnippet, eventsOf, sdkSnippet } from "../../dashboard/src/model/snippets.ts";
import { path, query } from "../../dashboard/src/api/request.ts";

test("an address keeps what makes sense of a search, and leaves out the rest", () => {
  expect(readRunsSearch({ status: "FAILED,NONSENSE,QUEUED", app: 12, fn: "f", range: "1h", x: 1 })).toEqual({
    status: "FAILED,QUEUED",
    app: "12",
    fn: "f",
    range: "1h",
  });
  expect(readRunsSearch({ status: "", fn: "of no app", range: "1y" })).toEqual({});
  expect(readRunsSearch({ status: "NONSENSE", app: { a: 1 } })).toEqual({});
  expect(statusesIn({ status: "FAILED,QUEUED" })).toEqual(["FAILED", "QUEUED"]);
  expect(statusesIn({})).toEqual([]);
  expect(readRunSearch({ step: "abc", other: 1 })).toEqual({ step: "abc" });
  expect(readEventsSearch({ name: "a/b", internal: "true" })).toEqual({ name: "a/b" });
  expect(readEventsSearch({ internal: true })).toEqual({ internal: true });
});

test("ids and names are escaped where they become part of a path", () => {
  expect(path`/v1/functions/${"a/b?c"}/lines`).toBe("/v1/functions/a%2Fb%3Fc/lines");
  expect(query({ a: "x&y", b: undefined, c: "", d: 0 })).toBe("?a=x%26y&d=0");
  expect(query({})).toBe("");
});

test("a snippet for the shell survives quotes, one for the SDK is code", () => {
  expect(curlSnippet({ name: "it's" }, "http://x")).toContain(`--data-raw '{"name":"it'\\''s"}'`);
  expect(sdkSnippet([{ name: "a" }])).toContain('await inngest.send([\n  {\n    "name": "a"\n  }\n]);');
});

test("what is sent is one event or a list of them, each with a name", () => {
  expect(eventsOf({ name: "a" })).toEqual([{ name: "a" }]);
  expect(eventsOf([{ name: "a" }, { name: "b" }])).toHaveLength(2);
  expect(() => eventsOf([])).toThrow("The list is empty: there is no event to send");
  expect(() => eventsOf("a")).toThrow("The event must be an object");
  expect(() => eventsOf([{ name: "a" }, { data: {} }])).toThrow("Event 2 has no name");
});

const event = (id: string, name = "a/b") => ({ internal_id: id, name }) as EventRow;

test("events are in the order of their ids, each once", () => {
  expect(mergeEvents([event("3"), event("2")], [event("2"), event("1")]).map((one) => one.internal_id)).toEqual([
    "3",
    "2",
    "1",
  ]);
});

test("names of events are told apart by commas and blanks", () => {
  expect(namesIn(" shop/paid, shop/order.placed\tother ")).toEqual(["shop/paid", "shop/order.placed", "other"]);
  expect([namesIn(undefined), namesIn(" , ")]).toEqual([[], []]);
});

test("the palette finds pages, functions and apps by parts of their names, and goes where an id leads", () => {
  const functions = [{ slug: "shop-a/b", name: "Process order" } as FunctionView];
  const hrefs = (typed: string) => commandsOf(typed, functions, []).map(({ href }) => href);
  expect(hrefs("order proc")).toEqual(["/functions/shop-a%2Fb"]);
  expect(hrefs("failed")).toEqual(["/runs?status=FAILED"]);
  expect(hrefs("no such thing")).toEqual([]);
  expect(hrefs(" 01hzzzzzzzzzzzzzzzzzzzzzzz ")).toEqual([
    "/runs/01HZZZZZZZZZZZZZZZZZZZZZZZ",
    "/events/01HZZZZZZZZZZZZZZZZZZZZZZZ",
  ]);
});
