import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { send, until } from "../helpers/platform-api.ts";
import { launch, spawnPlatform } from "../helpers/platform-process.ts";

const worker = join(import.meta.dirname, "../fixtures/dev-worker.ts");
const RUNS = 500;
const FILES = 512;

/** Ids of the runs that the index says have completed: asking each would keep its object in memory. */
async function completed(url: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const answer = await fetch(`${url}/api/v2/runs?limit=100&status=COMPLETED${cursor && `&cursor=${cursor}`}`);
    const { data, page } = (await answer.json()) as { data: { id: string }[]; page: { cursor?: string } };
    for (const { id } of data) ids.add(id);
    cursor = page.cursor;
  }
  return ids;
}

test.skipIf(process.platform === "win32")(
  `[G1] with ${FILES} file descriptors the server says so, and a burst of ${RUNS} runs comes to its end, a part at a time`,
  async () => {
    const stateDir = mkdtempSync(join(tmpdir(), "inngest-files-"));
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
    const limited = `ulimit -n ${FILES} && exec "$@"`;
    const command: [string, ...string[]] = [
      "sh",
      "-c",
      limited,
      "sh",
      ...launch("src/cli/main.ts", "dev", "--no-poll"),
    ];
    const platform = await spawnPlatform({ stateDir, worker, command });
    onTestFinished(() => platform.killGroup());
    expect(platform.output.stderr).toContain(`only ${FILES} files may be open`);

    const ids = await send(
      platform.url,
      Array.from({ length: RUNS }, () => ({ name: "dev/steps", data: { steps: 2 } })),
    );
    expect(new Set(ids).size).toBe(RUNS);
    await until("all runs have completed", 150_000, async () => (await completed(platform.url)).size === RUNS, 1_000);
    const files = readdirSync(join(stateDir, "do/inngest-StepDO")).filter((name) =>
      /^[0-9a-f]{64}\.sqlite$/.test(name),
    );
    expect(files).toHaveLength(RUNS);
    expect(platform.output.stderr).not.toMatch(/CANTOPEN|unable to open|routing .* failed/);
  },
  180_000,
);
