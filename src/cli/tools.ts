/**
 * Packages that the commands need and the library does not: they stay out of what users install, and are taken from
 * the project in which a command runs.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
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
 * Loads a tool from the project in the current directory, else from beside this package, else the copy of wrangler.
 *
 * @throws Error with the command that installs it, when there is none or only one of another major version
 */
export async function loadTool<Name extends keyof Tools>(name: Name): Promise<Tools[Name]> {
  let other: string | undefined;
  for (const root of [join(process.cwd(), "package.json"), join(packageRoot, "package.json")]) {
    for (const require of [createRequire(root), requireOf(root, "wrangler")]) {
      const found = require && locate(require, name);
      if (require === undefined || found === undefined) continue;
      if (found.version.split(".")[0] === MAJORS[name]) return require(found.path) as Tools[Name]; // `import` would keep a second copy of their sources in memory
      other ??= found.version;
    }
  }
  const why = other === undefined ? "is not installed" : `${other} is installed, which has another interface`;
  throw new Error(`${name} ${why}; run: npm install -D ${name}@${verifiedVersion(name)}`);
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
function verifiedVersion(name: keyof Tools): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  return manifest.devDependencies[name] ?? "latest";
}
