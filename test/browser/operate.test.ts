/** What people do to many runs, and how they see what functions do and why. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("what has failed is replayed from the list of runs, counted first, and is there again", async () => {
  for (let n = 0; n < 3; n++)
    await stage.runWhen(await stage.start("shop/broken", { n }), (run) => run.status === "Failed");
  await stage.runWhen(await stage.start("shop/echo", { n: 1 }), (run) => run.status === "Completed");
  const page = await stage.at("/runs?app=shop");
  await page.getByRole("button", { name: "Replay runs …" }).click();
  const dialog = page.getByRole("dialog", { name: "Replay the runs of the app shop?" });
  await dialog.getByText("3 runs are meant.").waitFor();
  await dialog.getByLabel("Completed").check();
  await dialog.getByText("4 runs are meant.").waitFor();
  await dialog.getByLabel("Completed").uncheck();
  await dialog.getByLabel(/^Only those/).fill("event.data.n < 2");
  await dialog.getByText("2 runs are meant.").waitFor();
  await dialog.getByRole("button", { name: "Replay the runs" }).click();
  await dialog.getByText("Done: 2 started once more.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await expect.poll(() => page.getByRole("row").filter({ hasText: "broken" }).count(), { timeout: 10_000 }).toBe(5);
  await page.close();
});

test("everything under way is stopped from the list of runs", async () => {
  const runIds = [await stage.start("shop/nap"), await stage.start("shop/approval.asked", { id: 1 })];
  for (const id of runIds) await stage.runWhen(id, (run) => run.waiting_for.length > 0 && run.status === "Running");
  const page = await stage.at("/runs");
  await page.getByRole("button", { name: "Cancel runs …" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel the runs of all functions?" });
  await dialog.getByText("2 runs are under way.").waitFor();
  await dialog.getByRole("button", { name: "Cancel the runs" }).click();
  await dialog.getByText(/^(Under way|Done): 2 cancelled, /).waitFor();
  for (const id of runIds) await stage.runWhen(id, (run) => run.status === "Cancelled");
  await page.close();
});

test("a function's charts tell of the last hour, day and week, for those too who see none", async () => {
  const page = await stage.at("/functions/shop-broken");
  const panel = page.getByRole("region", { name: "Over time" });
  await panel.getByText("5 started, 5 ended, 5 failed; now 0 wait to begin and 0 are under way.").waitFor();
  await panel.getByRole("img", { name: "Runs: 5 started, 5 ended, 5 failed" }).waitFor();
  await panel.getByRole("img", { name: /^Durations: 95 % took .* at most$/ }).waitFor();
  await panel.getByRole("img", { name: "Backlog: 0 now" }).waitFor();
  await panel.getByLabel("Time of the charts").selectOption("Last week");
  await panel.getByRole("img", { name: "Runs: 5 started, 5 ended, 5 failed" }).waitFor();
  await page.close();
});

test("an event says which functions it has started, and of the others why not", async () => {
  const eventId = await stage.send("shop/dear.order", { amount: 7 });
  const page = await stage.at(`/events/${eventId}`);
  const decisions = page.getByRole("region", { name: "What functions made of it" });
  const dear = decisions.getByRole("listitem").filter({ hasText: "dear" }).first();
  await dear.getByText("No match").waitFor();
  await dear.getByText("event.data.amount > 100").first().waitFor();
  expect(await dear.textContent()).toContain("event.data.amount is 7");
  await page.goto(`${stage.url}/events/${await stage.send("shop/echo", {})}`);
  await decisions.getByText("Started", { exact: true }).waitFor();
  await page.goto(`${stage.url}/events/${await stage.send("shop/nobody.cares", {})}`);
  await decisions.getByText("No function has a trigger for an event of this name.").waitFor();
  await page.close();
});
