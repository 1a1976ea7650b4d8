import { describe, expect, test } from "vitest";
import { optionsOf } from "../../scripts/docs/options.ts";
import { FAULT_KINDS } from "../../src/testing/simulation-faults.ts";
import { filesUnder, readPage } from "./helpers/markdown.ts";

const text = readPage("docs/testing.md");
const [, tables = ""] = text.split("\n## All options and limits\n");

describe("docs/testing.md names every option, and none that there is not", () => {
  test.each([
    ["createTestPlatform", "TestPlatformOptions"],
    ["simulate", "SimulateOptions"],
  ])("%s", (title, name) => {
    expect(namesIn(title)).toEqual(membersOf(name));
  });

  test("InngestTestEngine", () => {
    const inline = membersOf("EngineInlineOptions");
    expect(namesIn("InngestTestEngine")).toEqual([...inline, "function"].toSorted());
  });
});

test("docs/testing.md names every fault, matcher and assertion", () => {
  const code = (source: string, pattern: RegExp) => [...readPage(source).matchAll(pattern)].map((match) => match[1]!);
  const named = [
    ...FAULT_KINDS.map((kind) => `| \`${kind}\` |`),
    ...code("src/testing/assert.ts", /^export function (\w+)/gm).map((name) => `\`${name}`),
    ...code("src/testing/vitest.ts", /^ {2}(\w+)\(.*\): R;/gm).map((name) => `\`${name}(`),
    ...code("src/testing/step-control.ts", /^ {2}(\w+)\(.*\): void;/gm).map((name) => `\`${name}(`),
  ];
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((name) => !text.includes(name))).toEqual([]);
});

/** First cells of the table after a title. */
function namesIn(title: string): string[] {
  const table = tables.split(`\n\`${title}\`:\n`)[1]?.split(/\n(?=[^|\n])/)[0] ?? "";
  const cells = [...table.matchAll(/^\| (`.+?) \|/gm)].map((match) => match[1]!);
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!)).toSorted();
}

function membersOf(name: string): string[] {
  const source = filesUnder("src/testing", ".ts")
    .map(readPage)
    .find((one) => one.includes(`export interface ${name}`));
  const members = optionsOf(source ?? "", name).filter(({ says }) => !says.startsWith("@internal"));
  return members.map((member) => member.name).toSorted();
}
