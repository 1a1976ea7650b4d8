import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { join } from "node:path";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ worker: join(import.meta.dirname, "../fixtures/embedded-app-worker.ts") });
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("beside an app the dashboard has a path of its own, and the app all others", async () => {
  for (const path of ["/", "/runs"])
    expect(await (await fetch(stage.url + path, { headers: { accept: "text/html" } })).text()).toContain(
      "the app's own",
    );

  const runId = await stage.start("app/greet");
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/inngest/runs/${runId}`);
  await page.getByRole("region", { name: "Output" }).getByText('"hello"').waitFor();
  await page.getByRole("link", { name: "Functions" }).click();
  await page.waitForURL("**/inngest/functions");
  await page.getByRole("link", { name: "greet" }).click();
  await page.getByRole("heading", { name: "greet" }).waitFor();
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByPlaceholder("A page, function, app, run id or event id").fill(runId);
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/inngest/runs/${runId}`);
  await page.goto(`${stage.url}/inngest`);
  await page.waitForURL("**/inngest/runs");
  await page.close();
});
