import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("every name of inngest 4.x and 3.x is there, or docs/compatibility.md says why not", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/compare-declarations.mjs", "--check"], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("the versions that were compared are those of the page", () => {
  const page = readFileSync("docs/compatibility.md", "utf8");
  for (const name of ["inngest-v4", "inngest-v3"]) {
    const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")) as { version: string };
    expect(page).toContain(version);
  }
});
