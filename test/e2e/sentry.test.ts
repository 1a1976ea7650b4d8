import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { endedRun, send } from "../helpers/platform-api.ts";
import { spawnPlatform } from "../helpers/platform-process.ts";

test("an embedded step that fails for good is reported to Sentry once, with the scope of its run", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-sentry-"));
  const worker = join(import.meta.dirname, "../fixtures/sentry-worker.ts");
  const platform = await spawnPlatform({ stateDir, worker });
  onTestFinished(async () => {
    await platform.killGroup();
    rmSync(stateDir, { recursive: true, force: true });
  });
  const users = ["u1", "u2"];
  const sent = await Promise.all(users.map((user) => send(platform.url, { name: "watched/fails", data: { user } })));
  const runs = await Promise.all(sent.map(([id]) => endedRun(platform.url, id!, 30_000)));
  const reports = () =>
    [...`${platform.output.stdout}\n${platform.output.stderr}`.matchAll(/SENTRY (.*)$/gm)]
      .flatMap(([, envelope]) => JSON.parse(envelope ?? "")[1])
      .flatMap(([header, item]) => (header.type === "event" ? [item] : []));
  await vi.waitFor(() => expect(reports().length).toBeGreaterThanOrEqual(2), 10_000);
  for (const [index, user] of users.entries()) {
    const own = reports().filter((report) => report.tags["inngest.run.id"] === runs[index]?.run_id);
    expect(own).toMatchObject([
      {
        exception: { values: [{ value: `declined ${user}` }] },
        user: { id: user },
        tags: { "inngest.function.id": "watched-fails", "inngest.step.id": "pay", "inngest.attempt": "1" },
      },
    ]);
  }
}, 90_000);
