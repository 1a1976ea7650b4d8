/** Commands over many runs, and those that start one anew, against a platform that really runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliStage } from "../helpers/cli-stage.ts";
import { endedRun, readRun, until } from "../helpers/platform-api.ts";

let stage: CliStage;
beforeAll(async () => {
  stage = await CliStage.open();
});
afterAll(async () => stage?.close());

test("they are listed by status and function, page by page", async () => {
  const first = await stage.started("shop/fail");
  await endedRun(stage.platform.url, first.eventId);
  const second = await stage.started("shop/fail");
  await endedRun(stage.platform.url, second.eventId);
  const filter = "runs list --function shop-fail --status failed --since 1h --limit 1";
  const page = await until("both are listed", 10_000, async () => {
    const found = await stage.json<{ data: { run_id: string }[]; page: { cursor: string | null } }>(filter);
    return found.data[0]?.run_id === second.runId && found;
  });
  const { stdout, stderr } = await stage.inngest(filter);
  expect(stdout).toMatch(new RegExp(`^RUN +STATUS +FUNCTION .*\n${second.runId}  Failed +shop-fail +shop/fail `));
  expect(stderr).toBe(`more: --cursor ${page.page.cursor}\n`);
  expect((await stage.inngest(`${filter} --cursor ${page.page.cursor}`)).stdout).toContain(first.runId);
  expect((await stage.inngest("runs list --app nobody")).stdout).toBe("no runs\n");
});

test("tail of all tells each run whose status changes", async () => {
  const tail = stage.start(["runs", "tail", "--json", "--timeout", "20s"]);
  // it tells what changes after its first look: runs are started until one is told
  const told = await until(
    "a run is told",
    15_000,
    async () => {
      await stage.started("shop/hello");
      const lines = tail.output.stdout.trim().split("\n").filter(Boolean);
      return lines
        .map((line) => JSON.parse(line) as object)
        .find((row) => "status" in row && row.status === "Completed");
    },
    300,
  );
  expect(told).toMatchObject({ function_slug: "shop-greet", event_name: "shop/hello" });
});

test("many are counted, then cancelled; without a terminal nobody is asked, so --yes is wanted", async () => {
  const runs = [await stage.waiting(), await stage.waiting()];
  const choice = "--function shop-wait --since 1h";
  const { stdout: dry } = await stage.inngest(`runs cancel ${choice} --dry-run`);
  const [, count = "0"] = /^(\d+) runs would be cancelled\n$/.exec(dry) ?? [];
  expect(Number(count)).toBeGreaterThanOrEqual(2);
  expect(await stage.inngest(`runs cancel ${choice}`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("runs will be cancelled. Go on? Nobody can be asked here: repeat it with --yes"),
  });
  expect((await readRun(stage.platform.url, runs[0]!.runId)).status).toBe("Running");
  const { code, stdout } = await stage.inngest(`runs cancel ${choice} --yes --no-follow`);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^cancel \S+ has begun: GET /) });
  for (const { eventId } of runs) expect((await endedRun(stage.platform.url, eventId)).status).toBe("Cancelled");
});

test("failed runs are replayed, counted first", async () => {
  const { eventId } = await stage.started("shop/fail", { which: "replayed" });
  await endedRun(stage.platform.url, eventId);
  const choice = '--app shop --function shop-fail --since 1h --if event.data.which=="replayed"';
  await until("it is counted", 10_000, async () =>
    (await stage.inngest(`runs replay ${choice} --dry-run`)).stdout.startsWith("1 run "),
  );
  const { code, stdout } = await stage.inngest(`runs replay ${choice} --yes`);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "1 run started once more\n" });
});

test("one is run again, also from a step with another input", async () => {
  const { eventId, runId } = await stage.started("shop/hello", { name: "Ada" });
  await endedRun(stage.platform.url, eventId);
  const again = await stage.json<{ run_id: string; status: string; output: string }>(`runs rerun ${runId} --wait`);
  expect(again).toMatchObject({ status: "Completed", output: "Hello ADA" });
  expect(again.run_id).not.toBe(runId);
  const edited = await stage.inngest(`runs rerun ${runId} --from-step greeting --input ["EVE"] --wait`);
  expect(edited).toMatchObject({ code: 0, stdout: expect.stringContaining('"Hello EVE"') });
});

test("one is exported as JSON, to stdout or a file", async () => {
  const { eventId, runId } = await stage.started("shop/hello");
  await endedRun(stage.platform.url, eventId);
  const { code, stdout } = await stage.inngest(`runs export ${runId}`);
  expect(code).toBe(0);
  expect(stdout).toContain(runId);
  expect(await stage.inngest(`runs export ${runId} -o run.json`)).toEqual({
    code: 0,
    stdout: "",
    stderr: `run ${runId} is in run.json\n`,
  });
  expect(JSON.parse(readFileSync(join(stage.folder, "run.json"), "utf8"))).toBeTypeOf("object");
});
