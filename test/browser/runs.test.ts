import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { send } from "../helpers/platform-api.ts";
import { PHONE, Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

const rows = '[role="table"] [role="rowgroup"]:last-child [role="row"]';

test("where nothing is yet the list says what to do first, and leads there", async () => {
  const page = await stage.at("/");
  await page.getByText("No runs yet: no app is known here").waitFor();
  expect(new URL(page.url()).pathname).toBe("/runs");
  await page.getByRole("link", { name: "Register an app" }).click();
  await page.getByLabel("URL at which an app serves its functions").fill(stage.appUrl);
  await page.getByRole("button", { name: "Sync", exact: true }).click();
  await page.getByText(/^App “shop” is registered, with \d+ functions\.$/).waitFor();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByText("No runs yet: send an event that starts one").waitFor();
  expect(await page.locator("pre").textContent()).toContain(`curl -X POST ${stage.url}/e/`);
  await page.close();
});

test("a run appears by itself, and its row follows it to the end", async () => {
  const page = await stage.at("/runs");
  const runId = await stage.start("shop/nap");
  const row = page.getByRole("row").filter({ hasText: "shop-nap" });
  await row.getByText("Running").waitFor();
  await row.getByText(/^sleeping until /).waitFor();
  expect(await row.getByRole("cell").nth(2).textContent()).toBe("shop/nap");
  await fetch(`${stage.url}/v1/runs/${runId}/wake`, { method: "POST" });
  await row.getByText("Completed").waitFor();
  await row.getByRole("link").click();
  await page.waitForURL(`**/runs/${runId}`);
  await page.close();
});

test("filters are in the address, so that it can be sent to somebody, and another address has another list", async () => {
  const failed = await stage.start("shop/broken");
  await stage.runWhen(failed, (run) => run.status === "Failed");
  const page = await stage.at("/runs");
  await page.getByRole("row").filter({ hasText: "shop-nap" }).waitFor();
  await page.getByRole("button", { name: "Status: All statuses" }).click();
  await page.getByRole("menuitemcheckbox", { name: "Failed" }).click();
  await page.keyboard.press("Escape");
  await page.getByLabel("App").selectOption("shop");
  await page.getByLabel("Function").selectOption("broken");
  await page.getByLabel("Time").selectOption("1h");
  await page.getByRole("row").filter({ hasText: "shop-nap" }).waitFor({ state: "detached" });
  await page.getByRole("row").filter({ hasText: "shop-broken" }).waitFor();
  expect(new URL(page.url()).search).toBe("?status=FAILED&app=shop&fn=broken&range=1h");
  await page.close();

  const other = await stage.at("/runs?status=FAILED&app=shop&fn=nap");
  await other.getByText("No run matches").waitFor();
  expect(await other.getByLabel("Function").inputValue()).toBe("nap");
  await other.close();
});

test("of a long list only the rows in sight are there, and scrolling reads on to the last", async () => {
  const count = 320;
  const ids = await send(
    stage.url,
    Array.from({ length: count }, (_, i) => ({ name: "shop/echo", data: { i } })),
  );
  await expect
    .poll(
      async () => {
        const answer = await fetch(
          `${stage.url}/v2/runs?appId=shop&functionId=echo&order=asc&limit=100&status=COMPLETED`,
        );
        return ((await answer.json()) as { data: unknown[] }).data.length;
      },
      { timeout: 30_000 },
    )
    .toBe(100);
  for (const id of [ids[0], ids.at(-1)])
    await stage.runWhen(await stage.runOf(id!), (run) => run.status === "Completed");

  const page = await stage.at("/runs?app=shop&fn=echo");
  await page.locator(rows).first().waitFor();
  const table = page.getByRole("table", { name: "Runs" });
  await expect
    .poll(
      async () => {
        await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
        return table.getAttribute("aria-rowcount");
      },
      { timeout: 30_000 },
    )
    .toBe(String(count + 1));
  expect(await page.locator(rows).count()).toBeLessThan(60);
  const tally = page.getByRole("status", { name: "Number of runs" });
  await expect.poll(() => tally.textContent(), { timeout: 20_000 }).toBe(`${count} runs`);
  await page.locator(`a[href$="${await stage.runOf(ids[0]!)}"]`).waitFor();
  await page.close();
}, 120_000);

test("runs are found by an expression over event and output, which is in the address; a slip is told in its place", async () => {
  const [, second] = await Promise.all(["o-1", "o-2"].map((orderId) => stage.start("shop/echo", { orderId })));
  await stage.runWhen(second!, (run) => run.status === "Completed");
  const page = await stage.at("/runs");
  const box = page.getByRole("searchbox", { name: "Expression over event and output" });
  const tally = page.getByRole("status", { name: "Number of runs" });
  await box.fill("event.name == 'shop/echo' && output.orderId == 'o-2'");
  await box.press("Enter");
  await expect.poll(() => tally.textContent(), { timeout: 15_000 }).toBe("1 run found");
  expect(await page.locator(`${rows} a`).getAttribute("href")).toMatch(new RegExp(`${second}$`));
  const address = page.url();
  expect(new URL(address).searchParams.get("if")).toContain("output.orderId");

  await box.fill("output.orderId ==");
  await box.press("Enter");
  const refusal = page.getByRole("search").getByRole("alert");
  await refusal.getByText(/does not parse at character/).waitFor();
  expect(await box.getAttribute("aria-invalid")).toBe("true");
  expect(await page.getByRole("table", { name: "Runs" }).count()).toBe(0);

  await box.fill("event.data.orderId == 'o-3'");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("No run matches").waitFor();
  await box.fill("");
  await expect.poll(() => page.locator(rows).count(), { timeout: 15_000 }).toBeGreaterThan(5);
  expect(new URL(page.url()).search).toBe("");
  await page.close();

  const other = await stage.at(new URL(address).pathname + new URL(address).search);
  await other.locator(`a[href$="${second}"]`).waitFor();
  expect(await other.getByRole("searchbox").inputValue()).toContain("o-2");
  await other.close();
}, 60_000);

test("a run is taken along as a file", async () => {
  const runId = await stage.start("shop/echo", { mine: "kept" });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`run-${runId}.json`);
  const document = JSON.parse(await readFile(await download.path(), "utf8"));
  expect(document).toMatchObject({
    run: { run_id: runId, output: { mine: "kept" } },
    events: [{ name: "shop/echo", data: { mine: "kept" } }],
    steps: [{ id: "say", output: { mine: "kept" } }],
  });
  await page.close();
});

