import { rename } from "node:fs/promises";
import { join } from "node:path";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const outDir = join(import.meta.dirname, "../dist/dashboard");

/** An asset server would serve an index.html by itself, past the Worker's guard and without its headers. */
const pageForTheWorker: Plugin = {
  name: "page-for-the-worker",
  apply: "build",
  closeBundle: () => rename(join(outDir, "index.html"), join(outDir, "page.txt")),
};

export default defineConfig({
  root: import.meta.dirname,
  base: "./", // the Worker says in <base> where the dashboard stands
  plugins: [react(), tailwind(), pageForTheWorker],
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2024",
    sourcemap: false, // they would weigh more than the rest of the package
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dashboard` serves the sources, and takes the API from a platform beside it
  server: { port: 8290, proxy: { "^/(v1|v2|invoke|health|dev)": "http://127.0.0.1:8288" } },
});
