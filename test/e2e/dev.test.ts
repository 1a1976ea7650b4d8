import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { endedRun, readRun, runsOf, send, until } from "../helpers/platform-api.ts";
import { freePort, spawnPlatform, type PlatformOptions, type PlatformProcess } from "../helpers/platform-process.ts";

const worker = join(import.meta.dirname, "../fixtures/dev-worker.ts");

function newStateDir(): string {
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-dev-"));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
}

async function start(options: PlatformOptions): Promise<PlatformProcess> {
  const platform = await spawnPlatform(options);
  onTestFinished(() => platform.killGroup());
  return platform;
}

/** Waits until the event's run says that it waits for this kind of thing. */
async function waiting(platform: PlatformProcess, eventId: string, kind: string): Promise<void> {
  await until(`the run of ${eventId} is ${kind}`, 10_000, async () => {
    const [run] = await runsOf(platform.url, eventId);
    return run && (await readRun(platform.url, run.run_id)).waiting_for.some((reason) => reason.kind === kind);
  });
}

test("npm run dev prints one line when it is ready, answers, and SIGTERM ends it with 0 and all its processes", async () => {
  const platform = await start({ stateDir: newStateDir(), command: ["npm", "run", "--silent", "dev"] });
  expect((await fetch(`${platform.url}/health`)).status).toBe(200);
  const pids = platform.pids();
  expect(pids.length).toBeGreaterThanOrEqual(2); // launcher and runtime
  expect(await platform.stop()).toBe(0);
  expect(platform.pids()).toEqual([]);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(platform.output.stdout).toBe(`ready http://127.0.0.1:${platform.port}\n`);
  await expect(fetch(`${platform.url}/health`)).rejects.toThrow();
});

test("SIGINT ends it in the same way", async () => {
  const platform = await start({ stateDir: newStateDir() });
  expect(await platform.stop("SIGINT")).toBe(0);
  expect(platform.pids()).toEqual([]);
});

test.each(["SIGTERM", "SIGKILL"] as const)(
  "[G1, G5] after %s the next start on the same state goes on: an overdue sleep ends, a wait is answered",
  async (signal) => {
    const stateDir = newStateDir();
    const first = await start({ stateDir, worker });
    const [slept] = await send(first.url, { name: "dev/sleep", data: { ms: 1_500 } });
    const [waited] = await send(first.url, { name: "dev/wait", data: { key: "k" } });
    await Promise.all([waiting(first, slept!, "sleeping"), waiting(first, waited!, "waiting")]);
    if (signal === "SIGTERM") expect(await first.stop()).toBe(0);
    else await first.killGroup();
    await delay(1_500); // the alarm falls due while nobody is there

    const second = await start({ stateDir, worker, port: first.port });
    const readyAt = performance.now();
    expect(await endedRun(second.url, slept!, 5_000)).toMatchObject({
      status: "Completed",
      output: ["before", "after"],
    });
    expect(performance.now() - readyAt).toBeLessThan(5_000);
    await waiting(second, waited!, "waiting");
    await send(second.url, { name: "dev/answer", data: { key: "other" } });
    await send(second.url, { name: "dev/answer", data: { key: "k", said: "yes" } });
    expect(await endedRun(second.url, waited!)).toMatchObject({
      status: "Completed",
      output: { key: "k", said: "yes" },
    });
  },
);

test("a launcher that is killed alone leaves a runtime behind; the next start ends that and takes its port", async () => {
  const stateDir = newStateDir();
  const first = await start({ stateDir, worker });
  expect(await first.stop("SIGKILL")).toBe(null);
  expect(first.pids()).toHaveLength(1);
  const second = await start({ stateDir, worker, port: first.port });
  expect(first.pids()).toEqual([]);
  const [event] = await send(second.url, { name: "dev/sleep", data: { ms: 10 } });
  expect(await endedRun(second.url, event!)).toMatchObject({ status: "Completed" });
});

test.each(["abc", "0", "65536", "80.5", "-1"])("PORT=%s is refused by value, with what is allowed", async (value) => {
  const started = spawnPlatform({ stateDir: newStateDir(), env: { PORT: value } });
  await expect(started).rejects.toThrow(
    `ended before it was ready (exit code 2)\ninngest: PORT is "${value}"; it must be a whole number from 1 to 65535\n`,
  );
});

test("a port in use is refused by number, with the remedy", async () => {
  const port = await freePort();
  const other = createServer((_, response) => response.end("mine")).listen(port, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  await expect(spawnPlatform({ stateDir: newStateDir(), port })).rejects.toThrow(
    `(exit code 1)\ninngest: Port ${port} is in use; end what listens on it or choose another: PORT=${port + 1}\n`,
  );
});

test("state in use is refused by process and directory, with the remedy", async () => {
  const stateDir = newStateDir();
  const first = await start({ stateDir });
  await expect(spawnPlatform({ stateDir })).rejects.toThrow(
    `(exit code 1)\ninngest: Process ${first.pid} uses ${stateDir}; end it (kill ${first.pid}) or choose another directory: INNGEST_STATE=…\n`,
  );
  expect((await fetch(`${first.url}/health`)).status).toBe(200);
});

test("a Worker that is not there is refused by path", async () => {
  await expect(spawnPlatform({ stateDir: newStateDir(), worker: "/no/such/worker.ts" })).rejects.toThrow(
    '(exit code 1)\ninngest: INNGEST_WORKER is "/no/such/worker.ts"; there is no file /no/such/worker.ts\n',
  );
});
