import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endedRun, readRun, runsOf, send, until } from "../helpers/platform-api.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";

const worker = join(import.meta.dirname, "../fixtures/dev-worker.ts");
const KIB = 1024;

let stateDir: string;
let platform: PlatformProcess;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "inngest-footprint-"));
  platform = await spawnPlatform({ stateDir, worker });
});

afterEach(async () => {
  await platform?.killGroup();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Files of the runs' objects, and of the index that the runtime keeps of them. */
function runFiles(): { names: string[]; bytes: number } {
  const folder = join(stateDir, "do/inngest-StepDO");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  // what is allocated, which is what a disk runs out of; a file may vanish between the two looks
  const bytes = names.reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    0,
  );
  return { names, bytes };
}

test("a run of 5 steps leaves at most 40 KB on disk, 10 s after its end", async () => {
  const RUNS = 20;
  const [warm] = await send(platform.url, { name: "dev/steps", data: { steps: 5 } }); // the first one makes the index
  await endedRun(platform.url, warm!);
  const before = await settledFiles();

  const ids = await send(
    platform.url,
    Array.from({ length: RUNS }, () => ({ name: "dev/steps", data: { steps: 5 } })),
  );
  const sentAt = performance.now();
  await until("all runs have been started", 5_000, async () => mainFiles().length - before.count === RUNS);
  const peak = runFiles().bytes - before.bytes; // the runs are not asked here: a question would keep them in memory
  await delay(10_000);
  const atTen = runFiles().bytes - before.bytes;
  const after = await settledFiles();
  const grown = after.bytes - before.bytes;
  const kib = (bytes: number) => `${(bytes / RUNS / KIB).toFixed(1)} KiB`;
  console.log(
    `disk per run of 5 steps: ${kib(peak)} while in memory, ${kib(atTen)} 10 s after the end, ` +
      `${kib(grown)} after ${((performance.now() - sentAt) / 1000).toFixed(1)} s, once the objects have left memory`,
  );
  expect(grown / RUNS).toBeLessThanOrEqual(40 * 1000);
  for (const id of ids) expect(await endedRun(platform.url, id)).toMatchObject({ status: "Completed", output: 5 });
});

function mainFiles(): string[] {
  return runFiles().names.filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
}

/** Once no run's object is in memory: its write-ahead log has then been folded into its file. */
async function settledFiles(): Promise<{ count: number; bytes: number }> {
  return until("no run has a write-ahead log", 14_000, async () => {
    const { names, bytes } = runFiles();
    return !names.some((name) => /^[0-9a-f]{64}\.sqlite-/.test(name)) && { count: mainFiles().length, bytes };
  });
}

test.skipIf(process.platform !== "linux")("10,000 sleeping runs hold no object in memory", async () => {
  const RUNS = 10_000;
  const REQUESTS = [5_000, ...Array<number>(10).fill(500)]; // the largest that is accepted, then smaller ones
  const runtime = platform.pids().find((pid) => pid !== platform.pid)!;
  const [warm] = await send(platform.url, { name: "dev/steps", data: { steps: 1 } });
  await endedRun(platform.url, warm!);
  const idle = usage(runtime);
  const health = watchHealth();

  const ids: string[] = [];
  const startedAt = performance.now();
  for (const size of REQUESTS)
    ids.push(
      ...(await send(
        platform.url,
        Array.from({ length: size }, () => ({ name: "dev/sleep", data: { ms: 3_600_000 } })),
      )),
    );
  const acceptedMs = performance.now() - startedAt;
  let most = 0;
  await until("each run has its file", 180_000, async () => {
    most = Math.max(most, usage(runtime).files);
    return mainFiles().length === RUNS + 1;
  });
  const runningMs = performance.now() - startedAt;
  await until("the runtime has let go of their files", 30_000, async () => usage(runtime).files <= idle.files + 100);
  const asleepMs = performance.now() - startedAt;

  const silentMs = await health.stop();
  const asleep = usage(runtime);
  await delay(3_000);
  const cpuMs = usage(runtime).cpuMs - asleep.cpuMs;
  for (let i = 0; i < RUNS; i += 100) {
    const [run] = await runsOf(platform.url, ids[i]!);
    expect((await readRun(platform.url, run!.run_id)).waiting_for).toMatchObject([{ kind: "sleeping", step: "nap" }]);
  }
  const askedAt = performance.now();
  const [one] = await send(platform.url, { name: "dev/steps", data: { steps: 5 } });
  await endedRun(platform.url, one!);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `${RUNS} sleeping runs: accepted in ${seconds(acceptedMs)}, all started in ${seconds(runningMs)}, all out of memory in ${seconds(asleepMs)}; ` +
      `open files ${idle.files} before, ${most} at most, ${asleep.files} asleep; memory ${idle.rssMiB} MiB before, ${asleep.rssMiB} MiB asleep; ` +
      `CPU ${cpuMs} ms in 3 s; GET /health at most ${Math.round(silentMs)} ms; a run of 5 steps beside them ${Math.round(performance.now() - askedAt)} ms`,
  );
  expect(asleep.files).toBeLessThanOrEqual(idle.files + 100);
  expect(silentMs).toBeLessThan(15_000); // at 30 s the launcher takes the runtime for stuck and replaces it
  expect(platform.output.stderr).toBe("");
});

/** Asks for the platform's health once a second until it is stopped; returns the longest time an answer took. */
function watchHealth(): { stop(): Promise<number> } {
  let isStopped = false;
  const watching = (async () => {
    let longestMs = 0;
    while (!isStopped) {
      const askedAt = performance.now();
      await fetch(`${platform.url}/health`);
      longestMs = Math.max(longestMs, performance.now() - askedAt);
      await delay(1_000);
    }
    return longestMs;
  })();
  return {
    stop: () => {
      isStopped = true;
      return watching;
    },
  };
}

/** What the kernel says that a process uses (proc(5)). */
function usage(pid: number): { files: number; rssMiB: number; cpuMs: number } {
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return {
    files: readdirSync(`/proc/${pid}/fd`).length,
    rssMiB: Math.round(Number(rss[1]) / KIB),
    cpuMs: (Number(stat[11]) + Number(stat[12])) * 10, // ticks of 10 ms
  };
}
