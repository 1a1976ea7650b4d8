import { join } from "node:path";
import { EdgeRuntime, runServer } from "edge-runtime";
import { build } from "esbuild";
import { conformance } from "./conformance.ts";
import { variables } from "./settings.ts";

conformance("Vercel's edge runtime", {
  framework: "edge",
  async start(apiUrl) {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, "apps/edge/worker.js")],
      bundle: true,
      platform: "neutral",
      format: "iife",
      write: false,
      // as Vercel puts variables in: there is no process
      banner: { js: `globalThis.process = ${JSON.stringify({ env: variables(apiUrl) })};` },
    });
    const runtime = new EdgeRuntime({ initialCode: outputFiles[0]!.text });
    const server = await runServer({ runtime, host: "127.0.0.1", port: 0 });
    return { url: server.url.replace("localhost", "127.0.0.1").replace(/\/$/, ""), close: () => server.close() };
  },
});
