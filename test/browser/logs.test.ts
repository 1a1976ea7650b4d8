/** What functions log, on the pages of their runs. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
// a script that ran would have opened a dialog, which is a complaint, and so is what the policy has stopped
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

async function chatter(data: object): Promise<string> {
  const runId = await stage.start("shop/chatter", { ...data });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  return runId;
}

test("a run's page has all lines with their steps, a step's panel its own by attempt", async () => {
  const runId = await chatter({ lines: ["hello"], tries: 1 });
  const page = await stage.at(`/runs/${runId}`);
  const logs = page.getByRole("region", { name: "Logs" });
  await logs.getByText("the shop is closed").waitFor();
  const lines = await logs.getByRole("listitem").allTextContents();
  expect(lines.filter((line) => line.includes("hello"))).toHaveLength(2);
  expect(lines[0]).toMatch(/info.*the shop is open$/);
  expect(lines.at(-1)).toMatch(/debug.*the shop is closed \{"said":1\}$/);

  await logs.getByRole("button", { name: "talk" }).first().click();
  const panel = page.getByRole("region", { name: "Step talk" });
  await panel.getByText("Attempt 2", { exact: true }).waitFor();
  const own = await panel.getByRole("list", { name: "Lines" }).getByRole("listitem").allTextContents();
  expect(own.map((line) => line.replace(/^.*?(?=warn|Attempt)/, ""))).toEqual([
    "Attempt 1",
    "warnhello",
    "Attempt 2",
    "warnhello",
  ]);
  await page.close();
});

test("lines are text, whatever is in them, and a long one is cut", async () => {
  const hostile = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "</bdi></li><iframe srcdoc='<script>parent.alert(3)</script>'>",
    "\u202Egnp.exe \u0000 \u001b[31mred",
    "long ".repeat(2_000),
  ];
  const runId = await chatter({ lines: hostile });
  const page = await stage.at(`/runs/${runId}`);
  const logs = page.getByRole("region", { name: "Logs" });
  await logs.getByText("the shop is closed").waitFor();
  const text = await logs.textContent();
  for (const line of hostile.slice(0, 3)) expect(text).toContain(line);
  expect(text).toContain("… cut");
  expect(text!.length).toBeLessThan(6_000);
  expect(await page.locator("iframe, img").count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
  await page.close();
});

test("what is too much is counted, and a run without lines says why there may be none", async () => {
  const runId = await chatter({ lines: Array.from({ length: 130 }, (_, i) => `line ${i}`) });
  const page = await stage.at(`/runs/${runId}`);
  const logs = page.getByRole("region", { name: "Logs" });
  await logs.getByText("30 more lines are not kept: there were too many at once.").waitFor();
  const silent = await stage.start("shop/echo", {});
  await stage.runWhen(silent, (run) => run.status === "Completed");
  await page.goto(`${stage.url}/runs/${silent}`);
  await page.getByText(/^Nothing is kept: its code has logged nothing/).waitFor();
  await page.close();
});
