/**
 * `npm run build`: everything in `dist/`.
 *
 * 1. The library and the command line, by `tsc`, file by file.
 * 2. `dist/platform/`: the platform as one module with its settings, so that `inngest dev` needs neither bundler nor wrangler.
 * 3. `dist/vendor/`: libraries that are small in use and large to install, cut to what is used.
 * 4. `dist/dashboard/`: the page that the Worker serves, by Vite.
 * 5. Comments go out of compiled files, and what an earlier build left of sources that are gone is deleted.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transformSync } from "esbuild";
import { buildWorker, workerBundle } from "../src/cli/worker-build.ts";
import { buildDashboard } from "./build-dashboard.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const made = new Set(["platform/worker.js.gz", "platform/settings.json", "THIRD-PARTY-LICENSES.txt"]);
/** The platform is in the bundle; the list of settings is for the documentation, and checked by types only. */
const unshipped = new Set(["platform.ts", "configuration.ts"]);

/** cron-parser brings luxon: 4.6 MB, most of it source maps and further builds of the same; of protobuf the messages need
 * reader and writer; graphql is 2 MB, twice over, and the platform alone uses it; of 700 KB of hash functions two are used.
 * The command's parser and tables are nothing to those who install the client; agents and the description of the API are nothing to
 * most Workers, and are loaded when somebody asks. */
const vendored = [
  "cron-parser",
  "@bufbuild/protobuf/wire",
  "graphql",
  "jose",
  "@noble/hashes/legacy.js",
  "@noble/hashes/sha2.js",
  "@noble/hashes/utils.js",
  "@scure/base",
  "commander",
  "cli-table3",
  "eventsource-parser/stream",
  "@modelcontextprotocol/server",
  "zod-openapi",
];
/** Where what was cut of each is. */
const cut = new Map();
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** What users have themselves stays outside of what is cut. */
const peers = Object.keys(manifest.peerDependencies).flatMap((name) => [name, `${name}/*`]);

/** Licences of packages that carry theirs in the heads of their sources alone. */
const ownCopies = { "@bufbuild/protobuf": "scripts/licences/bufbuild-protobuf.txt" };

compile("tsconfig.build.json");
compile("tsconfig.cli.json");
chmodSync(join(dist, "cli/main.js"), 0o755);
for (const file of filesUnder(dist)) if (file.endsWith(".d.ts")) pointToScripts(file);
const bundled = [];
for (const name of vendored) bundled.push(...(await vendor(name)));
bundled.push(...(await buildPlatform()));
bundled.push(...(await buildDashboard(root)));
for (const file of filesUnder(dist)) if (file.endsWith(".js") && !made.has(nameOf(file))) stripComments(file);
writeLicenses(bundled);
prune();
pruneDeclarations();

function compile(project) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", project], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** tsc leaves `.ts` in declarations, which TypeScript forgives and Deno does not. */
function pointToScripts(file) {
  const code = readFileSync(file, "utf8");
  const pointed = code.replaceAll(/(\bfrom |\bimport\()"(\.[^"]+)\.ts"/g, '$1"$2.js"');
  if (pointed !== code) writeFileSync(file, pointed);
}

/** What comments say of an API is in the declarations; users install the rest for nothing. */
function stripComments(file) {
  const { code } = transformSync(readFileSync(file, "utf8"), {
    target: "esnext",
    charset: "utf8",
    legalComments: "none",
  });
  writeFileSync(file, code);
}

/** @returns the files that went into it */
async function buildPlatform() {
  const entry = join(root, "src/platform.ts");
  const { settings } = await buildWorker(entry, join(root, "wrangler.toml"));
  const { metafile, outputFiles } = await build({
    ...workerBundle,
    entryPoints: [entry],
    write: false,
    absWorkingDir: root,
    metafile: true,
    minifyWhitespace: true,
    minifySyntax: true, // names stay: they are in the stack traces that users see
    alias: Object.fromEntries(cut), // but for those of libraries, which are a third of their size
  });
  mkdirSync(join(dist, "platform"), { recursive: true });
  writeFileSync(join(dist, "platform/worker.js.gz"), gzipSync(outputFiles[0].contents, { level: 9 }));
  writeFileSync(join(dist, "platform/settings.json"), JSON.stringify(settings));
  return Object.keys(metafile.inputs);
}

