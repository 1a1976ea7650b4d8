import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { endedRun, send } from "../helpers/platform-api.ts";
import { launch, spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";
import { startWitness, type Witness } from "../helpers/witness.ts";

const worker = join(import.meta.dirname, "../fixtures/hostile-worker.ts"); // its runs notice a loss within 2 s
const command = launch(join(import.meta.dirname, "../fixtures/watchful-platform.ts"));

let witness: Witness;

beforeAll(async () => {
  witness = await startWitness(1);
});

afterAll(() => witness?.close());

async function start(unresponsiveAfterMs: number): Promise<PlatformProcess> {
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-hostile-"));
  const env = { UNRESPONSIVE_AFTER_MS: String(unresponsiveAfterMs) };
  const platform = await spawnPlatform({ stateDir, worker, command, env });
  onTestFinished(async () => {
    await platform.killGroup();
    rmSync(stateDir, { recursive: true, force: true });
  });
  return platform;
}

/**
 * The first loss without a commit only makes the next activation cautious: it marks each step before its body, and a
 * loss after that is the marked step's failed attempt (design §4). So attempts + 1 bodies begin, and one more when the
 * first activation had committed another step.
 */
const attacks = [
  { id: "reset", attempts: 1, bodies: 2, replaced: [] },
  { id: "reset-thrice", attempts: 3, bodies: 4, replaced: [] },
  { id: "reset-later", attempts: 1, bodies: 3, replaced: [] },
  {
    id: "spin",
    attempts: 1,
    bodies: 2,
    replaced: Array(2).fill(/did not answer GET \/health for 2 s \(a step that never yields\?\)/),
  },
  // collecting garbage in vain keeps it silent for seconds before it gives up: more patience, to see that end
  { id: "exhaust", attempts: 1, bodies: 2, replaced: Array(2).fill(/runtime crashed \(/), patienceMs: 30_000 },
];

test.each(attacks)(
  "[G3] a step that does `$id` fails its run as step_lost after $attempts attempt(s); others go on",
  async ({ id, attempts, bodies, replaced, patienceMs = 2_000 }) => {
    const platform = await start(patienceMs);
    const startedAt = performance.now();
    const [bystander] = await send(platform.url, { name: "hostile/bystander" });
    const [attacker] = await send(platform.url, { name: `hostile/${id}`, data: { witness: witness.url } });

    const run = await endedRun(platform.url, attacker!, 90_000);
    const tookMs = performance.now() - startedAt;
    expect(run).toMatchObject({ status: "Failed", error: { code: "step_lost" } });
    expect(run.error!.message).toContain(`step "${id}" stopped without a result`);
    const step = run.steps.at(-1);
    expect(step).toMatchObject({ id, status: "failed", error: { code: "step_lost" } });
    expect(step!.failures.map((failure) => failure.attempt)).toEqual([...Array(attempts).keys()]);

    expect(await endedRun(platform.url, bystander!, 30_000)).toMatchObject({ status: "Completed", output: 5 });
    const [after] = await send(platform.url, { name: "hostile/bystander" });
    expect(await endedRun(platform.url, after!, 30_000)).toMatchObject({ status: "Completed", output: 5 });

    const began = witness.log.filter((visit) => visit.key === id).length;
    const lines = platform.output.stderr.split("\n");
    const replacements = lines.filter((line) => line.includes("; starting a new one on the same state"));
    console.log(
      `${id}: failed after ${(tookMs / 1000).toFixed(1)} s, ${replacements.length} runtimes replaced, its step begun ${began} times`,
    );
    expect(began).toBe(bodies);
    expect(replacements).toEqual(replaced.map((reason) => expect.stringMatching(reason)));
    expect(platform.pids()).toHaveLength(2); // the launcher and one runtime
  },
);
