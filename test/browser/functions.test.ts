import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("functions are listed with what starts them, and found by name", async () => {
  const page = await stage.at("/functions");
  await page.getByRole("row").filter({ hasText: "process-order" }).getByText("shop/order.placed").waitFor();
  await page.getByRole("row").filter({ hasText: "ticker" }).getByText("cron 0 0 1 1 *").waitFor();
  await page.getByRole("row").filter({ hasText: "ship" }).getByText("only invoked").waitFor();
  await page.getByLabel("Name of the function").fill("TICK");
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  await page.getByRole("link", { name: "ticker" }).click();
  await page
    .getByRole("region", { name: "Schedules" })
    .getByText(/next: .*Jan/)
    .waitFor();
  await page.close();
});

test("a function is invoked with data, and its runs are there with their durations", async () => {
  const page = await stage.at("/functions/shop-echo");
  await page.getByText("It has not run yet.").waitFor();
  await page.getByRole("button", { name: "Invoke" }).click();
  const dialog = page.getByRole("dialog", { name: "Invoke echo" });
  await page.locator(".cm-content").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText('{"by":"hand"}');
  await dialog.getByRole("button", { name: "Invoke" }).click();
  await page.getByRole("heading", { name: "inngest/function.invoked" }).waitFor();
  await page.getByRole("link", { name: "shop-echo" }).click();
  await page.getByRole("region", { name: "Output" }).getByText('"hand"').waitFor();

  await stage.runWhen(await stage.start("shop/echo"), (run) => run.status === "Completed");
  await page.goto(`${stage.url}/functions/shop-echo`);
  await page.getByRole("img", { name: "Durations of the last 2 runs; the newest are listed below" }).waitFor();
  expect(await page.getByRole("region", { name: "Latest runs" }).getByRole("link").count()).toBe(2);
  await page.close();
});

test("a paused function says so until it is resumed", async () => {
  const page = await stage.at("/functions/shop-nap");
  await page.getByRole("button", { name: "Pause …" }).click();
  const dialog = page.getByRole("dialog", { name: "Pause nap?" });
  await dialog.getByLabel("waits until it goes on").check();
  await dialog.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText(/Paused since .*: what would start it waits until it goes on/).waitFor();
  const runId = await stage.start("shop/nap");
  const held = await stage.at(`/runs/${runId}`);
  await held.getByTestId("why").getByText(/pause/).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause …" }).waitFor();
  await held.getByText(/^It sleeps in “long-nap”/).waitFor();
  await held.close();
  await page.close();
});

test("all runs of a function are cancelled at once, or those whose event fits, and counted", async () => {
  const runIds: string[] = [];
  for (const tenant of ["t1", "t1", "t2"]) {
    const runId = await stage.start("shop/nap", { tenant });
    await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
    runIds.push(runId);
  }
  const page = await stage.at("/functions/shop-nap");
  await page.getByRole("button", { name: "Cancel runs …" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel the runs of nap?" });
  await dialog.getByText(/\d runs are under way\./).waitFor();
  await dialog.getByLabel(/^Only those/).fill("event.data.tenant ==");
  await dialog
    .getByRole("alert")
    .getByText(/is not an expression/)
    .waitFor();
  await dialog.getByLabel(/^Only those/).fill('event.data.tenant == "t1"');
  await dialog.getByText("2 runs are under way.").waitFor();
  await dialog.getByRole("button", { name: "Cancel the runs" }).click();
  await dialog.getByText(/^(Under way|Done): 2 cancelled, 0 had ended already\./).waitFor();
  const statuses = await Promise.all(runIds.map(async (id) => (await stage.runWhen(id, () => true)).status));
  expect(statuses).toEqual(["Cancelled", "Cancelled", "Running"]);
  await page.close();
});

test("the lines of all functions are on one page", async () => {
  await stage.runWhen(await stage.start("shop/at.counter", { till: "B" }), (run) => run.status === "Running");
  await stage.start("shop/at.counter", { till: "B" });
  const page = await stage.at("/lines");
  const row = page.getByRole("region", { name: "counter" }).getByRole("row").filter({ hasText: "concurrency" });
  await row.waitFor();
  expect(await row.getByRole("cell").allTextContents()).toMatchObject([
    "concurrency",
    "B",
    "1 of 1",
    "1",
    expect.any(String),
    expect.any(String),
    expect.any(String),
  ]);
  await row.getByRole("button", { name: "B" }).click();
  const key = page.getByRole("region", { name: "concurrency B" });
  await key.getByText("Let in: 1").waitFor();
  await key.getByText("In line, in this order: 1").waitFor();
  expect(await key.getByRole("link", { name: "shop-counter" }).count()).toBe(2);
  await key.getByRole("link").first().click();
  await page.getByRole("list", { name: "Steps in time" }).waitFor();
  await page.close();
});

test("an app that does not answer is shown with what to do about it, and one that does is in sync", async () => {
  const page = await stage.at("/apps");
  const url = page.getByLabel("URL at which an app serves its functions");
  await url.fill("http://127.0.0.1:9/api/inngest");
  await page.getByRole("button", { name: "Sync", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/http:\/\/127\.0\.0\.1:9/)
    .first()
    .waitFor();
  const lost = page.getByRole("region", { name: "http://127.0.0.1:9/api/inngest" });
  await lost.getByText("The last sync failed,").waitFor();
  const shop = page.getByRole("region", { name: "shop", exact: true });
  await shop.getByText("In sync").waitFor();
  expect(await shop.textContent()).toContain(stage.appUrl);
  await shop.getByRole("button", { name: "Sync again" }).click();
  await shop.getByRole("link", { name: /^\d+$/ }).click();
  await page.getByRole("heading", { name: "Functions" }).waitFor();
  await page.close();
});

test("an app is archived after a question, and comes back by a sync", async () => {
  const page = await stage.at("/apps");
  const shop = page.getByRole("region", { name: "shop", exact: true });
  await shop.getByRole("button", { name: "Archive …" }).click();
  await page.getByRole("dialog", { name: "Archive shop?" }).getByRole("button", { name: "Archive" }).click();
  await shop.waitFor({ state: "detached" });
  await page.getByLabel("URL at which an app serves its functions").fill(stage.appUrl);
  await page.getByRole("button", { name: "Sync", exact: true }).click();
  await shop.waitFor();
  await page.close();
});
