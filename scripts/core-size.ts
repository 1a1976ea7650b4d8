/** `npm run size`: what `import { Inngest } from "@dotdo/inngest"` adds to a bundle. Needs a build. */
import { gzipSync } from "node:zlib";
import { realpathSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** @returns bytes of everything the core exports, minified, and of the same after gzip; without what is loaded at its first use */
export async function coreSize(entry: string): Promise<{ minified: number; gzip: number }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: "core",
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  const own = relative(process.cwd(), resolve(entry));
  const loaded = new Set(Object.keys(metafile.outputs).filter((file) => metafile.outputs[file]?.entryPoint === own));
  for (const file of loaded)
    for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
      if (kind === "import-statement") loaded.add(path);
  const parts = outputFiles.filter(({ path }) => [...loaded].some((file) => path.endsWith(file)));
  if (parts.length === 0) throw new Error(`${entry} is not in what was bundled`);
  const contents = Buffer.concat(parts.map((part) => part.contents));
  return { minified: contents.byteLength, gzip: gzipSync(contents, { level: 9 }).byteLength };
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { minified, gzip } = await coreSize(fileURLToPath(new URL("../dist/sdk/index.js", import.meta.url)));
  console.log(`core client: ${(minified / 1000).toFixed(1)} KB minified, ${(gzip / 1000).toFixed(1)} KB after gzip`);
}
