import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/protocol/json.ts";
import { commonSessions, resolveMeta, SessionsError } from "../../src/protocol/sessions.ts";

/** As many sessions as there are letters, each its own id. */
const letters = (text: string) => Object.fromEntries(Array.from(text, (key) => [key, key]));

describe("[features §1.3] sessions of an accepted event", () => {
  test.each<[string, JsonObject, JsonObject | undefined]>([
    ["those of the sender", { sessions: { chat: "7" } }, { sessions: { chat: "7" } }],
    ["numbers are their text", { sessions: { chat: 7, price: 1.5 } }, { sessions: { chat: "7", price: "1.5" } }],
    ["those that are inherited", { propagated_sessions: { chat: 7 } }, { sessions: { chat: "7" } }],
    [
      "the sender's id wins",
      { sessions: { chat: "mine" }, propagated_sessions: { chat: "theirs", org: "o" } },
      { sessions: { chat: "mine", org: "o" } },
    ],
    [
      "null cuts an inherited one, and is not stored",
      { sessions: { chat: null }, propagated_sessions: { chat: "7", org: "o" } },
      { sessions: { org: "o" } },
    ],
    [
      "null of a key that is not inherited does nothing",
      { sessions: { chat: null, a: "1" } },
      { sessions: { a: "1" } },
    ],
    ["null for all inherits nothing", { sessions: null, propagated_sessions: { chat: "7" } }, undefined],
    ["an empty object inherits", { sessions: {}, propagated_sessions: { chat: "7" } }, { sessions: { chat: "7" } }],
    ["null inherited is nothing", { sessions: { a: "1" }, propagated_sessions: null }, { sessions: { a: "1" } }],
    ["nothing", {}, undefined],
    ["what else is in meta stays", { sessions: null, trace: { id: 1 } }, { trace: { id: 1 } }],
    [
      "five of the sender leave no place",
      { sessions: letters("vwxyz"), propagated_sessions: letters("ab") },
      { sessions: letters("vwxyz") },
    ],
    [
      "the first keys fill the places that are left",
      { sessions: letters("yz"), propagated_sessions: letters("dcba") },
      { sessions: letters("yzabc") },
    ],
    [
      "a key of both layers takes one place",
      { sessions: letters("a"), propagated_sessions: letters("abcde") },
      { sessions: letters("abcde") },
    ],
    ["a cut takes no place", { sessions: { ...letters("vwxyz"), a: null } }, { sessions: letters("vwxyz") }],
    [
      "keys are ordered by their bytes, not by UTF-16 units",
      { sessions: letters("1234"), propagated_sessions: { "\u{1F600}": "later", "\uFF5E": "first" } },
      { sessions: { ...letters("1234"), "\uFF5E": "first" } },
    ],
    [
      "a key of the language is a key",
      JSON.parse('{ "propagated_sessions": { "__proto__": "p", "constructor": "c" } }'),
      { sessions: JSON.parse('{ "__proto__": "p", "constructor": "c" }') },
    ],
    [
      "the largest",
      { sessions: { ["é".repeat(64)]: "é".repeat(256) } },
      { sessions: { ["é".repeat(64)]: "é".repeat(256) } },
    ],
  ])("%s", (_, meta, stored) => {
    expect(resolveMeta(meta, "meta")).toEqual(stored);
  });

  test.each<[string, JsonObject, string]>([
    ["a text", { sessions: "chat" }, 'meta.sessions: "chat" is not an object of session ids by key'],
    ["a list", { propagated_sessions: ["a"] }, 'meta.propagated_sessions: ["a"] is not an object'],
    ["an empty key", { sessions: { "": "1" } }, "meta.sessions: a session's key must not be empty"],
    ["a long key", { sessions: { ["é".repeat(65)]: "1" } }, "has 130 bytes; the bound is 128"],
    [
      "true",
      { sessions: { chat: true } },
      "meta.sessions.chat: true is not a session id; it must be a string or a number",
    ],
    ["an object", { sessions: { chat: { id: 1 } } }, 'meta.sessions.chat: {"id":1} is not a session id'],
    ["an empty id", { sessions: { chat: "" } }, "meta.sessions.chat: a session's id must not be empty"],
    ["a long id", { sessions: { chat: "é".repeat(257) } }, "has 514 bytes; the bound is 512"],
    ["a number that is none", { sessions: { chat: Number.NaN } }, "meta.sessions.chat: NaN is not a session id"],
    ["null that is inherited", { propagated_sessions: { chat: null } }, "meta.propagated_sessions.chat: null is not"],
    ["six of the sender", { sessions: letters("abcdef") }, "meta.sessions: has 6 sessions; the bound is 5"],
  ])("[G9] refused: %s", (_, meta, message) => {
    expect(() => resolveMeta(meta, "meta")).toThrow(SessionsError);
    expect(() => resolveMeta(meta, "meta")).toThrow(message);
  });
});

describe("[features §1.6] sessions of a run", () => {
  const event = (sessions: unknown) => ({ meta: { sessions } });

  test.each<[string, { meta?: unknown }[], object | undefined]>([
    ["those of its event", [event({ chat: "7" })], { chat: "7" }],
    ["none", [{}], undefined],
    ["none of an event with other meta", [{ meta: { trace: 1 } }], undefined],
    ["those that all events share", [event({ a: "1", b: "2" }), event({ b: "2", a: "other" })], { b: "2" }],
    ["none when one event has none", [event({ a: "1" }), {}], undefined],
    ["numbers of other servers are their text", [event({ a: 1 }), event({ a: "1" })], { a: "1" }],
    ["at most five", [event(letters("fedcba"))], letters("abcde")],
  ])("%s", (_, events, sessions) => {
    expect(commonSessions(events)).toEqual(sessions);
  });
});
