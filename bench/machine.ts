import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** What the figures depend on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  os: string;
  node: string;
  workerd: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown CPU",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    workerd: workerdVersion(),
  };
}

/** Of the one that Miniflare, which starts it, would find. */
function workerdVersion(): string {
  const miniflare = createRequire(import.meta.url).resolve("miniflare");
  const file = createRequire(miniflare).resolve("workerd/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
