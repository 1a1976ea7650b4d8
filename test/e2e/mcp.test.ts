/** The official MCP client against a real local Worker, over loopback. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agent } from "../helpers/mcp-client.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";

const stateDir = mkdtempSync(join(tmpdir(), "inngest-mcp-"));
let platform: PlatformProcess;

beforeAll(async () => {
  platform = await spawnPlatform({ stateDir, worker: join(import.meta.dirname, "../fixtures/dev-worker.ts") });
});
afterAll(async () => {
  await platform.killGroup();
  rmSync(stateDir, { recursive: true, force: true });
});

test.each(["legacy", "auto"] as const)("an agent of the %s revision runs a function to its end", async (era) => {
  const { client, call } = await agent({ url: `${platform.url}/mcp`, era });
  const { json: invoked } = await call("invoke_function", {
    function: "dev-stepper",
    data: { steps: 3 },
    wait_seconds: 30,
  });
  expect(invoked).toMatchObject({ ended: true, status: "Completed", output: 3 });

  const { json: sent } = await call("send_event", { name: "dev/sleep", data: { ms: 400 } });
  const { json: event } = await untilRun(() => call("get_event", { event_id: sent.event_id }));
  const { json: waited } = await call("wait_for_run", { run_id: event.runs[0].run_id });
  expect(waited).toMatchObject({ ended: true, status: "Completed", output: ["before", "after"] });
  await client.close();
});

test("a run that goes on is not waited for longer than asked, and is cancelled", async () => {
  const { call } = await agent({ url: `${platform.url}/mcp` });
  const { json: invoked } = await call("invoke_function", { function: "dev-sleeper", data: { ms: 3_600_000 } });
  const { json: waited } = await call("wait_for_run", { run_id: invoked.run_id, timeout_seconds: 1 });
  expect(waited).toMatchObject({ ended: false, status: "Running" });
  expect((await call("cancel_run", { run_id: invoked.run_id })).json).toMatchObject({ status: "Cancelled" });
});

test("the document of the API is served", async () => {
  const response = await fetch(`${platform.url}/openapi.json`);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toMatchObject({ openapi: "3.1.1", paths: { "/v1/runs/{id}": { get: {} } } });
});

/** An event that was sent just now has no run yet. */
async function untilRun(look: () => ReturnType<Awaited<ReturnType<typeof agent>>["call"]>) {
  for (;;) {
    const said = await look();
    if (said.json.runs.length > 0) return said;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
