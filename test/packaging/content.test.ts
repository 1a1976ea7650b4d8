import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { expect, inject, test } from "vitest";

const repository = join(import.meta.dirname, "../..");
const modules = join(inject("installed"), "node_modules");
const root = join(modules, "@dotdo/inngest");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string | { types: string; workerd?: string; default: string }>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};
const content = filesUnder(root).map((file) => relative(root, file));

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === "string" ? [] : [{ path, ...target }],
);
/** What is written for people, beside what runs. */
const documents = [
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "dist/THIRD-PARTY-LICENSES.txt",
  ...[
    "api",
    "binding",
    "cli",
    "compatibility",
    "configuration",
    "connect",
    "dashboard",
    "errors",
    "flow-control",
    "guarantees",
    "logs",
    "mcp",
    "migrate-from-inngest",
    "operate",
    "performance",
    "realtime",
    "schedules",
    "testing",
  ].map((page) => `docs/${page}.md`),
  "llms.txt",
  "package.json",
];
/** What `inngest dev` reads from the disk instead of importing it. */
const platform = [
  "dist/platform/settings.json",
  "dist/platform/worker.js.gz",
  ...content.filter((file) => /^dist\/dashboard\/(page\.txt|favicon\.svg|assets\/[\w-]+\.(js|css)\.gz)$/.test(file)),
];

interface Reached {
  files: Set<string>;
  /** package → a file that imports it */
  packages: Map<string, string>;
}

/** The modules that these import, one through the other, themselves included. */
async function reachedModules(paths: string[]): Promise<Reached> {
  const { metafile } = await build({
    entryPoints: paths.map((path) => join(root, path)),
    absWorkingDir: root,
    outdir: "/",
    bundle: true,
    write: false,
    metafile: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
  const inputs = Object.entries(metafile.inputs);
  const packages = inputs.flatMap(([file, { imports }]) =>
    imports.filter((one) => one.external).map((one) => [one.path, file] as const),
  );
  return { files: new Set(inputs.map(([file]) => file)), packages: new Map(packages) };
}

/** The same for declarations. */
function reachedDeclarations(paths: string[]): Reached {
  const files = new Set<string>();
  const packages = new Map<string, string>();
  for (const queue = paths.map((path) => join(path)); queue.length > 0;) {
    const file = queue.pop()!;
    if (files.has(file)) continue;
    files.add(file);
    const code = readFileSync(join(root, file), "utf8").replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
    for (const [, specifier = ""] of code.matchAll(/(?:\bfrom |\bimport |\bimport\()"([^"]+)"/g)) {
      if (!specifier.startsWith(".")) packages.set(specifier, file);
      else queue.push(join(dirname(file), specifier).replace(/\.js$/, ".d.ts"));
    }
  }
  return { files, packages };
}

const modulesOfExports = await reachedModules(entries.flatMap((entry) => [entry.default, entry.workerd ?? []].flat()));
/** A program that the command starts in a process of its own. */
const BUILDER = "dist/cli/worker-build-process.js";
const modulesOfCommand = await reachedModules([...Object.values<string>(manifest.bin), BUILDER]);
const declarations = reachedDeclarations(entries.map((entry) => entry.types));

test("every export is a file of the package, with its declarations", () => {
  expect(entries.map((entry) => entry.path)).toContain(".");
  for (const entry of entries) {
    expect(content, entry.path).toContain(entry.types.replace("./", ""));
    expect(content, entry.path).toContain(entry.default.replace("./", ""));
  }
});

test("every adapter that there is can be imported by its name", () => {
  const adapters = readdirSync(join(repository, "src/serve"))
    .filter((file) =>
      /export function (serve|createServer)\b/.test(readFileSync(join(repository, "src/serve", file), "utf8")),
    )
    .map((file) => `./${file.replace(".ts", "")}`);
  expect(adapters).toContain("./hono");
  expect(entries.map((entry) => entry.path)).toEqual(expect.arrayContaining(adapters));
});

test("the package holds what its exports and its command reach, and nothing else", () => {
  const scripts = [...modulesOfExports.files, ...modulesOfCommand.files];
  // beside each module stands its declaration, and beside each declaration its module, also when it holds only types
  const besides = scripts.map((file) => file.replace(/\.js$/, ".d.ts")).filter((file) => content.includes(file));
  const types = reachedDeclarations([...declarations.files, ...besides]).files;
  const erased = [...types].map((file) => file.replace(/\.d\.ts$/, ".js"));
  const known = new Set([...scripts, ...types, ...erased, ...documents, ...platform]);
  expect(content.filter((file) => !known.has(file))).toEqual([]);
  expect([...scripts, ...types, ...platform].filter((file) => !content.includes(file))).toEqual([]);
});

test("what the library imports is installed with it, is a peer, or the Workers runtime", () => {
  const known = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), "@dotdo/inngest"];
  const isKnown = (specifier: string) =>
    specifier.startsWith("cloudflare:") || known.some((name) => `${specifier}/`.startsWith(`${name}/`));
  const imported = [...modulesOfExports.packages, ...declarations.packages];
  expect(imported.map(([specifier]) => specifier)).toContain("zod");
  expect(imported.filter(([specifier]) => !isKnown(specifier))).toEqual([]);
});

