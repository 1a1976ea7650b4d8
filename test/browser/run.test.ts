import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PHONE, Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

/** Replaces what is in a JSON editor. */
async function write(page: Page, label: string, text: string): Promise<void> {
  await page.locator(".cm-content").waitFor(); // the plain field has gone
  const editor = page.getByLabel(label, { exact: true });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

test("a run's timeline has its steps, those side by side, and the run that it has invoked", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "7", amount: 42 });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const steps = page.getByRole("list", { name: "Steps in time" }).getByRole("button");
  await steps.first().waitFor();
  const labels = await steps.locator("bdi").allTextContents();
  expect(labels).toEqual(["Run", "charge", "2 side by side", "mail", "invoice", "ship-it", "Finalization"]);
  const group = page.getByRole("button", { name: /^2 side by side/ });
  await group.click();
  expect(await steps.locator("bdi").allTextContents()).not.toContain("mail");
  await group.press("Enter");
  await page.getByRole("button", { name: /^mail/ }).waitFor();

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

test("a run is paused, says so, and goes on when it is resumed", async () => {
  const runId = await stage.start("shop/approval.asked", { id: 3 });
  await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "waiting"));
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText(/^Somebody has paused it, for .* so far; and 1 more step is not done\.$/).waitFor();
  await stage.send("shop/approved", { id: 3, by: "Ada" });
  await stage.runWhen(runId, (run) => run.steps.some(({ status }) => status === "completed"));
  expect((await stage.runWhen(runId, () => true)).ended_at).toBeNull();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("region", { name: "Output" }).getByText('"Ada"').waitFor();
  await page.close();
});

test("a wait is resolved by hand with an event that is written, and says so", async () => {
  const runId = await stage.start("shop/approval.asked", { id: 2 });
  await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "waiting"));
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: /^boss/ }).click();
  await page.getByRole("button", { name: "Resolve …" }).click();
  const dialog = page.getByRole("dialog", { name: "Resolve boss" });
  await dialog.getByRole("radio", { name: "an event" }).waitFor();
  await write(page, "Written by hand", '{"data":{"by":"hand"}}');
  await dialog.getByRole("button", { name: "Resolve" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("by hand").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("region", { name: "Output" }).getByText('"hand"').waitFor();
  await page.close();
});

test("a run is repeated from a step on with other arguments, and leads to the new run and back", async () => {
  const runId = await stage.start("shop/priced", { amount: 2 });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  await page.getByRole("button", { name: /^charge/ }).click();
  await page.getByRole("button", { name: "Run again from here …" }).click();
  const dialog = page.getByRole("dialog", { name: "Run again from charge" });
  expect(await dialog.getByRole("group", { name: "previous input" }).textContent()).toContain("amount: 2");
  await write(page, "Input", '{"amount":5}');
  await dialog.getByRole("button", { name: "Run again" }).click();
  await dialog.getByRole("alert").getByText("It must be a list").waitFor();
  await write(page, "Input", '[{"amount":5}]');
  await dialog.getByRole("button", { name: "Run again" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(runId));
  await page.getByRole("region", { name: "Output" }).getByText("charged: 50").first().waitFor();
  await page.getByRole("link", { name: "another run" }).waitFor();
  await page.getByRole("button", { name: /^rate/ }).click();
  await page.getByRole("link", { name: "the run that this one repeats" }).click();
  await page.waitForURL((url) => url.pathname.endsWith(runId));
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
