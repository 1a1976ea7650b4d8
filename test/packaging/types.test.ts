import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";

const repository = join(import.meta.dirname, "../..");
const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  exports: Record<string, unknown>;
};
/** Without what only Vitest's users import: test-kit.test.ts compiles that, with Vitest beside it. */
const subpaths = Object.keys(exports).filter((path) => !["./package.json", "./test/vitest"].includes(path));

/** Errors of a program that imports these subpaths, in the package's declarations too: nothing is skipped. */
function typeErrors(paths: string[], options: object): string {
  const folder = join(inject("installed"), "types");
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(folder);
  const code = paths.map((path, index) => `export * as e${index} from "@dotdo/inngest${path.slice(1)}";`);
  writeFileSync(join(folder, "app.mts"), code.join("\n"));
  const compilerOptions = {
    noEmit: true,
    strict: true,
    module: "nodenext",
    target: "es2022",
    skipLibCheck: false,
    // an optional peer
    paths: { superjson: [join(repository, "node_modules/superjson/dist/index.d.ts")] },
    ...options,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.mts"] }));
  return spawnSync(join(repository, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" }).stdout;
}

test("the declarations stand on their own in a project of Node or the browser: no types of Workers", () => {
  const paths = subpaths.filter((path) => path !== "./worker");
  expect(paths.length).toBeGreaterThan(20);
  expect(typeErrors(paths, { types: [], lib: ["es2023", "dom"] })).toBe("");
});

test("and all of them in a project of Workers", () => {
  const types = [join(repository, "node_modules/@cloudflare/workers-types")];
  expect(typeErrors(subpaths, { types, lib: ["es2023", "esnext.disposable"] })).toBe("");
});
