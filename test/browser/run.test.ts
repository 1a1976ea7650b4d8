import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PHONE, Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("a run's timeline has its steps, those side by side, and the run that it has invoked", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "7", amount: 42 });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const steps = page.getByRole("list", { name: "Steps in time" }).getByRole("button");
  await steps.first().waitFor();
  const labels = await steps.locator("bdi").allTextContents();
  expect(labels).toEqual(["Run", "charge", "mail", "invoice", "ship-it", "Finalization"]);
  expect(await page.getByTitle("2 steps side by side").count()).toBe(2);

  const output = page.getByRole("group", { name: "output" });
  expect(await output.textContent()).toContain('tracking: "T-7"');
  expect(await page.getByRole("group", { name: "data of shop/order.placed" }).textContent()).toContain("amount: 42");

  await page.getByRole("link", { name: "its run" }).click();
  await page.getByRole("heading", { name: "shop-ship" }).waitFor();
  await page.getByText("print-label").waitFor();
  await page.close();
});

test("a step's panel has its output, and its address opens it again", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "8", amount: 1_234 });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: /^charge/ }).press("Enter");
  const panel = page.getByRole("region", { name: "Step charge" });
  expect(await panel.getByRole("group", { name: "output" }).textContent()).toContain("charged: 1234");
  await page.reload();
  await panel.waitFor();
  await panel.getByRole("button", { name: "Close" }).click();
  await page.getByRole("region", { name: "Output" }).waitFor();
  await page.close();
});

test("a failed run shows what was thrown, where, and why", async () => {
  const runId = await stage.start("shop/broken");
  const page = await stage.at(`/runs/${runId}`);
  const error = page.getByRole("region", { name: "Error" });
  await error.getByText("the shelf fell down").first().waitFor();
  expect(await error.textContent()).toContain("NonRetriableError");
  expect(await error.textContent()).toContain("Caused by");
  expect(await error.textContent()).toContain("a screw was missing");
  await error.getByText("Stack").first().click();
  await error
    .getByText(/shop\.ts/)
    .first()
    .waitFor();
  await page.close();
});

test("attempts that failed are below their step, each with its error", async () => {
  const runId = await stage.start("shop/payment.due", { paymentId: "1" });
  const page = await stage.at(`/runs/${runId}`);
  await page.getByText("Attempt 2", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^ask-bank/ }).click();
  const panel = page.getByRole("region", { name: "Step ask-bank" });
  expect(await panel.getByRole("group", { name: "output" }).textContent()).toContain("paid");
  expect(await panel.textContent()).toContain("the bank is closed");
  expect(await panel.textContent()).toContain("opens at nine");
  await page.close();
});

test("a run that sleeps says so, and is woken before its time", async () => {
  const runId = await stage.start("shop/nap");
  const page = await stage.at(`/runs/${runId}`);
  await page.getByText(/^It sleeps in “long-nap” for another 29 d 23 h\.$/).waitFor();
  await page.getByRole("button", { name: /^long-nap/ }).click();
  await page.getByRole("button", { name: "Wake now" }).click();
  await page.getByRole("button", { name: "Close" }).click();
  const output = page.getByRole("region", { name: "Output" });
  await output.waitFor();
  expect(await output.textContent()).toContain("awake");
  await page.close();
});

test("a run that waits says for which event and under which condition, and goes on when it comes", async () => {
  const runId = await stage.start("shop/approval.asked", { id: 1 });
  const page = await stage.at(`/runs/${runId}`);
  const why = page.getByTestId("why");
  await why
    .getByText(/It waits in “boss” for the event “shop\/approved” where .*async\.data\.id.*, for 6 d 23 h at most/)
    .waitFor();
  await stage.send("shop/approved", { id: 1, by: "Ada" });
  await page.getByRole("region", { name: "Output" }).getByText('"Ada"').waitFor();
  await why.waitFor({ state: "detached" });
  await page.close();
});

test("a run in a line says which, at what place, and who is let in is one click away", async () => {
  const first = await stage.start("shop/at.counter", { till: "A" });
  await stage.runWhen(first, (run) => run.steps.length > 0 || run.status === "Running");
  const second = await stage.start("shop/at.counter", { till: "A" });
  const page = await stage.at(`/runs/${second}`);
  await page.getByText(/^It is number 1 in the concurrency line of “A”: 1 of 1 are let in/).waitFor();
  await page.getByRole("link", { name: "shop-counter" }).click();
  const lines = page.getByRole("region", { name: "Lines" });
  await lines.getByRole("link", { name: first }).waitFor();
  expect(await lines.getByRole("row").nth(1).textContent()).toContain("concurrencyA1 of 11");
  await page.close();
});

test("cancelling asks first, and the page says that it was done", async () => {
  const runId = await stage.start("shop/nap");
  await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel this run?" });
  await dialog.getByRole("button", { name: "Let it run" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await dialog.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("cancelled through the API").waitFor();
  expect((await stage.runWhen(runId, () => true)).status).toBe("Cancelled");
  await page.close();
});

test("running again leads to the new run", async () => {
  const runId = await stage.start("shop/echo", { said: "hello" });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: "Run again" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(runId));
  await page.getByRole("region", { name: "Output" }).getByText('"hello"').waitFor();
  await page.close();
});

test("on a telephone the timeline stays within the screen", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "9" });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`, PHONE);
  await page.getByRole("list", { name: "Steps in time" }).waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  await page.close();
});
