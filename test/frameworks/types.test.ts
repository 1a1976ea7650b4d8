import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "vitest";

test("handlers fit the frameworks' own types: these tests compile", () => {
  execFileSync(join(import.meta.dirname, "../../node_modules/.bin/tsc"), ["-p", import.meta.dirname], {
    stdio: "pipe",
  });
});
