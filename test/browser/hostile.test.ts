/** What strangers send is shown as the text that it is, and never makes the page slow or says something else. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
// a script that ran would have opened a dialog, which is a complaint, and so is what the policy has stopped
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

const SCRIPTS = [
  "<script>alert(1)</script>",
  '<img src=x onerror="alert(2)">',
  "javascript:alert(3)",
  '"><svg onload=alert(4)>',
  "{{constructor.constructor('alert(5)')()}}",
  "</pre><iframe srcdoc='<script>parent.alert(6)</script>'>",
];

async function elementCount(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelectorAll("*").length);
}

test.each(SCRIPTS)("%s is text in a name, in data, in an output and in an error", async (script) => {
  const event = await stage.send("shop/echo", { [script]: script, nested: [{ script }] });
  const odd = await stage.send(script, { script });
  const runId = await stage.runOf(event);
  await stage.runWhen(runId, (run) => run.status === "Completed");

  const page = await stage.at(`/runs/${runId}`);
  const output = page.getByRole("region", { name: "Output" });
  await output.waitFor();
  expect(await output.textContent()).toContain(`${script}: "${script}"`);
  await page.goto(`${stage.url}/events/${odd}`);
  await page.getByRole("heading", { name: script }).waitFor();
  await page.goto(`${stage.url}/events`);
  await page.getByText(script, { exact: true }).waitFor();
  expect(await page.locator("iframe, img, svg[onload]").count()).toBe(0);
  await page.close();
});

test("a script that got into the page would not be run: its policy forbids it, and markup made of strings", async () => {
  const page = await stage.at("/runs");
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  const outcome = await page.evaluate(async () => {
    const violations: string[] = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
    const script = document.createElement("script");
    let isTrusted = true;
    try {
      script.textContent = "window.ran = true";
      document.head.append(script);
      document.body.innerHTML += "<b>bold</b>";
    } catch {
      isTrusted = false;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { ran: "ran" in window, isTrusted, violations };
  });
  expect(outcome.ran).toBe(false);
  expect(outcome.isTrusted).toBe(false);
  expect(outcome.violations).toContain("require-trusted-types-for");
  stage.complaints.splice(0); // the browser tells of what it has stopped here
  await page.close();
});

test("a text of three megabytes is cut, and in full it is laid out as far as it is in sight", async () => {
  const runId = await stage.start("shop/echo", { long: "lorem ipsum ".repeat(250_000) });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const output = page.getByRole("region", { name: "Output" });
  await output.getByRole("button", { name: "Show all (3.0 MB)" }).waitFor();
  expect((await output.textContent())!.length).toBeLessThan(1_000);
  await output.getByRole("button", { name: "Show all (3.0 MB)" }).click();
  await output.getByRole("button", { name: "Show less" }).waitFor();
  expect((await output.textContent())!.length).toBeGreaterThan(3_000_000);
  expect(await elementCount(page)).toBeLessThan(1_500);
  await output.getByRole("button", { name: "Show less" }).click();
  await output.getByRole("button", { name: "Show all (3.0 MB)" }).waitFor();
  await page.close();
});

test("a list of 50 000 entries shows the first, and more when they are asked for", async () => {
  const runId = await stage.start("shop/echo", { list: Array.from({ length: 50_000 }, (_, i) => `entry ${i}`) });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const output = page.getByRole("region", { name: "Output" });
  await output.getByRole("button", { name: "[ 50000 items ]" }).click();
  await output.getByText('"entry 49"').waitFor();
  expect(await output.getByRole("listitem").count()).toBeLessThan(60);
  await output.getByRole("button", { name: "Show 50 of 49950 more" }).click();
  await output.getByText('"entry 99"').waitFor();
  await page.close();
});

test("what is nested deep is opened level by level", async () => {
  let deep: Record<string, unknown> = { end: true };
  for (let i = 0; i < 400; i++) deep = { deeper: deep };
  const runId = await stage.start("shop/echo", deep);
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const output = page.getByRole("region", { name: "Output" });
  const folded = output.getByRole("button", { expanded: false });
  for (let i = 0; i < 5; i++) await folded.filter({ hasText: "{ 1 field }" }).first().click();
  expect(await output.getByRole("button", { expanded: true }).count()).toBe(7);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
  await page.close();
});

test("text that is written from right to left, or pretends to be, turns nothing around it", async () => {
  const name = "shop/\u202Egnp.exe";
  const id = await stage.send(name, { "\u202Eeulav": "\u202Etxet", arabic: "مرحبا بالعالم" });
  const page = await stage.at("/events");
  const link = page.locator(`a[href$="${id}"]`);
  await link.waitFor();
  // each such text stands in an element of its own direction, which ends with it
  expect(await link.locator("bdi").textContent()).toBe(name);
  const bases = await page.locator("bdi").evaluateAll((all) => all.map((one) => getComputedStyle(one).unicodeBidi));
  expect(new Set(bases)).toEqual(new Set(["isolate"]));
  await page.goto(`${stage.url}/events/${id}`);
  await page.getByText("مرحبا بالعالم").waitFor();
  await page.close();
});

test("an error that is megabytes is cut as well", async () => {
  const runId = await stage.start("shop/too.much");
  const page = await stage.at(`/runs/${runId}`);
  const error = page.getByRole("region", { name: "Error" });
  await error
    .getByRole("button", { name: /^Show all/ })
    .first()
    .waitFor();
  expect((await error.textContent())!.length).toBeLessThan(20_000);
  await page.close();
});
