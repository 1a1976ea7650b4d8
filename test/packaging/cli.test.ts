import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { until } from "../helpers/platform-api.ts";
import { freePort } from "../helpers/platform-process.ts";
import { emptyProject, npm } from "./pack.ts";

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  version: string;
  devDependencies: Record<string, string>;
};
const { PORT: _port, INNGEST_STATE: _state, INNGEST_WORKER: _worker, ...env } = process.env;

/** `npx inngest …` in a folder, without npx; `cwd` when the package is not installed in the user's project. */
function inngest(folder: string, ...rest: (string | { cwd: string })[]) {
  const args = rest.filter((arg) => typeof arg === "string");
  const { cwd } = rest.find((arg) => typeof arg === "object") ?? { cwd: folder };
  const command = join(folder, "node_modules/.bin/inngest");
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", env });
  return { status, stdout, stderr };
}

describe("arguments", () => {
  const folder = inject("installed");

  test.each([
    [[], ["dev", "deploy", "runs", "events", "functions", "apps", "doctor", "mcp", "--version", "Exit codes"]],
    [["--help"], ["Usage: inngest", "--help"]],
    [
      ["dev", "-h"],
      ["inngest dev", "--url", "--port", "--state", "--no-poll", "--no-discovery"],
    ],
    [
      ["runs", "--help"],
      ["list", "get", "tail", "cancel", "replay", "rerun", "export"],
    ],
  ])("%j prints what there is to use", (args, words) => {
    const { status, stdout } = inngest(folder, ...args);
    expect(status).toBe(0);
    for (const word of words) expect(stdout).toContain(word);
  });

  test("--version is the package's", () => {
    expect(inngest(folder, "--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  test.each([
    [["dev", "--prot", "1"], "There is no option --prot; did you mean --port?"],
    [["dev", "--nopoll"], "There is no option --nopoll; did you mean --no-poll?"],
    [["dev", "-x"], "There is no option -x; see inngest dev --help"],
    [["start"], 'There is no command "start"; see inngest --help'],
    [["dev", "now"], '"now" is one argument too many; see inngest dev --help'],
    [["dev", "--port"], "--port needs a value; see inngest dev --help"],
    [["dev", "--no-poll=1"], "--no-poll takes no value"],
    [["dev", "--port", "70000"], '--port is "70000"; it must be a whole number from 1 to 65535'],
    [["dev", "-p", "x"], '--port is "x"; it must be a whole number from 1 to 65535'],
    [["dev", "-u", "3000"], '--url is "3000"; it must be a full URL, such as http://localhost:3000/api/inngest'],
  ])("%j is refused in one line that says what would be right", (args, message) => {
    expect(inngest(folder, ...args)).toEqual({ status: 2, stdout: "", stderr: `inngest: ${message}\n` });
  });

  test("without miniflare it says in one line what to install", () => {
    const remedy = `npm install -D miniflare@${manifest.devDependencies.miniflare}`;
    const stderr = `inngest: miniflare is not installed; run: ${remedy}\n`;
    expect(inngest(folder, "dev", "--no-install")).toEqual({ status: 1, stdout: "", stderr });
  });

  test("with the miniflare that npm calls the latest, of another major version, too", () => {
    const project = mkdtempSync(join(tmpdir(), "inngest-cli-"));
    onTestFinished(() => rmSync(project, { recursive: true }));
    const miniflare = join(emptyProject(project, "app"), "node_modules/miniflare");
    mkdirSync(miniflare);
    writeFileSync(join(miniflare, "package.json"), JSON.stringify({ version: "4.20260730.0", main: "index.js" }));
    writeFileSync(join(miniflare, "index.js"), "");
    const remedy = `npm install -D miniflare@${manifest.devDependencies.miniflare}`;
    expect(inngest(folder, "dev", "--no-install", { cwd: join(project, "app") }).stderr).toBe(
      `inngest: miniflare 4.20260730.0 is installed, which has another interface; run: ${remedy}\n`,
    );
  });
});

describe("inngest dev, with the miniflare that it names", () => {
  let folder: string;
  let port: number;
  let running: ChildProcess;
  const output = { stdout: "", stderr: "" };

  beforeAll(async () => {
    const parent = mkdtempSync(join(tmpdir(), "inngest-cli-"));
    folder = emptyProject(parent, "app");
    npm(folder, "install", inject("tarball"), `miniflare@${manifest.devDependencies.miniflare}`);
    port = await freePort();
  });
  afterAll(async () => {
    running?.kill("SIGKILL");
    rmSync(join(folder, ".."), { recursive: true, force: true });
  });

  async function start(installed = folder): Promise<void> {
    Object.assign(output, { stdout: "", stderr: "" });
    const options = ["dev", "--port", String(port), "--state", "state"];
    running = spawn(join(installed, "node_modules/.bin/inngest"), options, { cwd: folder, env });
    running.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk));
    running.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk));
    await until("it is ready", 30_000, async () => {
      if (running.exitCode !== null) throw new Error(output.stderr);
      return output.stdout !== "";
    });
  }

  test("it runs the platform that was built, keeps its state where it is told, and Ctrl-C ends it cleanly", async () => {
    await start();
    expect(output.stdout).toBe(`ready http://127.0.0.1:${port}\n`);
    const answer = await fetch(`http://127.0.0.1:${port}/dev`);
    expect(await answer.json()).toMatchObject({ version: manifest.version, functions: [] });
    const page = await (await fetch(`http://127.0.0.1:${port}/runs`)).text();
    const [, script = "nothing"] = /src="\.\/(assets\/[^"]+\.js)"/.exec(page) ?? [];
    expect((await fetch(`http://127.0.0.1:${port}/${script}`)).headers.get("content-type")).toContain("javascript");
    expect(existsSync(join(folder, "state/owner"))).toBe(true);
    expect(inngest(folder, "dev", "--port", String(port), "--state", "other").stderr).toBe(
      `inngest: Port ${port} is in use; end what listens on it or choose another: --port ${port + 1}\n`,
    );
    expect(inngest(folder, "dev", "--port", String(port), "--state", "state").stderr).toBe(
      `inngest: Process ${running.pid} uses ${join(folder, "state")}; end it (kill ${running.pid}) or choose another directory: --state …\n`,
    );
    running.kill("SIGINT");
    expect(await once(running, "exit")).toEqual([0, null]);
    expect(existsSync(join(folder, "state/owner"))).toBe(false);
  });

  test("run from elsewhere, as npx does, it takes the miniflare of the project", async () => {
    await start(inject("installed"));
    expect(output.stdout).toBe(`ready http://127.0.0.1:${port}\n`);
    running.kill("SIGTERM");
    expect(await once(running, "exit")).toEqual([0, null]);
  });

  test("it may open as many files as the system allows, whatever the shell's own bound", async () => {
    const script = 'ulimit -S -n 256; exec "$0" "$@"';
    const args = ["-c", script, join(folder, "node_modules/.bin/inngest"), "dev", "--port", String(port)];
    const child = spawn("sh", args, { cwd: folder, env });
    onTestFinished(() => void child.kill());
    await once(child.stdout, "data");
    const [, workerd] = readFileSync(join(folder, ".inngest/owner"), "utf8").split("\n");
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(limitsOf(workerd!)) ?? [];
    expect(soft).toBe(hard);
    child.kill("SIGINT");
    await once(child, "exit");
  });
});

/** Linux only, as is the machine of the checks; elsewhere there is nothing to read, and nothing to compare. */
function limitsOf(pid: string): string {
  const file = `/proc/${pid}/limits`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
