/**
 * The Python of the suite: an environment of its own in the suite's cache, with exactly what requirements.txt pins.
 * Made once and again whenever the pins or the interpreter change. Built-ins only: CI runs it before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const requirements = fileURLToPath(new URL("requirements.txt", import.meta.url));

/** What a person does when `installPython` finds no interpreter to start from. */
export const remedy = "Python 3.10 or newer with its venv module (Debian: apt-get install python3-venv)";

/** @returns the environment's interpreter */
export function installPython(cache = fileURLToPath(new URL("../../.cache", import.meta.url))) {
  const found = findPython();
  if (found === undefined) throw new Error(`The Python apps need ${remedy}`);
  const pins = createHash("sha256").update(found.version).update(readFileSync(requirements)).digest("hex");
  const home = join(cache, `python-${pins.slice(0, 12)}`); // an earlier one may still be in use
  const python = join(home, "bin/python");
  const stamp = join(home, "installed.txt");
  if (existsSync(stamp)) return python;

  rmSync(home, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run(found.command, "-m", "venv", home);
  run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", requirements);
  run(python, "-m", "pip", "check", "--disable-pip-version-check");
  writeFileSync(stamp, pins);
  return python;
}

/** The first interpreter that is new enough and can make environments; `python3` alone may be a shim without one. */
function findPython() {
  const question = "import sys, venv, ensurepip; print(sys.version_info >= (3, 10), sys.version.replace(chr(10), ' '))";
  for (const command of ["python3", "/usr/bin/python3", "/usr/local/bin/python3"]) {
    const { status, stdout } = spawnSync(command, ["-c", question], { encoding: "utf8" });
    if (status === 0 && stdout.startsWith("True ")) return { command, version: stdout.trim() };
  }
}

function run(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error ?? `${stdout}${stderr}`}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(installPython());
