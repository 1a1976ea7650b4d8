/** Packs the package once, and installs it in an empty folder, for all files of the suite. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

const packageRoot = join(import.meta.dirname, "../..");

declare module "vitest" {
  export interface ProvidedContext {
    /** what `npm publish` would upload */
    tarball: string;
    /** a folder in which nothing but the package was installed; tests leave it as it is */
    installed: string;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "inngest-pack-")));
  npm(packageRoot, "pack", "--pack-destination", folder);
  const [name = ""] = readdirSync(folder);
  const tarball = join(folder, name);
  const installed = emptyProject(folder, "installed");
  npm(installed, "install", tarball);
  project.provide("tarball", tarball);
  project.provide("installed", installed);
  return () => rmSync(folder, { recursive: true, force: true });
}

/** An empty folder that npm takes for a project, whatever lies in the folders above it. */
export function emptyProject(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  return folder;
}

export function npm(cwd: string, ...args: string[]): string {
  const quiet = ["--silent", "--no-audit", "--no-fund", "--prefer-offline"];
  return execFileSync("npm", [...args, ...quiet], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
