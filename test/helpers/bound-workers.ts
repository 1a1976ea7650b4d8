/** Workers with service bindings to each other in one runtime process, each at a port of its own. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { buildWorker } from "../../src/cli/worker-build.ts";

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
  const names: string[] = [];
  const described: MiniflareOptions["workers"] = [];
  for (const { config, entry, vars = {} } of workers) {
    const { script, settings } = await buildWorker(entry, config);
    const name = /^name = "(.*)"$/m.exec(readFileSync(config, "utf8"))?.[1] ?? "";
    names.push(name);
    const texts = Object.entries(vars).map(([key, value]) => [key, { type: "text" as const, value }]);
    described.push({
      config: {
        ...settings,
        name,
        env: { ...settings.env, ...Object.fromEntries(texts) },
        manifest: {
          mainModule: "worker.js",
          modulesRoot: dirname(config),
          modules: { "worker.js": { type: "esm", contents: script } },
        },
      },
      dev: { rootPath: dirname(config), unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
    });
  }
  const miniflare = new Miniflare({ workers: described, port: 0, resourcePersistencePath: stateDir });
  await miniflare.ready;
  const urls = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)));
  return { urls: urls.map(({ origin }) => origin), kill: () => miniflare.dispose() };
}
