/** Installs the package here as users have it, from the sources as they are: its JavaScript and declarations. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
export const installedPackage = join(import.meta.dirname, "node_modules/@dotdo/inngest");

export default function setup(): void {
  rmSync(installedPackage, { recursive: true, force: true });
  mkdirSync(installedPackage, { recursive: true });
  const serve = (name: string) => ({ types: `./dist/serve/${name}.d.ts`, default: `./dist/serve/${name}.js` });
  const exports = {
    ".": { types: "./dist/sdk/index.d.ts", default: "./dist/sdk/index.js" },
    "./deno/fresh": serve("deno"),
    "./*": serve("*"),
  };
  const manifest = { name: "@dotdo/inngest", version: "0.0.0", type: "module", sideEffects: false, exports };
  writeFileSync(join(installedPackage, "package.json"), JSON.stringify(manifest));

  // errors of types are for the checks to report
  const options = ["-p", join(root, "tsconfig.build.json"), "--outDir", join(installedPackage, "dist")];
  const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), options, { cwd: root, encoding: "utf8" });
  if (!existsSync(join(installedPackage, "dist/serve/express.js"))) throw new Error(`tsc wrote nothing: ${stdout}`);
}
