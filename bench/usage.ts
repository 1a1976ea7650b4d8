/** CPU and memory of this process and all that it has started, and CPU of the whole machine, as Linux tells them. */
import { readdirSync, readFileSync } from "node:fs";

/** clock ticks per second in /proc; Linux gives user space 100 everywhere */
const TICKS_PER_SECOND = 100;
const MIB = 1024;

interface ProcessUsage {
  parent: number;
  /** with that of its children that have ended */
  cpuSeconds: number;
}

/** CPU seconds of the machine, and those of ours; null where there is no /proc. */
export interface CpuTimes {
  machine: number;
  own: number;
  at: number;
}

export function cpuTimes(): CpuTimes | null {
  const machine = machineCpuSeconds();
  if (machine === null) return null;
  return { machine, own: cpuSecondsOf(process.pid), at: performance.now() };
}

/** Share of a core that others used meanwhile. */
export function othersShare(before: CpuTimes, after: CpuTimes): number {
  const seconds = (after.at - before.at) / 1000;
  const others = after.machine - before.machine - (after.own - before.own);
  return Math.max(0, others / seconds);
}

/** CPU seconds of a process and its descendants. */
export function cpuSecondsOf(pid: number): number {
  const all = processes();
  return tree(pid, all).reduce((total, one) => total + (all.get(one)?.cpuSeconds ?? 0), 0);
}

/** Resident memory of a process and its descendants. */
export function memoryMibOf(pid: number): number {
  return tree(pid, processes()).reduce((total, one) => {
    const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readProc(`${one}/status`)) ?? [];
    return total + Number(kib) / MIB;
  }, 0);
}

function machineCpuSeconds(): number | null {
  const [line = ""] = readProc("stat").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line.split(/\s+/).slice(1).map(Number);
  return line === "" ? null : (user + nice + system + irq + softIrq + stolen) / TICKS_PER_SECOND;
}

function processes(): Map<number, ProcessUsage> {
  const found = new Map<number, ProcessUsage>();
  for (const name of directory()) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readProc(`${name}/stat`);
    // the second field, the command's name, may contain anything
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields.length < 16) continue;
    const cpuTicks = fields.slice(11, 15).reduce((total, ticks) => total + Number(ticks), 0);
    found.set(Number(name), { parent: Number(fields[1]), cpuSeconds: cpuTicks / TICKS_PER_SECOND });
  }
  return found;
}

function tree(root: number, all: Map<number, ProcessUsage>): number[] {
  const found = [root];
  for (const one of found) for (const [pid, { parent }] of all) if (parent === one) found.push(pid);
  return found;
}

function directory(): string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return ""; // another system, or a process that has ended
  }
}
