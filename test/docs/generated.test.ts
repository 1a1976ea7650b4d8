import { describe, expect, test } from "vitest";
import { errorGroups, apiStatuses, errorNamesSaid } from "../../scripts/docs/error-codes.ts";
import { optionsOf } from "../../scripts/docs/options.ts";
import { generatedPages } from "../../scripts/generate-docs.ts";
import {
  appVariables,
  commandVariables,
  platformBindings,
  platformVariables,
  unreadVariables,
} from "../../src/configuration.ts";
import { errorNames } from "../../src/protocol/wire-error.ts";
import { filesUnder, readPage } from "./helpers/markdown.ts";

const sources = filesUnder("src", ".ts")
  .filter((path) => path !== "src/configuration.ts")
  .map((path) => ({ path, text: readPage(path) }));
/** without comments: examples in them name variables of users */
const code = sources.map(({ path, text }) => ({
  path,
  text: text.replaceAll(/\/\*\*[\s\S]*?\*\//g, "").replaceAll(/(?<=^|\s)\/\/ .*$/gm, ""),
}));

test.each(Object.entries(generatedPages()))("%s is what `npm run docs` writes", (path, text) => {
  expect(readPage(path), `${path} is stale: run node scripts/generate-docs.ts`).toBe(text);
});

describe("docs/configuration.md", () => {
  const documented = new Set([
    ...Object.keys(platformVariables),
    ...Object.keys(platformBindings),
    ...Object.keys(appVariables),
    ...Object.keys(commandVariables),
  ]);

  test("names every variable that the code reads", () => {
    const enums = new Set(enumValues(readPage("src/routes/graphql/schema.graphql.ts")));
    const read = code.flatMap(({ path, text }) => variablesIn(text).map((name) => ({ name, path })));
    expect(read.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["INNGEST_EVENT_KEY", "INNGEST_WORKER", "PORT"]),
    );
    const missing = read.filter(({ name }) => !documented.has(name) && !enums.has(name));
    expect(missing, "list it in src/configuration.ts").toEqual([]);
  });

  test("names no variable that nothing reads, and calls none unread that is read", () => {
    const read = new Set(code.flatMap(({ text }) => variablesIn(text)));
    const variables = { ...platformVariables, ...appVariables, ...commandVariables };
    expect(Object.keys(variables).filter((name) => !read.has(name))).toEqual([]);
    expect(Object.keys(unreadVariables).filter((name) => read.has(name))).toEqual([]);
  });

  test("lists the platform's variables where the platform reads them, and the app's where the app does", () => {
    const readIn = (folder: RegExp) =>
      new Set(code.filter(({ path }) => folder.test(path)).flatMap(({ text }) => variablesIn(text)));
    const settings = readIn(/^src\/settings\.ts$/);
    expect([...settings].toSorted()).toEqual(Object.keys(platformVariables).toSorted());
    const app = readIn(/^src\/(?:sdk|serve|connect)\//);
    expect([...app].toSorted()).toEqual(Object.keys(appVariables).toSorted());
    const command = [...readIn(/^src\/cli\//)].filter((name) => !(name in platformBindings)); // which it makes
    expect(command.toSorted()).toEqual(Object.keys(commandVariables).toSorted());
  });

  test("lists what wrangler.toml binds, and what createWorker's module exports beside it", () => {
    const toml = readPage("wrangler.toml");
    const bound = [
      ...[...toml.matchAll(/^\[exports\.(\w+)\]/gm)].map((match) => match[1]!),
      ...[...toml.matchAll(/^binding = "(\w+)"/gm)].map((match) => match[1]!),
      ...[...toml.matchAll(/^crons = \[(.*)\]/gm)].flatMap((match) => JSON.parse(`[${match[1]}]`) as string[]),
    ];
    const exported = [...readPage("src/worker.ts").matchAll(/^export \{ (\w+) \} from/gm)].map((match) => match[1]!);
    expect(Object.keys(platformBindings).toSorted()).toEqual([...new Set([...bound, ...exported])].toSorted());
  });

  test("an option without a comment is refused, one for tests is left out", () => {
    const source = (members: string) => `export interface Some {\n${members}\n}`;
    expect(() => optionsOf(source("  a?: string;"), "Some")).toThrow("Some: no doc comment above: a?: string;");
    expect(() => optionsOf("", "Some")).toThrow("there is no `export interface Some`");
    expect(optionsOf(source("  /** one */\n  a?: string | number;\n  /** for tests: b */\n  b: {};"), "Some")).toEqual([
      { name: "a", isRequired: false, type: "string | number", says: "One" },
    ]);
  });
});

describe("docs/errors.md", () => {
  const documented = errorGroups.flatMap(({ codes }) => Object.keys(codes));

  test("has every code that the code gives, and one heading each", () => {
    const given = code.flatMap(({ path, text }) => codesIn(text).map((name) => ({ name, path })));
    expect(given.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["step_lost", "unreachable", "function_not_found", "url_not_found", "internal_error"]),
    );
    expect(
      given.filter(({ name }) => !documented.includes(name)),
      "describe it in scripts/docs/error-codes.ts",
    ).toEqual([]);
    expect(documented).toEqual([...new Set(documented)]);
  });

  test("has no code that is not given any more", () => {
    const given = new Set(code.flatMap(({ text }) => codesIn(text)));
    expect(documented.filter((name) => !given.has(name))).toEqual([]);
  });

  test("has every name that the engine gives an error", () => {
    expect(Object.keys(errorNamesSaid).toSorted()).toEqual(Object.values(errorNames).toSorted());
  });

  test("has every status that the platform's API answers", () => {
    const routes = code.filter(({ path }) => /^src\/(?:routes\/|app\.ts)/.test(path)).map(({ text }) => text);
    const answered = routes.flatMap((text) =>
      [...text.matchAll(/(?:HTTPException|ApiError)\(\s*(\d{3})|\bstatus: ([45]\d\d)\b/g)].map(
        (match) => match[1] ?? match[2]!,
      ),
    );
    expect([...new Set(answered)].toSorted()).toEqual(Object.keys(apiStatuses).toSorted());
  });
});

/**
 * Variables that a source text reads: `env.NAME`, or a quoted name that looks like one. Single words are taken only where
 * the code of this repository reads them so.
 */
function variablesIn(text: string): string[] {
  const found = [
    ...text.matchAll(/\benv\.([A-Z][A-Z0-9_]+)\b(?! \?\?=)/g),
    ...text.matchAll(/"((?:[A-Z][A-Z0-9]*_)+[A-Z0-9]+)"/g),
    ...text.matchAll(/"(PORT|BRANCH)"/g),
  ].map((match) => match[1]!);
  const others = ["ERR_ADDRESS_IN_USE", "ERR_ASSERTION", "NO_EVENT_KEY_SET"]; // codes of errors, and a placeholder for a key
  return [...new Set(found)].filter((name) => !others.includes(name) && name !== "INNGEST_EVENTS");
}

/** Error codes that a source text gives, in each way in which the code of this repository does. */
function codesIn(text: string): string[] {
  const found = [
    // code: "x", code = "x", code ?? "x"; then code: "x" | "y", and a condition with "x" as its last part
    ...text.matchAll(/\bcode(?::| =| \?\?) "([a-z]+(?:_[a-z]+)*)"(?! in )/g),
    ...text.matchAll(/\bcode: "[a-z_]+" \| "([a-z]+(?:_[a-z]+)*)"/g),
    ...text.matchAll(/\bcode = [^;]*? : "([a-z]+(?:_[a-z]+)*)";/g),
    // failure(400, "x", …), failed("x", …), problem(…, "x", …)
    ...text.matchAll(/\b(?:ApiError|super)\(\s*\d{3},\s*"([a-z]+(?:_[a-z]+)*)"/g),
    ...text.matchAll(/\brefusal\([^"]*?, "([a-z]+(?:_[a-z]+)*)"\)/g),
    ...text.matchAll(/\b(?:failure|failed|problem)\(\s*(?:[^"]{0,60}?,\s*)?"([a-z]+(?:_[a-z]+)*)"/g),
    // type SyncErrorCode = | "x" | "y"
    ...[...text.matchAll(/\btype \w*Code =([^;]+);/g)].flatMap((type) => [
      ...type[1]!.matchAll(/"([a-z]+(?:_[a-z]+)*)"/g),
    ]),
  ].map((match) => match[1]!);
  return [...new Set(found)].filter((name) => name !== "custom" && name !== "ends"); // zod's own, and a promise of simulations
}

/** Names of a GraphQL schema's enum values, which look like variables. */
function enumValues(schema: string): string[] {
  return [...schema.matchAll(/^ *enum \w+ \{([^}]*)\}/gm)].flatMap((match) => match[1]!.match(/\w+/g) ?? []);
}
