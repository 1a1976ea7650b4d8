/**
 * Packages that the commands need and the library does not: they stay out of what users install, and are taken from
 * the project in which a command runs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

interface Tools {
  miniflare: typeof import("miniflare");
  esbuild: typeof import("esbuild");
  wrangler: typeof import("wrangler");
}

const packageRoot = join(import.meta.dirname, "../..");

/** Majors whose interface the launcher knows. */
const MAJORS: Record<keyof Tools, string> = { miniflare: "5", esbuild: "0", wrangler: "4" };

/**
 * Loads a tool from the project in the current directory, else from beside this package, else the copy of wrangler, else
 * the one that was fetched.
 *
 * @throws Error with the command that installs it, when there is none or only one of another major version
 */
export async function loadTool<Name extends keyof Tools>(name: Name): Promise<Tools[Name]> {
  const found = find(name);
  if (typeof found === "object") return found.require(found.path) as Tools[Name]; // `import` would keep a second copy of their sources in memory
  const why = found === undefined ? "is not installed" : `${found} is installed, which has another interface`;
  throw new Error(`${name} ${why}; run: npm install -D ${name}@${verifiedVersion(name)}`);
}

export function isInstalled(name: keyof Tools): boolean {
  return typeof find(name) === "object";
}

/** @returns the version of one that will not do, when that is all there is */
function find(name: keyof Tools): { require: NodeJS.Require; path: string } | string | undefined {
  let other: string | undefined;
  for (const folder of [process.cwd(), packageRoot, fetchedTo(name)]) {
    const root = join(folder, "package.json");
    for (const require of [createRequire(root), requireOf(root, "wrangler")]) {
      const found = require && locate(require, name);
      if (require === undefined || found === undefined) continue;
      if (found.version.split(".")[0] === MAJORS[name]) return { require, path: found.path };
      other ??= found.version;
    }
  }
  return other;
}

/**
 * Installs a tool beside no project, for all commands of this user: once, with npm. Failing that, the error of
 * {@link loadTool} says what to do.
 */
export async function fetchTool(name: keyof Tools, log: (line: string) => void): Promise<void> {
  const version = verifiedVersion(name);
  const folder = fetchedTo(name);
  log(`inngest: fetching ${name} ${version}, once, into ${folder}; a project that has wrangler needs no other`);
  const draft = `${folder}-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const args = ["install", "--prefix", draft, "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`];
    const isWindows = process.platform === "win32";
    const npm = spawn(isWindows ? "npm.cmd" : "npm", args, { stdio: ["ignore", 2, 2], shell: isWindows });
    const [code] = (await once(npm, "exit").catch(() => [])) as [unknown?]; // rejects where there is no npm
    if (code === 0 && !existsSync(folder)) renameSync(draft, folder); // whole, or not at all
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The version that would be used, for a report. */
export function installedVersion(name: keyof Tools): string | undefined {
  const found = find(name);
  if (typeof found !== "object") return found;
  return locate(found.require, name)?.version;
}

function fetchedTo(name: keyof Tools): string {
  return join(homedir(), ".cache/dotdo-inngest", `${name}-${verifiedVersion(name)}`);
}

function requireOf(root: string, name: string): NodeJS.Require | undefined {
  const found = locate(createRequire(root), name);
  return found && createRequire(found.path);
}

function locate(require: NodeJS.Require, name: string): { path: string; version: string } | undefined {
  try {
    const { version } = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as {
      version: string;
    };
    return { path: require.resolve(name), version };
  } catch {
    return undefined;
  }
}

/** The version that this package is tested with. */
export function verifiedVersion(name: keyof Tools): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  return manifest.devDependencies[name] ?? "latest";
}
