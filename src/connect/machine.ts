/** What a worker says of the machine it runs on, as far as the runtime tells: nothing here fails where there is no Node. */
import type { SystemAttributes } from "../protocol/connect/connect.ts";

interface NodeOs {
  cpus(): unknown[];
  totalmem(): number;
  platform(): string;
  hostname(): string;
}

interface Process {
  getBuiltinModule?(name: string): unknown;
  on?(signal: string, listener: () => void): unknown;
  removeListener?(signal: string, listener: () => void): unknown;
}

function nodeOs(): NodeOs | undefined {
  try {
    return processOf()?.getBuiltinModule?.("node:os") as NodeOs | undefined;
  } catch {
    return undefined; // Deno, when reading is not permitted
  }
}

function processOf(): Process | undefined {
  return (globalThis as { process?: Process }).process;
}

export function systemAttributes(): SystemAttributes {
  const os = nodeOs();
  try {
    return { cpuCores: os?.cpus().length ?? 0, memBytes: os?.totalmem() ?? 0, os: os?.platform() ?? "unknown" };
  } catch {
    return { cpuCores: 0, memBytes: 0, os: "unknown" };
  }
}

export function hostName(): string {
  try {
    return nodeOs()?.hostname() || "unknown";
  } catch {
    return "unknown";
  }
}

/** Calls back at any of these signals of the process. @returns stops that */
export function onSignals(signals: readonly string[], listener: () => void): () => void {
  const process = processOf();
  for (const signal of signals) process?.on?.(signal, listener);
  return () => {
    for (const signal of signals) process?.removeListener?.(signal, listener);
  };
}