/**
 * Bundles what is used of a module, and has the compiled files import it from there.
 *
 * @returns the files that went into it
 */
async function vendor(name) {
  const target = `vendor/${name.replace(/\.js$/, "")}.js`;
  const specifier = `from "${name}"`;
  const importers = filesUnder(dist).filter((file) => file.endsWith(".js") && !made.has(nameOf(file)));
  const used = new Set();
  const imports = new RegExp(`import (?:\\{([^}]*)\\}|(\\w+)) from "${name}"`, "g");
  for (const file of importers) {
    const code = readFileSync(file, "utf8");
    if (!code.includes(specifier)) continue;
    for (const [, names = "default"] of code.matchAll(imports))
      for (const one of names.split(",")) used.add(one.trim());
    const up = "../".repeat(nameOf(file).split("/").length - 1) || "./";
    writeFileSync(file, code.replaceAll(specifier, `from "${up}${target}"`));
  }
  if (used.size === 0) return [];
  made.add(target);
  cut.set(name, join(dist, target));
  const { metafile } = await build({
    stdin: { contents: `export { ${[...used].filter(Boolean).join(", ")} } ${specifier};`, resolveDir: root },
    outfile: join(dist, target),
    absWorkingDir: root,
    bundle: true,
    external: ["node:*", "@colors/colors", ...peers], // @colors/colors is cli-table3's choice, and not made
    format: "esm",
    target: "es2024",
    minify: true,
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

/** The licences of what is inside the bundles, as they ask for. */
function writeLicenses(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  const require = createRequire(import.meta.url);
  const parts = [...folders]
    .toSorted((a, b) => a.localeCompare(b))
    .map((folder) => {
      const { name, version, license } = require(join(root, folder, "package.json"));
      const file = readdirSync(join(root, folder)).find((entry) => /^licen[sc]e/i.test(entry));
      const path = file === undefined ? ownCopies[name] : join(folder, file);
      if (path === undefined) throw new Error(`${name} has no licence file; it cannot be bundled`);
      return `${name} ${version} (${license})\n\n${readFileSync(join(root, path), "utf8").trim()}\n`;
    });
  const intro = "dist/dashboard/, dist/platform/ and dist/vendor/ contain code of these packages.\n";
  writeFileSync(join(dist, "THIRD-PARTY-LICENSES.txt"), [intro, ...parts].join(`\n${"-".repeat(80)}\n\n`));
}

function prune() {
  for (const file of filesUnder(dist)) {
    const name = nameOf(file);
    if (made.has(name) || name.startsWith("dashboard/")) continue; // Vite empties its own folder
    const source = name.replace(/\.d\.ts$|\.js$/, ".ts");
    if (!existsSync(join(root, "src", source)) || unshipped.has(source)) rmSync(file);
  }
}

/** Declarations that no export leads to are nothing to anybody, nor are the modules that hold nothing else. */
function pruneDeclarations() {
  const reached = new Set();
  const queue = Object.values(manifest.exports).flatMap((target) => (target.types ? [join(root, target.types)] : []));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:\bfrom |\bimport |\bimport\()"(\.[^"]+)\.js"/g))
      queue.push(join(dirname(file), `${path}.d.ts`));
  }
  for (const file of filesUnder(dist)) {
    if (!file.endsWith(".d.ts") || reached.has(file)) continue;
    rmSync(file);
    const script = file.replace(/\.d\.ts$/, ".js");
    if (existsSync(script) && readFileSync(script, "utf8").trim() === "export {};") rmSync(script);
  }
}

function nameOf(file) {
  return relative(dist, file).replaceAll("\\", "/");
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
