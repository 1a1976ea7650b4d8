import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const outDir = join(import.meta.dirname, "../dist/dashboard");

/**
 * The form in which the Worker serves it. The page is no .html, which an asset server would serve by itself, past the guard and
 * without its headers; scripts and styles are compressed once, here, to a third of what they would add to the package.
 */
const forTheWorker: Plugin = {
  name: "for-the-worker",
  apply: "build",
  async writeBundle() {
    await rename(join(outDir, "index.html"), join(outDir, "page.txt"));
    for (const name of await readdir(join(outDir, "assets"))) {
      const file = join(outDir, "assets", name);
      await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
      await rm(file);
    }
  },
};

export default defineConfig({
  root: import.meta.dirname,
  base: "./", // the Worker says in <base> where the dashboard stands
  plugins: [react(), tailwind(), forTheWorker],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2024",
    sourcemap: false, // they would weigh more than the rest of the package
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 400, // scripts/build-dashboard.mjs bounds what counts: the first page
  },
  // `npm run dashboard` serves the sources, and takes the API from a platform beside it
  server: { port: 8290, proxy: { "^/(v1|v2|invoke|health|dev)": "http://127.0.0.1:8288" } },
});
