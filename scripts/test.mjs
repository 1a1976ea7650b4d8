/**
 * `npm test` on a fresh clone: installs what is missing, then runs every suite under the project's Node, until the first
 * that fails. Ends with one line, `N passed, N failed`: tests, and one for each suite that has no tests of its own.
 *
 * A suite whose runtime is missing is skipped with a word on how to get it; with CI set that is a failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBrowser } from "../test/browser/find-browser.mjs";
import { installIfNeeded, root } from "./start.mjs";

/** @type {{ name: string, command: string, needs?: { check: () => boolean, remedy: string } }[]} */
const suites = [
  { name: "check and build", command: "npm run --silent check" },
  { name: "unit and workers", command: "vitest run --project unit --project workers" },
  { name: "simulation", command: "vitest run --project simulation" },
  { name: "e2e", command: "vitest run --config vitest.e2e.config.ts" },
  {
    name: "frameworks",
    command: "vitest run --config vitest.frameworks.config.ts",
    needs: { check: installFrameworks, remedy: "it needs the frameworks: npm ci --prefix test/frameworks" },
  },
  {
    name: "browser",
    command: "vitest run --config vitest.browser.config.ts",
    needs: {
      check: () => findBrowser() !== undefined,
      remedy: "it looks at the dashboard in Chromium: apt-get install chromium, or set CHROMIUM to one",
    },
  },
  { name: "interop", command: "vitest run --config vitest.interop.config.ts" },
  {
    name: "packaging",
    command: "vitest run --config vitest.packaging.config.ts",
    needs: {
      check: () => spawnSync("npm", ["view", "ms", "version"]).status === 0,
      remedy: "it installs packages: the npm registry must be reachable (npm view ms)",
    },
  },
];

const total = { passed: 0, failed: 0 };
installIfNeeded();
const reports = mkdtempSync(join(tmpdir(), "inngest-test-"));
const exitCode = runAll();
rmSync(reports, { recursive: true });
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(exitCode);

/** They are a package of their own, so that contributors' install stays small. */
function installFrameworks() {
  try {
    installIfNeeded(join(root, "test/frameworks"));
    return true;
  } catch (error) {
    console.error(error.message);
    return false;
  }
}

function runAll() {
  for (const [index, suite] of suites.entries()) {
    if (suite.needs !== undefined && !suite.needs.check()) {
      console.log(`\n== ${suite.name}: skipped, ${suite.needs.remedy}`);
      if (!process.env.CI) continue;
      total.failed++;
      return 1;
    }
    console.log(`\n== ${suite.name}`);
    const startedAt = performance.now();
    const status = runSuite(suite.command, join(reports, `${index}.json`));
    console.log(
      `== ${suite.name}: ${status === 0 ? "passed" : "failed"} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
    );
    if (status !== 0) return status;
  }
  return 0;
}

/** @returns the exit code */
function runSuite(command, report) {
  const isVitest = command.startsWith("vitest ");
  const reporters = isVitest ? ` --reporter=default --reporter=json --outputFile.json=${report}` : "";
  const env = { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}` };
  const status = spawnSync(command + reporters, { cwd: root, shell: true, stdio: "inherit", env }).status ?? 1;

  const tests = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
  total.passed += tests?.numPassedTests ?? (status === 0 ? 1 : 0);
  // A suite can fail without a failed test: a file that does not load, an error between tests.
  total.failed += Math.max(tests?.numFailedTests ?? 0, status === 0 ? 0 : 1);
  return status;
}
