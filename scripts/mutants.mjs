/**
 * `npm run mutants`: whether the simulation notices engines that are broken. Each patch of a folder is applied to a copy of the
 * sources, which is then simulated: `killed` when a simulation fails, `survived` when all hold.
 *
 *   npm run mutants -- [folder, default test/mutants] [--seeds 400] [--least 28]
 *
 * Patches are unified diffs with paths as in this repository (`git diff` makes them). With --least fewer killed ones are a
 * failure.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const NEEDED = ["src", "scripts", "test/simulation", "package.json"];
const TIMEOUT_MS = 180_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string", default: "400" }, least: { type: "string" } },
});
const folder = resolve(positionals[0] ?? join(root, "test/mutants"));
if (!existsSync(folder)) {
  console.error(`${folder}: no such folder`);
  process.exit(2);
}
const patches = readdirSync(folder)
  .filter((name) => /\.(patch|diff)$/.test(name))
  .sort();
if (patches.length === 0) {
  console.error(`${folder}: no patches (*.patch or *.diff) there`);
  process.exit(2);
}

const sound = await tried(null);
if (sound.status !== "survived") {
  console.error(`the simulation fails without any patch: ${sound.why}`);
  process.exit(2);
}
const results = new Map();
const queue = [...patches];
await Promise.all(Array.from({ length: Math.min(availableParallelism(), patches.length) }, work));
const count = (status) => [...results.values()].filter((result) => result === status).length;
console.log(
  `${count("killed")} of ${patches.length} mutants killed, ${count("survived")} survived, ${count("unusable")} unusable`,
);
if (values.least !== undefined && count("killed") < Number(values.least)) process.exit(1);
if (count("unusable") > 0) process.exit(2);

async function work() {
  for (let patch = queue.shift(); patch !== undefined; patch = queue.shift()) {
    const { status, why } = await tried(join(folder, patch));
    results.set(patch, status);
    console.log(
      `${status.padEnd(9)} ${basename(patch)
        .replace(/\.(patch|diff)$/, "")
        .padEnd(36)} ${why}`,
    );
  }
}

async function tried(patch) {
  const copy = mkdtempSync(join(tmpdir(), "inngest-mutant-"));
  try {
    for (const path of NEEDED) cpSync(join(root, path), join(copy, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    if (patch === null) return await simulated(copy);
    const applied = spawnSync("git", ["apply", "--recount", patch], { cwd: copy, encoding: "utf8" });
    if (applied.status !== 0)
      return { status: "unusable", why: `does not apply: ${applied.stderr.trim().split("\n")[0]}` };
    return await simulated(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function simulated(copy) {
  return new Promise((settle) => {
    const child = spawn(process.execPath, ["scripts/sim.ts", "--seeds", values.seeds], { cwd: copy });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) return settle({ status: "survived", why: text.trim().split("\n").at(-1) });
      // a copy that does not even load says nothing about the simulation
      if (/SyntaxError|ERR_MODULE_NOT_FOUND/.test(text))
        return settle({ status: "unusable", why: text.trim().split("\n")[0] });
      const line = text.split("\n").find((one) => one.trim() !== "") ?? "did not come to an end";
      settle({ status: "killed", why: line.slice(0, 160) });
    });
  });
}