test("the command imports nothing but Node: its tools come from the user's project", () => {
  const builtins = builtinModules.map((name) => `node:${name}`);
  expect([...modulesOfCommand.packages].filter(([specifier]) => !builtins.includes(specifier))).toEqual([]);
});

test("it adds at most 5 MB to a project that has its peers", () => {
  const sizes = new Map<string, number>();
  const peers = new Set(Object.keys(manifest.peerDependencies));
  for (const file of filesUnder(modules)) {
    const [name = ""] = /^(@[^/]+\/)?[^/]+/.exec(relative(modules, file)) ?? [];
    if (!peers.has(name)) sizes.set(name, (sizes.get(name) ?? 0) + statSync(file).size);
  }
  expect([...sizes.keys()]).toEqual(expect.arrayContaining(["@dotdo/inngest", ...Object.keys(manifest.dependencies)]));
  const sum = [...sizes.values()].reduce((a, b) => a + b, 0);
  console.log(`npm install adds ${(sum / 1e6).toFixed(2)} MB beside the peers`);
  expect(sum).toBeLessThanOrEqual(5_000_000);
});

test("no optional peer comes along, no native binary, and nothing runs on install", () => {
  const optional = Object.keys(manifest.peerDependenciesMeta);
  expect(optional.filter((name) => existsSync(join(modules, name)))).toEqual([]);
  for (const file of filesUnder(modules)) {
    expect(isNative(file), relative(modules, file)).toBe(false);
    if (!file.endsWith("/package.json")) continue;
    const { scripts = {} } = JSON.parse(readFileSync(file, "utf8")) as { scripts?: Record<string, string> };
    for (const hook of ["preinstall", "install", "postinstall"]) expect(scripts, file).not.toHaveProperty(hook);
  }
});

/** ELF, Mach-O (both byte orders, and fat), or a Windows executable. */
function isNative(file: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(file, "r");
  readSync(descriptor, start, 0, 4, 0);
  closeSync(descriptor);
  const magic = start.toString("hex");
  return (
    ["7f454c46", "feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe"].includes(magic) || magic.startsWith("4d5a")
  );
}

test("publint finds nothing", () => {
  expect(run("publint", "run", inject("tarball"), "--strict")).toContain("All good!");
});

test("attw finds nothing, for ES modules", () => {
  const report = JSON.parse(run("attw", inject("tarball"), "--profile", "esm-only", "--format", "json")) as {
    analysis: { entrypoints: object };
    problems?: object;
  };
  expect(Object.keys(report.analysis.entrypoints)).toHaveLength(Object.keys(manifest.exports).length);
});

/** Runs a tool of the project; what it found is in the error. */
function run(tool: string, ...args: string[]): string {
  return execFileSync(join(repository, "node_modules/.bin", tool), args, { cwd: repository, encoding: "utf8" });
}
