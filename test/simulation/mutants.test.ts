import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "test/mutants");
const patches = readdirSync(folder).filter((name) => name.endsWith(".patch"));
const own = mkdtempSync(join(tmpdir(), "inngest-mutants-test-"));
afterAll(() => rmSync(own, { recursive: true }));

describe("mutants of the engine", () => {
  it("are at least 30", () => {
    expect(patches.length).toBeGreaterThanOrEqual(30);
  });

  it.each(patches)("%s applies to the sources as they are", (patch) => {
    const { status, stderr } = spawnSync("git", ["apply", "--check", "--recount", join(folder, patch)], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });
});

describe("npm run mutants", () => {
  const mutants = (...args: string[]) =>
    spawnSync(process.execPath, ["scripts/mutants.mjs", ...args], { cwd: root, encoding: "utf8" });

  it("tells which of a folder's patches the simulation notices, and which it cannot use", () => {
    symlinkSync(join(folder, "deadline-too-late.patch"), join(own, "a.patch"));
    // it changes nothing that anybody would notice
    writeFileSync(
      join(own, "b.diff"),
      `--- a/package.json
+++ b/package.json
@@ -1,3 +1,3 @@
 {
-  "name": "@dotdo/inngest",
+  "name": "@dotdo/inngest-mutant",
   "version": "0.1.0",
`,
    );
    writeFileSync(join(own, "c.patch"), "--- a/none.ts\n+++ b/none.ts\n@@ -1 +1 @@\n-a\n+b\n");
    const { stdout, status } = mutants(own, "--seeds", "6");
    expect(stdout).toMatch(/^killed +a /m);
    expect(stdout).toMatch(/^survived +b /m);
    expect(stdout).toMatch(/^unusable +c /m);
    expect(stdout).toContain("1 of 3 mutants killed, 1 survived, 1 unusable");
    expect(status).toBe(2);
  }, 120_000);

  it("says what is wrong with a folder", () => {
    expect(mutants(join(own, "nowhere"))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no such folder"),
    });
  });
});
