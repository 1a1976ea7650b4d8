/** The command line as people and scripts run it, a process of its own for each command. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { readRun, runsOf, until } from "./platform-api.ts";
import { spawnPlatform, type PlatformProcess } from "./platform-process.ts";

const command = join(import.meta.dirname, "../../src/cli/main.ts");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CallOptions {
  input?: string;
  /** default: the platform of the stage */
  url?: string;
  env?: Record<string, string>;
}

/** Variables of whoever runs the tests say nothing here. */
const cleared = { INNGEST_BASE_URL: "", INNGEST_SIGNING_KEY: "", INNGEST_EVENT_KEY: "", INNGEST_ENV: "" };

/** A platform with the functions of test/fixtures/cli-worker.ts, and a folder in which commands run. */
export class CliStage {
  readonly folder: string;
  readonly platform: PlatformProcess;

  private constructor(folder: string, platform: PlatformProcess) {
    this.folder = folder;
    this.platform = platform;
  }

  static async open(): Promise<CliStage> {
    const folder = mkdtempSync(join(tmpdir(), "inngest-cli-"));
    const worker = join(import.meta.dirname, "../fixtures/cli-worker.ts");
    return new CliStage(folder, await spawnPlatform({ stateDir: join(folder, "state"), worker }));
  }

  async close(): Promise<void> {
    await this.platform.killGroup();
    rmSync(this.folder, { recursive: true, force: true });
  }

  start(args: string[], { url = this.platform.url, env = {} }: CallOptions = {}) {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: this.folder,
      env: { ...process.env, ...cleared, INNGEST_BASE_URL: url, ...env },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk));
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk));
    const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...output }));
    return { child, output, ended };
  }

  /** A command to its end; its arguments are what spaces part. */
  async inngest(line: string, { input = "", ...options }: CallOptions = {}): Promise<Ended> {
    const { child, ended } = this.start(line.split(" "), options);
    child.stdin.end(input);
    return ended;
  }

  async json<T>(line: string, options: CallOptions = {}): Promise<T> {
    const { stdout, stderr } = await this.inngest(`${line} --json`, options);
    try {
      return JSON.parse(stdout) as T;
    } catch {
      throw new Error(`inngest ${line} --json printed no JSON: ${stdout}${stderr}`);
    }
  }

  /** Sends an event and returns its id, and the id of the run that it starts. */
  async started(name: string, data: object = {}): Promise<{ eventId: string; runId: string }> {
    const { ids } = await this.json<{ ids: string[] }>(`events send ${name} --data -`, { input: JSON.stringify(data) });
    const [eventId = ""] = ids;
    const { url } = this.platform;
    const runId = await until("there is a run", 10_000, async () => (await runsOf(url, eventId))[0]?.run_id);
    return { eventId, runId };
  }

  /** A run that waits for an event, once it does. */
  async waiting(): Promise<{ eventId: string; runId: string }> {
    const found = await this.started("shop/wait");
    await until("it waits", 10_000, async () =>
      (await readRun(this.platform.url, found.runId)).waiting_for.some(({ kind }) => kind === "waiting"),
    );
    return found;
  }
}
