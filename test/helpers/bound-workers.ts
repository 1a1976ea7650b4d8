/** Workers with service bindings to each other in one runtime process, each at a port of its own. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { buildWorker } from "../../src/cli/worker-build.ts";
import { freePort } from "./platform-process.ts";

export interface BoundWorker {
  /** wrangler.toml, which names the entry */
  config: string;
  entry: string;
  vars?: Record<string, string>;
}

export interface BoundWorkers {
  /** in the order in which they were given */
  urls: string[];
  /** Ends the process without warning. */
  kill(): Promise<void>;
}

/** @param stateDir that of an earlier process shows what survived */
export async function startBoundWorkers(stateDir: string, workers: BoundWorker[]): Promise<BoundWorkers> {
  const ports: number[] = [];
  const described: MiniflareOptions["workers"] = [];
  for (const { config, entry, vars = {} } of workers) {
    const { script, settings } = await buildWorker(entry, config);
    const port = await freePort();
    ports.push(port);
    const texts = Object.entries(vars).map(([name, value]) => [name, { type: "text" as const, value }]);
    described.push({
      config: {
        ...settings,
        name: /^name = "(.*)"$/m.exec(readFileSync(config, "utf8"))?.[1] ?? "",
        env: { ...settings.env, ...Object.fromEntries(texts) },
        manifest: {
          mainModule: "worker.js",
          modulesRoot: dirname(config),
          modules: { "worker.js": { type: "esm", contents: script } },
        },
      },
      dev: { rootPath: dirname(config), unsafeDirectSockets: [{ host: "127.0.0.1", port }] },
    });
  }
  const miniflare = new Miniflare({ workers: described, port: 0, resourcePersistencePath: stateDir });
  await miniflare.ready;
  return { urls: ports.map((port) => `http://127.0.0.1:${port}`), kill: () => miniflare.dispose() };
}
