/** Adapters are imported by bundlers, build steps and edge runtimes: that does nothing and needs nothing. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";

const sources = join(import.meta.dirname, "../../src/serve");
const adapters = readdirSync(sources)
  .map((file) => file.replace(/\.ts$/, ""))
  .filter((name) => /^export const frameworkName = /m.test(readFileSync(join(sources, `${name}.ts`), "utf8")));

let output: string;
let metafile: Metafile;

beforeAll(async () => {
  output = mkdtempSync(join(tmpdir(), "inngest-adapters-"));
  ({ metafile } = await build({
    entryPoints: adapters.map((name) => join(sources, `${name}.ts`)),
    bundle: true,
    platform: "neutral", // which knows no built-ins: an import of one is an error
    mainFields: ["module", "main"],
    format: "esm",
    outdir: output,
    outExtension: { ".js": ".mjs" },
    metafile: true,
    logLevel: "silent",
  }));
});
afterAll(() => rmSync(output, { recursive: true, force: true }));

test("all that Inngest's SDK has are there", () => {
  expect(adapters).toEqual([
    "astro",
    "bun",
    "cloudflare",
    "deno",
    "digitalocean",
    "edge",
    "express",
    "fastify",
    "h3",
    "hono",
    "koa",
    "lambda",
    "next",
    "nitro",
    "node",
    "nuxt",
    "redwood",
    "remix",
    "sveltekit",
  ]);
});

/** Imports modules in a process where variables, timers, connections and output are out of bounds. */
const script = `
  const forbid = (name) => () => { throw new Error("the import used " + name); };
  for (const name of ["fetch", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "WebSocket", "MessageChannel"])
    globalThis[name] = forbid(name);
  const reads = [];
  const note = (name) => {
    if (name !== "WATCH_REPORT_DEPENDENCIES") reads.push(String(name)); // which Node's loader asks for
  };
  process.env = new Proxy({}, { get: (_, name) => void note(name), has: (_, name) => (note(name), false) });
  for (const file of process.argv.slice(1)) {
    const { serve, frameworkName } = await import(file);
    console.log(JSON.stringify({ serve: typeof serve, frameworkName, reads: reads.splice(0) }));
  }
`;

test("none does anything when it is imported", () => {
  const files = adapters.map((name) => join(output, `${name}.mjs`));
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script, ...files], { encoding: "utf8" });
  const imported = printed.trim().split("\n");
  expect(imported.map((line) => JSON.parse(line) as unknown)).toEqual(
    adapters.map(() => ({ serve: "function", frameworkName: expect.any(String), reads: [] })),
  );
});

test.each(adapters)("%s bundles for any runtime, by itself", (name) => {
  const [, bundle] = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`/${name}.mjs`))!;
  expect(bundle.imports).toEqual([]);
});
