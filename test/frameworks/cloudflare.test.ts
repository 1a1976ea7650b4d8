import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { freePort } from "../helpers/platform-process.ts";
import { conformance, type Served } from "./conformance.ts";
import { variables } from "./settings.ts";

const root = join(import.meta.dirname, "../..");
const app = join(import.meta.dirname, "apps/cloudflare");

async function run(script: string, apiUrl: string): Promise<Served> {
  const port = await freePort();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      script,
      modules: true,
      compatibilityDate: "2026-10-23",
      bindings: variables(apiUrl),
      cf: false,
      // not through Miniflare's own entry: it compresses, whatever the response says, and holds streams back for that
      unsafeDirectSockets: [{ host: "127.0.0.1", port }],
    }),
  );
  await miniflare.ready;
  return { url: `http://127.0.0.1:${port}`, close: () => miniflare.dispose() };
}

conformance("A Cloudflare Worker", {
  framework: "cloudflare",
  async start(apiUrl) {
    const { outputFiles } = await build({
      entryPoints: [join(app, "worker.js")],
      bundle: true,
      platform: "neutral",
      write: false,
    });
    return run(outputFiles[0]!.text, apiUrl);
  },
});

conformance("Cloudflare Pages", {
  framework: "cloudflare",
  start(apiUrl) {
    const output = mkdtempSync(join(tmpdir(), "inngest-pages-"));
    const wrangler = join(root, "node_modules/.bin/wrangler");
    const args = ["pages", "functions", "build", "functions", "--outdir", output, "--fallback-service", ""];
    execFileSync(wrangler, args, { cwd: app, stdio: "pipe", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } });
    const script = readFileSync(join(output, "index.js"), "utf8");
    rmSync(output, { recursive: true });
    return run(script, apiUrl);
  },
});
