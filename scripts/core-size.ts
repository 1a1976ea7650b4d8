/** `npm run size`: what `import { Inngest } from "@dotdo/inngest"` adds to a bundle. Needs a build. */
import { gzipSync } from "node:zlib";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** @returns bytes of everything the core exports, minified, and of the same after gzip */
export async function coreSize(entry: string): Promise<{ minified: number; gzip: number }> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  const contents = outputFiles[0]?.contents ?? new Uint8Array();
  return { minified: contents.byteLength, gzip: gzipSync(contents, { level: 9 }).byteLength };
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { minified, gzip } = await coreSize(fileURLToPath(new URL("../dist/sdk/index.js", import.meta.url)));
  console.log(`core client: ${(minified / 1000).toFixed(1)} KB minified, ${(gzip / 1000).toFixed(1)} KB after gzip`);
}
