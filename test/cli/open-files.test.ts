import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileVariables } from "../../src/cli/open-files.ts";

const module = join(import.meta.dirname, "../../src/cli/open-files.ts");

/** What a process sees that a shell with these limits has started. */
function limitUnder(command: string): string {
  const print = `import(${JSON.stringify(module)}).then(({ openFilesLimit }) => console.log(openFilesLimit()))`;
  return execFileSync("sh", ["-c", `${command} && exec "$0" -e '${print}'`, process.execPath], {
    encoding: "utf8",
  }).trim();
}

test("a soft limit is raised to the hard one, which is then the limit", () => {
  expect(limitUnder("ulimit -n 700 && ulimit -S -n 256")).toBe("700");
});

test.each([256, 4_095])("with %i files the Worker is told, and people what to do", (limit) => {
  const lines: string[] = [];
  expect(fileVariables(limit, (line) => lines.push(line))).toEqual({ INNGEST_OPEN_FILES: String(limit) });
  expect(lines).toEqual([expect.stringMatching(new RegExp(`only ${limit} files may be open.*: ulimit -n 4096`))]);
});

test.each([4_096, 20_000, undefined])("with %s there is nothing to say", (limit) => {
  const lines: string[] = [];
  expect(fileVariables(limit, (line) => lines.push(line))).toEqual({});
  expect(lines).toEqual([]);
});
