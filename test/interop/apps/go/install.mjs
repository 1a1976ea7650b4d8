/**
 * The Go app of the suite, built into the suite's cache; and, with `--toolchain`, a Go to build it with where the machine
 * has none. Built-ins only: CI runs it before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL(".", import.meta.url));
const defaultCache = fileURLToPath(new URL("../../.cache", import.meta.url));
/** What inngestgo's own go.mod asks for. */
const oldest = [1, 24];

/** The toolchain that `go` itself would fetch, from where it would: distributions may have an older one. */
const toolchain = {
  module: "golang.org/toolchain",
  version: "v0.0.1-go1.25.4.linux-amd64",
  sha256: "f4fa35e13952bae9836a82d8cf077710cd58fee98d31680f94edf435852b1af2",
};

/** What a person does when `buildGoApp` finds no Go. */
export const remedy = `Go ${oldest.join(".")} or newer (node test/interop/apps/go/install.mjs --toolchain fetches one)`;

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

/** Fetches Go into the cache where the machine has none that is new enough. */
async function fetchToolchain(cache = defaultCache) {
  if (findGo(cache) !== undefined) return;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`Install Go ${oldest.join(".")} or newer: only the one for Linux on x64 is pinned here`);
  }
  mkdirSync(cache, { recursive: true });
  const proxies = (process.env.GOPROXY || "https://proxy.golang.org").split(/[,|]/);
  const proxy = proxies.find((url) => url.startsWith("http"));
  const response = await fetch(`${proxy}/${toolchain.module}/@v/${toolchain.version}.zip`);
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== toolchain.sha256) throw new Error(`${response.url} has the SHA-256 ${sha256}, not the pinned one`);

  const archive = join(cache, "go.zip");
  const unpacked = join(cache, "go-unpacked");
  writeFileSync(archive, bytes);
  rmSync(unpacked, { recursive: true, force: true });
  const unzip = spawnSync("python3", ["-m", "zipfile", "-e", archive, unpacked], { encoding: "utf8" });
  if (unzip.status !== 0) throw new Error(`Unpacking Go failed: ${unzip.error ?? unzip.stderr}`);
  const go = join(unpacked, `${toolchain.module}@${toolchain.version}`);
  // A module's archive keeps no permissions.
  for (const directory of ["bin", "pkg/tool/linux_amd64"]) {
    if (!existsSync(join(go, directory))) continue;
    for (const file of readdirSync(join(go, directory))) chmodSync(join(go, directory, file), 0o755);
  }
  rmSync(join(cache, "go"), { recursive: true, force: true });
  renameSync(go, join(cache, "go"));
  rmSync(unpacked, { recursive: true });
  rmSync(archive);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--toolchain")) await fetchToolchain();
  else console.log(buildGoApp());
}
