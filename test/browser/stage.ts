/** The dashboard as people meet it: a local platform, an app that it calls, and a browser that looks at it. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { appListener, listen, type LoopbackServer } from "../helpers/app-server.ts";
import { readRun, runsOf, send, until, type RunDetails } from "../helpers/platform-api.ts";
import { freePort, spawnPlatform, type PlatformOptions, type PlatformProcess } from "../helpers/platform-process.ts";
import { makeStateDir } from "../helpers/state-dir.ts";
import { findBrowser } from "./find-browser.mjs";
import { openShop, tills } from "./shop.ts";

const root = join(import.meta.dirname, "../..");
const SEEN_WITHIN_MS = 15_000;

export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** What the browser says of a page that asks for something that is not there. */
const EXPECTED = /Failed to load resource/;

export class Stage {
  readonly app: LoopbackServer;
  platform: PlatformProcess;
  readonly #browser: Browser;
  readonly #stateDir: string;
  /** what pages have complained of: a mistake of theirs, or something that their policy forbids */
  readonly complaints: string[] = [];

  private constructor(app: LoopbackServer, platform: PlatformProcess, browser: Browser, stateDir: string) {
    this.app = app;
    this.platform = platform;
    this.#browser = browser;
    this.#stateDir = stateDir;
  }

  /** @param options another Worker than the platform, or another way to start it */
  static async open(options: Pick<PlatformOptions, "worker" | "command" | "env"> = {}): Promise<Stage> {
    if (!existsSync(join(root, "dist/dashboard/page.txt"))) throw new Error("npm run build makes the dashboard first");
    const executablePath = findBrowser();
    const stateDir = makeStateDir("browser");
    const port = await freePort();
    const { client, functions } = openShop(`http://127.0.0.1:${port}`);
    const [app, platform, browser] = await Promise.all([
      listen(appListener(client, functions)),
      spawnPlatform({ stateDir, port, ...options }),
      chromium.launch({ ...(executablePath ? { executablePath } : {}), args: ["--no-sandbox"] }),
    ]);
    return new Stage(app, platform, browser, stateDir);
  }

  async close(): Promise<void> {
    for (const serve of tills.splice(0)) serve();
    await this.#browser.close();
    await this.platform.killGroup();
    await this.app.close();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }

  get url(): string {
    return this.platform.url;
  }

  get appUrl(): string {
    return `${this.app.url}/api/inngest`;
  }

  /** The platform ends as by a power cut; nobody listens at its address any more. */
  async killPlatform(): Promise<void> {
    await this.platform.killGroup();
  }

  async startPlatformAgain(): Promise<void> {
    this.platform = await spawnPlatform({ stateDir: this.#stateDir, port: this.platform.port });
  }

  /** Has the platform ask the app for its functions. */
  async sync(): Promise<void> {
    const body = JSON.stringify({ url: this.appUrl });
    const answer = await fetch(`${this.url}/v1/apps/sync`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** A page at an address of the dashboard. */
  async at(path: string, viewport = DESK): Promise<Page> {
    const context = await this.#browser.newContext({ viewport, permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    page.setDefaultTimeout(SEEN_WITHIN_MS);
    page.on("pageerror", (error) => this.complaints.push(`${path}: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`${path}: a script said ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text()))
        this.complaints.push(`${path}: ${message.text()}`);
    });
    await page.goto(this.url + path);
    return page;
  }

  /** Sends an event; the id of the run that it starts. */
  async start(name: string, data: Record<string, unknown> = {}): Promise<string> {
    return this.runOf(await this.send(name, data));
  }

  async send(name: string, data: Record<string, unknown> = {}): Promise<string> {
    const [id = ""] = await send(this.url, { name, data });
    return id;
  }

  async runOf(eventId: string): Promise<string> {
    return until(`event ${eventId} starts a run`, SEEN_WITHIN_MS, async () => {
      const [run] = await runsOf(this.url, eventId);
      return run?.run_id;
    });
  }

  /** A run once it is as it should be. */
  async runWhen(runId: string, isSo: (run: RunDetails) => boolean): Promise<RunDetails> {
    return until(`run ${runId} is as expected`, SEEN_WITHIN_MS, async () => {
      const run = await readRun(this.url, runId);
      return isSo(run) && run;
    });
  }
}
