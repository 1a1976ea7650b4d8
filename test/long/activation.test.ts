import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runsOf, send } from "../helpers/platform-api.ts";
import { spawnPlatform } from "../helpers/platform-process.ts";

const STEP_MS = 185_000;

it("[design §4] an activation of three minutes, with no other traffic, ends once", async () => {
  let began = 0;
  const witness = createServer((_request, response) => {
    began += 1;
    response.end();
  }).listen(0, "127.0.0.1");
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-long-"));
  const platform = await spawnPlatform({ stateDir, worker: "test/fixtures/long-worker.ts" });
  try {
    const url = `http://127.0.0.1:${(witness.address() as AddressInfo).port}`;
    const [id = ""] = await send(platform.url, { name: "long/begin", data: { url, ms: STEP_MS } });
    await new Promise((resolve) => setTimeout(resolve, STEP_MS + 5_000)); // nobody asks meanwhile: that is the point
    const [run] = await runsOf(platform.url, id);
    expect(run).toMatchObject({ status: "Completed", output: "done" });
    expect(began).toBe(1);
  } finally {
    await platform.stop();
    witness.close();
    rmSync(stateDir, { recursive: true });
  }
});
