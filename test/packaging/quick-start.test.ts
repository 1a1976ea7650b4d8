import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { endedRun } from "../helpers/platform-api.ts";
import { emptyProject } from "./pack.ts";
import { follow, readQuickStarts } from "./quick-start.ts";

const quickStarts = readQuickStarts(join(import.meta.dirname, "../../README.md"));

test.each(quickStarts)(
  "README, $title: followed to the letter in an empty folder, its run completes",
  async (quickStart) => {
    const parent = mkdtempSync(join(tmpdir(), "inngest-quick-start-"));
    onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
    const { platform, sent, stop } = await follow(quickStart, emptyProject(parent, "app"), inject("tarball"));
    onTestFinished(stop);
    expect(sent.ids).toHaveLength(1);
    const { status, output } = await endedRun(platform, sent.ids[0]!, 30_000);
    expect({ status, output }).toEqual({ status: "Completed", output: { message: "Hello ADA!" } });
  },
);

test("the README shows app and engine in one Worker", () => {
  expect(quickStarts.filter(({ commands }) => commands.includes("npx wrangler dev"))).toHaveLength(1);
});
