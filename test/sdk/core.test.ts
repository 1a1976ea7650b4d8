import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { coreSize } from "../../scripts/core-size.ts";
import { version } from "../../src/sdk/version.ts";

/** The core, bundled for a platform that has nothing but the language; a Node built-in would fail the build. */
async function bundleCore() {
  return build({
    entryPoints: ["src/sdk/index.ts"],
    bundle: true,
    write: false,
    metafile: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    format: "esm",
    logLevel: "silent",
  });
}

test("what users import holds no Node built-in, no zod and no platform code", async () => {
  const { metafile } = await bundleCore();
  const inputs = Object.keys(metafile.inputs);
  const others = inputs.filter((input) => !/^src\/(sdk|protocol)\//.test(input));
  const packages = others.map((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? input);
  expect(new Set(packages)).toEqual(new Set(["ms", "@noble/hashes", "@inngest/ai"])); // durations; buckets of experiments; models
  expect(Object.values(metafile.inputs).flatMap((input) => input.imports.filter((one) => one.external))).toEqual([]);
});

test("it is small, what every app carries: at most 29 KB after minify and gzip", async () => {
  const { gzip } = await coreSize("src/sdk/index.ts");
  expect(gzip).toBeLessThanOrEqual(29_000);
});

test("loading it needs the language and TextEncoder only, and leaves no global behind", async () => {
  const { outputFiles } = await bundleCore();
  const code = outputFiles[0]?.text ?? "";
  const { runInNewContext } = await import("node:vm");
  const script = `"use strict";(() => {${code.replace(/^export \{[^}]*\};?$/m, "")}\nreturn Object.keys(globalThis);})()`;
  expect(runInNewContext(script, { TextEncoder })).toEqual(["TextEncoder"]);
});

test("the version is the package's", () => {
  expect(version).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
});
