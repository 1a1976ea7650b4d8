/** Installs the package here as users have it, from the sources as they are: its JavaScript and declarations. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
export const installedPackage = join(import.meta.dirname, "node_modules/@dotdo/inngest");

export default function setup(): void {
  rmSync(installedPackage, { recursive: true, force: true });
  mkdirSync(installedPackage, { recursive: true });
  const { name, version, type, sideEffects, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const manifest = JSON.stringify({ name, version, type, sideEffects, exports });
  writeFileSync(join(installedPackage, "package.json"), manifest);

  // errors of types are for the checks to report
  const options = ["-p", join(root, "tsconfig.build.json"), "--outDir", join(installedPackage, "dist")];
  const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), options, { cwd: root, encoding: "utf8" });
  if (!existsSync(join(installedPackage, "dist/serve/express.js"))) throw new Error(`tsc wrote nothing: ${stdout}`);
}