test("an output that is too much for the page is read when somebody wants it", async () => {
  const runId = await stage.start("shop/hoard");
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: /^box-f/ }).click();
  await page.getByText("3.1 MB: more than the page of a run reads at once.").waitFor();
  await page.getByRole("button", { name: "Read it" }).click();
  await page
    .getByRole("group", { name: "output" })
    .getByText(/ffffffff/)
    .waitFor();
  await page.close();
});

test("a run's page is one request, and its events", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "one-read" });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at("/runs");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${stage.url}/runs/${runId}`);
  await page.getByRole("button", { name: /^ship-it/ }).click();
  await page.getByRole("link", { name: "The run that it has invoked" }).click();
  await page.getByText("Invoked by").waitFor();
  expect(asked.filter((path) => path === `/v1/runs/${runId}`)).toHaveLength(1);
  expect(asked.filter((path) => /^\/v0|^\/v2/.test(path))).toEqual([]);
  await page.getByRole("definition").filter({ hasText: runId }).getByRole("link").click();
  await page.waitForURL(`**/runs/${runId}`);
  await page.close();
});

test("on a telephone nothing is wider than the screen", async () => {
  for (const path of ["/runs", "/events", "/functions", "/functions/shop-counter", "/lines", "/apps"]) {
    const page = await stage.at(path, PHONE);
    await page.getByRole("heading", { level: 1 }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(PHONE.width);
    await page.close();
  }
});
