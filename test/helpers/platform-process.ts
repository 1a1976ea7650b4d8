/** The platform as users run it, a process of its own, for tests that end it without warning. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

const packageRoot = join(import.meta.dirname, "../..");
const READY_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 10_000;

export interface PlatformOptions {
  /** default: a free one */
  port?: number;
  /** give a second process the directory of the first to see what survived */
  stateDir: string;
  /** entry of another Worker (INNGEST_WORKER) */
  worker?: string;
  /** what to run; default: what `npm run dev` does, without asking apps every 5 s whether they have changed */
  command?: [string, ...string[]];
  env?: Record<string, string>;
}

export interface PlatformProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** what it has written so far; the Worker's console is in `stderr` */
  readonly output: { stdout: string; stderr: string };
  /** processes of its group that live: the launcher and its runtime; empty after an end */
  pids(): number[];
  /** SIGKILL to the whole group, as a power cut would */
  killGroup(): Promise<void>;
  /** SIGTERM, or another signal, to the launcher; returns its exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The command for a launcher of ours, such as `src/cli/main.ts`: this Node.js, with as many files as it needs. */
export function launch(script: string, ...args: string[]): [string, ...string[]] {
  return ["sh", "scripts/with-file-limit.sh", process.execPath, script, ...args];
}

/** Starts `inngest dev` from its sources (or another launcher) as the leader of its own process group and returns when it is ready. */
export async function spawnPlatform(options: PlatformOptions): Promise<PlatformProcess> {
  const port = options.port ?? (await freePort());
  const [file, ...args] = options.command ?? launch("src/cli/main.ts", "dev", "--no-poll");
  const child = spawn(file, args, {
    cwd: packageRoot,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PORT: String(port),
      INNGEST_STATE: options.stateDir,
      INNGEST_WORKER: options.worker ?? "",
      ...options.env,
    },
  });
  if (child.pid === undefined) throw new Error("The platform process did not start");
  const pid = child.pid;
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk));

  const platform: PlatformProcess = {
    url: `http://127.0.0.1:${port}`,
    port,
    pid,
    output,
    pids: () => groupMembers(pid),
    async killGroup() {
      signalGroup(pid, "SIGKILL");
      await exited(child);
      while (groupMembers(pid).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const late = setTimeout(() => signalGroup(pid, "SIGKILL"), STOPS_WITHIN_MS);
      await exited(child);
      clearTimeout(late);
      return child.exitCode;
    },
  };

  try {
    await ready(child, output);
  } catch (error) {
    await platform.killGroup();
    throw error;
  }
  return platform;
}

/** A port of the loopback interface that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("The listener has no port");
  return address.port;
}

async function ready(child: ChildProcess, output: PlatformProcess["output"]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`The platform ${reason}\n${output.stdout}${output.stderr}`));
    const timer = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(`ended before it was ready (${signal ?? `exit code ${code}`})`);
    });
    child.stdout?.on("data", () => {
      if (!/^ready /m.test(output.stdout)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // nobody is left
  }
}

function groupMembers(pgid: number): number[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, group, state]) => group === String(pgid) && !state?.startsWith("Z"))
    .map(([pid]) => Number(pid));
}
