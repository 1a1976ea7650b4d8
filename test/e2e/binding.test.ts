/** A platform and an app in Workers of their own, with nothing but a service binding between them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startBoundWorkers, type BoundWorker, type BoundWorkers } from "../helpers/bound-workers.ts";
import { endedRun, readRun, runsOf, send, until } from "../helpers/platform-api.ts";

const root = join(import.meta.dirname, "../..");
const worker = (folder: string, entry: string, vars: Record<string, string> = {}): BoundWorker => ({
  config: join(root, folder, "wrangler.toml"),
  entry: join(root, folder, entry),
  vars: { INNGEST_DEV: "1", ...vars },
});
const platform = worker("examples/binding/platform", "src/index.ts");

function newStateDir(): string {
  const stateDir = mkdtempSync(join(tmpdir(), "inngest-binding-"));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
}

async function start(stateDir: string, workers: BoundWorker[]): Promise<BoundWorkers> {
  const started = await startBoundWorkers(stateDir, workers);
  onTestFinished(() => started.kill().catch(() => undefined));
  return started;
}

/** The one run of an event, once a step of it has completed. */
async function completed(url: string, eventId: string, step: string): Promise<void> {
  await until(`step ${step} of the run of ${eventId} has completed`, 20_000, async () => {
    const [run] = await runsOf(url, eventId);
    if (!run) return false;
    return (await readRun(url, run.run_id)).steps.some(({ id, status }) => id === step && status === "completed");
  });
}

test("examples/binding: the app sends an event by its binding, and its function runs to the end", async () => {
  const { urls } = await start(newStateDir(), [platform, worker("examples/binding/shop", "src/index.ts")]);
  const [platformUrl = "", shopUrl = ""] = urls;
  const body = JSON.stringify({ email: "ada@example.com", trial: "1s" });
  const { ids } = (await (await fetch(`${shopUrl}/signup`, { method: "POST", body })).json()) as { ids: string[] };
  const run = await endedRun(platformUrl, ids[0] ?? "");
  expect(run).toMatchObject({ status: "Completed", output: "Reminded ada@example.com" });
  expect(run.steps.map(({ id, status }) => [id, status])).toEqual(
    ["create-account", "tell", "trial", "remind"].map((id) => [id, "completed"]),
  );
  const events = await fetch(`${platformUrl}/v1/events?name=account/created`).then((response) => response.json());
  expect(events).toMatchObject({ data: [{ data: { email: "ada@example.com", plan: "trial" } }] });
  const functions = await fetch(`${platformUrl}/v1/apps/shop/functions`).then((response) => response.json());
  expect(functions).toMatchObject([{ slug: "shop-signup", transport: { kind: "binding", binding: "SHOP" } }]);
});

test("[G2, G3] the process dies and a new version of the app comes up: what was committed stays, the rest runs there", async () => {
  const stateDir = newStateDir();
  const first = await start(stateDir, [platform, worker("test/fixtures/bound-shop", "index.ts", { VERSION: "1" })]);
  const [url = ""] = first.urls;
  const [asleep = "", inStep = ""] = await send(url, [{ name: "test/deployed" }, { name: "test/interrupted" }]);
  await Promise.all([completed(url, asleep, "before"), completed(url, inStep, "first")]);
  await first.kill();

  const second = await start(stateDir, [platform, worker("test/fixtures/bound-shop", "index.ts", { VERSION: "2" })]);
  const [again = ""] = second.urls;
  const [deployed, interrupted] = [await endedRun(again, asleep, 60_000), await endedRun(again, inStep, 60_000)];
  expect(deployed).toMatchObject({ status: "Completed", output: { before: "1", after: "2", more: "added later" } });
  expect(interrupted).toMatchObject({ status: "Completed", output: { first: "1", second: "2" } });
});

test("an app whose entrypoint is another class is named, with what to export; the platform serves all the same", async () => {
  const shop = worker("test/fixtures/bound-shop", "not-bound.ts");
  const { urls } = await start(newStateDir(), [platform, shop]);
  const [url = ""] = urls;
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(await send(url, { name: "test/deployed" })).toHaveLength(1);
  const { data } = (await fetch(`${url}/v1/apps`).then((response) => response.json())) as { data: unknown[] };
  expect(data).toEqual([
    expect.objectContaining({ id: null, url: "binding:SHOP", error: expect.objectContaining({ code: "unreachable" }) }),
  ]);
  expect(JSON.stringify(data)).toContain('[[services]] binding = \\"SHOP\\", service = \\"…\\", entrypoint = \\"…\\"');
});
