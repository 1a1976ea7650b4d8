/** Outside of dev mode: every request between platform and app proves itself, also while keys are being changed. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { askApp } from "../../src/transports/app-sync.ts";
import { launch, type PlatformProcess, spawnPlatform } from "../helpers/platform-process.ts";
import { makeStateDir } from "../helpers/state-dir.ts";
import { type Client, clients, lackOf } from "./clients.ts";
import { type App, startApp, sync } from "./setup.ts";
import { stageOf } from "./stage.ts";

const OLD_KEY = "signkey-prod-0123456789abcdef0123456789abcdef";
const KEY = "signkey-prod-fedcba9876543210fedcba9876543210";
const WRONG_KEY = "signkey-prod-00000000000000000000000000000000";
const EVENT_KEY = "interop-event-key";

let platform: PlatformProcess;
const stateDir = makeStateDir("interop-cloud");
const missing = inject("missing");

beforeAll(async () => {
  platform = await spawnPlatform({
    stateDir,
    command: launch(join(import.meta.dirname, "cloud-platform.ts")),
    env: { INNGEST_SIGNING_KEY: KEY, INNGEST_EVENT_KEY: EVENT_KEY },
  });
});
afterAll(async () => {
  await platform.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

describe("the platform", () => {
  it("takes events with its event key only", async () => {
    const send = (key: string) => fetch(`${platform.url}/e/${key}`, { method: "POST", body: '{"name":"a/b"}' });
    expect((await send("another-key")).status).toBe(401);
    expect((await send(EVENT_KEY)).status).toBe(200);
  });

  it("answers who has its signing key only", async () => {
    const ask = (key: string) => fetch(`${platform.url}/v1/functions`, { headers: { authorization: `Bearer ${key}` } });
    expect((await fetch(`${platform.url}/v1/functions`)).status).toBe(401);
    expect((await ask(WRONG_KEY)).status).toBe(401);
    expect((await ask(KEY)).status).toBe(200);
  });
});

const tested = ["ts4", "ts3", "py-fastapi", "go", "go-checkpoint"]; // the last tells its checkpoints with the plain key

for (const client of clients.filter(({ id }) => tested.includes(id))) {
  if (missing[client.id] !== undefined) it.skip(`${client.id}: ${missing[client.id]}`, () => {});
  else describe(client.id, { concurrent: false }, () => keyRules(client));
}

function keyRules(client: Client): void {
  const apps: App[] = [];
  afterAll(() => Promise.all(apps.map((app) => app.stop())));

  /** An app that has these keys, and what is asked of it. */
  async function start(keys: Record<string, string>) {
    const runtime = inject("runtimes")[client.runtime] ?? "";
    const cloudMode = { NODE_ENV: "production" }; // v3 infers its mode
    const env = { ...cloudMode, INNGEST_BASE_URL: platform.url, INNGEST_EVENT_KEY: EVENT_KEY, ...keys };
    const app = await startApp(client, runtime, env);
    apps.push(app);
    return { app, stage: stageOf(client.id, platform.url, app.url, { eventKey: EVENT_KEY, signingKey: KEY }) };
  }

  it("with another key registers nothing", async () => {
    const { app, stage } = await start({ INNGEST_SIGNING_KEY: WRONG_KEY });
    await sync(app).catch(() => {}); // not every client says so
    await expect(stage.api(`/v1/functions/${client.id}-steps`)).rejects.toThrow("answered 404");
  });

  it("with the same key registers, is called, sends events and reads what a call could not carry", async () => {
    const { app, stage } = await start({ INNGEST_SIGNING_KEY: KEY });
    await sync(app);
    const run = await stage.ended((await stage.start("steps")).id);
    expect(run).toMatchObject({ status: "Completed", output: 15 });
    expect(await stage.calls(run)).toHaveLength(lackOf(client, "checkpointing") === undefined ? 1 : 6);
    expect(await stage.outputFrom("send")).toMatchObject({ after: "went on" });
    if (lackOf(client, "useApi") === undefined) expect(await stage.outputFrom("large-state")).toBe(5 * 1024 * 1024);
  });

  it("tells the platform what it is when asked with its key, and nobody else", async () => {
    const { app } = await start({ INNGEST_SIGNING_KEY: KEY });
    const ask = (signingKeys: string[]) =>
      askApp({
        url: "https://app.example.com/api/inngest", // a deployed platform asks no private address
        env: "main",
        isDev: false,
        signingKeys,
        fetch: (_, init) => fetch(`${app.url}/api/inngest`, init),
        now: Date.now,
      });
    expect(await ask([OLD_KEY, KEY])).toMatchObject({ kind: "in-band", reply: { appName: client.id } });
    expect(await ask([WRONG_KEY])).toMatchObject({ kind: "failed" });
  });

  it("refuses calls that are not signed, or signed with another key", async () => {
    const { app } = await start({ INNGEST_SIGNING_KEY: KEY });
    const body = JSON.stringify({
      ctx: { run_id: "01JX0000000000000000000000", attempt: 0 },
      event: { name: "a", data: {} },
    });
    const call = (headers: Record<string, string>) =>
      fetch(`${app.url}/api/inngest?fnId=${client.id}-steps&stepId=step`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
    const stamp = Math.floor(Date.now() / 1000);
    for (const headers of [{}, { "x-inngest-signature": `t=${stamp}&s=${"0".repeat(64)}` }] as Record<
      string,
      string
    >[]) {
      const { status } = await call(headers);
      expect(status).toBeGreaterThanOrEqual(400);
    }
    expect(await (await fetch(`${app.url}/trace?run=01JX0000000000000000000000`)).json()).toEqual([]);
  });

  it("that still has the old key, and the new one as its fallback, registers and is called", async () => {
    const { app, stage } = await start({ INNGEST_SIGNING_KEY: OLD_KEY, INNGEST_SIGNING_KEY_FALLBACK: KEY });
    await sync(app);
    const run = await stage.ended((await stage.start("steps")).id);
    expect(run).toMatchObject({ status: "Completed", output: 15 });
    expect(await stage.trace(run)).toHaveLength(5);
  });
}
