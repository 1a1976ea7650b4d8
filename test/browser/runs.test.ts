import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { PHONE, Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("without an app the list of runs says what to do first, and leads there", async () => {
  const page = await stage.at("/");
  await page.getByText("No runs yet: no app is known here").waitFor();
  expect(new URL(page.url()).pathname).toBe("/runs");
  await page.getByRole("link", { name: "Register an app" }).click();
  await page.getByLabel("URL at which an app serves its functions").fill(stage.appUrl);
  await page.getByRole("button", { name: "Sync", exact: true }).click();
  await page.getByText("App “shop” is registered, with 9 functions.").waitFor();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByText("No runs yet: send an event that starts one").waitFor();
});

test("explore", async () => {
  const shots = process.env.SHOTS ?? "/tmp/dd";
  const orderRun = await stage.start("shop/order.placed", { orderId: "1", amount: 42 });
  const b = await stage.start("shop/broken");
  const n = await stage.start("shop/nap");
  await stage.start("shop/approval.asked", { id: 1 });
  await stage.start("shop/payment.due", { paymentId: 7 });
  await stage.start("shop/at.counter", { till: "A" });
  const w = await stage.start("shop/at.counter", { till: "A" });
  await stage.runWhen(orderRun, (run) => run.status === "Completed");
  for (const [name, path] of Object.entries({ runs: "/runs", run: `/runs/${orderRun}`, broken: `/runs/${b}`, nap: `/runs/${n}`, line: `/runs/${w}`, events: "/events", functions: "/functions", fn: "/functions/shop-counter", order: "/functions/shop-process-order", lines: "/lines", apps: "/apps" })) {
    const page = await stage.at(path);
    await page.waitForTimeout(2500);
    await page.screenshot({ path: join(shots, `${name}.png`) });
    await page.setViewportSize(PHONE);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(shots, `${name}-phone.png`) });
    await page.close();
  }
}, 200_000);
