/** The first minute of somebody new, in an empty folder: platform, app, an event from the page, and its run as it goes. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findBrowser } from "../browser/find-browser.mjs";
import { until } from "../helpers/platform-api.ts";
import { freePort } from "../helpers/platform-process.ts";
import { emptyProject, npm } from "./pack.ts";

const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};
const { PORT: _port, INNGEST_STATE: _state, INNGEST_WORKER: _worker, ...env } = process.env;
const executablePath = findBrowser();

const APP = `
  import { Inngest } from "@dotdo/inngest";
  import { createServer } from "@dotdo/inngest/node";
  const inngest = new Inngest({ id: "shop", isDev: true });
  const greet = inngest.createFunction({ id: "greet" }, { event: "shop/hello" }, async ({ event, step }) => {
    await step.sleep("a moment", "3s");
    return step.run("greet", () => "Hello " + event.data.name);
  });
  createServer({ client: inngest, functions: [greet] }).listen(Number(process.argv[2]), "127.0.0.1");
`;

let folder: string;
let browser: Browser;
let page: Page;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  if (executablePath === undefined) return;
  folder = emptyProject(mkdtempSync(join(tmpdir(), "inngest-page-")), "app");
  npm(folder, "install", inject("tarball"), `miniflare@${devDependencies.miniflare}`);
  writeFileSync(join(folder, "app.mjs"), APP);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  page = await browser.newPage();
});
afterAll(async () => {
  await browser?.close();
  for (const one of processes) one.kill("SIGKILL");
  if (folder) rmSync(join(folder, ".."), { recursive: true, force: true });
});

// without a browser the browser suite says how to get one
test.skipIf(executablePath === undefined)(
  "an event that is sent from the page is seen to run, and to end",
  async () => {
    const [port, appPort] = [await freePort(), await freePort()];
    const begin = (command: string, ...args: string[]) => {
      const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
      processes.push(child);
      return child;
    };
    begin(process.execPath, "app.mjs", String(appPort));
    const url = `http://127.0.0.1:${appPort}/api/inngest`;
    const begunAt = performance.now();
    const platform = begin(join(folder, "node_modules/.bin/inngest"), "dev", "-u", url, "--port", String(port));
    let said = "";
    platform.stdout?.on("data", (chunk: Buffer) => (said += chunk));
    await until("it is ready", 30_000, async () => said.startsWith("ready "));
    console.log(`dev is ready ${((performance.now() - begunAt) / 1000).toFixed(1)} s after its start`);

    await page.goto(`http://127.0.0.1:${port}/functions`);
    await page.getByRole("link", { name: "greet" }).first().waitFor();
    await page.goto(`http://127.0.0.1:${port}/events`);
    await page.getByRole("button", { name: "Send event" }).first().click();
    await page.locator(".cm-content").waitFor();
    await page.getByLabel("Event, or a list of events").click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText('{"name":"shop/hello","data":{"name":"Ada"}}');
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("dialog").getByRole("status").getByRole("link").click();
    await page.getByRole("link", { name: "shop-greet" }).click();
    await page.getByText("Running").first().waitFor();
    await page.getByRole("region", { name: "Output" }).getByText('"Hello Ada"').waitFor(); // without anything being reloaded
    expect(await page.getByText("Completed").count()).toBeGreaterThan(0);
  },
);
