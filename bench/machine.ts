import { readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** What the figures depend on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  os: string;
  /** by name */
  versions: Record<string, string>;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown CPU",
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    versions: {
      Node: process.versions.node,
      workerd: version("workerd", createRequire(import.meta.url).resolve("miniflare")), // the one that Miniflare would start
      "inngest (v4)": version("inngest-v4"),
      "inngest (v3)": version("inngest-v3"),
    },
  };
}

/** Of an installed package, as a file would find it. */
function version(name: string, from = import.meta.filename): string {
  const file = findPackageJSON(name, from);
  if (file === undefined) throw new Error(`${name} is not installed`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
