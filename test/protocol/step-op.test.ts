import { describe, expect, test } from "vitest";
import { stepOpsSchema, wireErrorSchema } from "../../src/protocol/step-op.ts";

const read = (body: unknown) => stepOpsSchema.safeParse(body);
const firstIssue = (body: unknown) => {
  const [issue] = read(body).error?.issues ?? [];
  return issue && `${issue.path.join(".")}: ${issue.message}`;
};

describe("[§3.3] the ops of a reply", () => {
  test("are a list; a single one is tolerated", () => {
    const op = { op: "StepRun", id: "a", data: 1 };
    expect(read([op]).data).toEqual([op]);
    expect(read(op).data).toEqual([op]);
    expect(read([]).data).toEqual([]);
  });

  test.each(["StepRun", "steprun", "STEPRUN", "stepRun"])("opcodes compare without case: %s", (op) => {
    expect(read([{ op, id: "a" }]).data?.[0]?.op).toBe("StepRun");
  });

  test("unknown fields are left out, null ones are absent", () => {
    const op = {
      op: "Sleep",
      id: "a",
      name: "1h",
      displayName: null,
      opts: null,
      userland: null,
      error: null,
      timing: { a: 1 },
      colour: "red",
    };
    expect(read([op]).data).toEqual([
      { op: "Sleep", id: "a", name: "1h", displayName: null, opts: null, userland: null, error: null },
    ]);
  });

  test("a step that is not repeated may have null for its index", () => {
    const op = { op: "StepRun", id: "a", data: 1, userland: { id: "charge", index: null } };
    expect(read([op]).data).toEqual([op]);
  });

  test.each<[string, unknown, RegExp]>([
    [
      "an unknown opcode is named",
      [{ op: "StepTeleport", id: "a" }],
      /^0\.op: op: "StepTeleport" is not an opcode this platform knows$/,
    ],
    ["names of object members are none", [{ op: "constructor", id: "a" }], /"constructor" is not an opcode/],
    ["no opcode", [{ id: "a" }], /^0\.op: /],
    ["null among ops", [{ op: "None", id: "a" }, null], /^1: /],
    ["a text", "StepRun", /^0: /],
    ["a long id", [{ op: "StepRun", id: "x".repeat(1025) }], /^0\.id: /],
    [
      "an empty user id",
      [{ op: "StepRun", id: "a", userland: { id: "" } }],
      /^0\.userland\.id: id: a step id must not be empty$/,
    ],
    [
      "a user id over 1,024 bytes",
      [{ op: "StepRun", id: "a", userland: { id: "é".repeat(513) } }],
      /at most 1024 bytes$/,
    ],
    ["a step without an id", [{ op: "StepRun", data: 1 }], /^0\.id: /],
    ["a planned step with an empty id", [{ op: "StepPlanned", id: "" }], /^0\.id: /],
  ])("[G9] refused: %s", (_, body, message) => {
    expect(firstIssue(body)).toMatch(message);
  });

  test.each(["None", "RunComplete", "DiscoveryRequest"])("%s is about no step and needs no id", (op) => {
    expect(read([{ op }]).success).toBe(true);
  });
});

describe("[§3.3] errors of ops", () => {
  test("are kept word for word, with what they carry besides", () => {
    const error = {
      name: "E",
      message: "m",
      stack: "s",
      code: "c",
      data: { partial: [1] },
      cause: { message: "x" },
      noRetry: true,
      __serialized: true,
    };
    expect(wireErrorSchema.parse(error)).toEqual(error);
  });

  test.each<[string, unknown, object]>([
    ["a text", "boom", { name: "Error", message: "the app reported an error without a name or message" }],
    ["null", null, { name: "Error" }],
    ["a list", [], { name: "Error" }],
    ["no name", { message: "m" }, { name: "Error", message: "m" }],
    ["a name of another type", { name: 5, message: "m" }, { name: "Error", message: "m" }],
    ["no message", { name: "E" }, { name: "E", message: "" }],
    ["a code of another type", { name: "E", message: "m", code: 5 }, { name: "E", message: "m", code: undefined }],
  ])("that are none become one: %s", (_, given, expected) => {
    expect(wireErrorSchema.parse(given)).toMatchObject(expected);
  });
});
