/** The five questions of somebody who sees the dashboard for the first time: each is answered within two clicks of a page. */
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PHONE, Stage } from "./stage.ts";

let stage: Stage;
let failed: string;
let waiting: string;
let naps: string[];

beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
  failed = await stage.start("shop/broken");
  waiting = await stage.start("shop/approval.asked", { id: 7 });
  naps = [await stage.start("shop/nap"), await stage.start("shop/nap")];
  await stage.runWhen(failed, (run) => run.status === "Failed");
  await stage.runWhen(waiting, (run) => run.waiting_for.some(({ kind }) => kind === "waiting"));
  for (const id of naps) await stage.runWhen(id, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

/** A person with so many clicks. */
function person(page: Page, most: number) {
  let left = most;
  return {
    async clicks(on: Locator): Promise<void> {
      if (left === 0) throw new Error(`it takes more than ${most} clicks`);
      left -= 1;
      await on.click();
    },
    async sees(text: string | RegExp): Promise<void> {
      await page.getByText(text).first().waitFor();
    },
  };
}

const runLink = (page: Page, runId: string) => page.locator(`a[href$="/runs/${runId}"]`).first();

test.each([
  ["a desk", undefined],
  ["a telephone", PHONE],
])("on %s: what ran, what failed and why, what it is waiting for", async (_, viewport) => {
  const page = await stage.at("/", viewport);
  const what = person(page, 0);
  for (const name of ["shop-broken", "shop-approval", "shop-nap"]) await what.sees(name);

  const why = person(page, 1);
  await why.clicks(runLink(page, failed));
  await why.sees("the shelf fell down");
  await why.sees("a screw was missing");

  await page.goBack();
  const until = person(page, 1);
  await until.clicks(runLink(page, waiting));
  await until.sees(/^It waits in “boss” for the event “shop\/approved”/);
  await page.close();
});

test("run it again", async () => {
  const page = await stage.at("/");
  const one = person(page, 2);
  await one.clicks(runLink(page, failed));
  await page.waitForURL(`**/runs/${failed}`);
  await one.clicks(page.getByRole("button", { name: "Run again", exact: true }));
  await page.waitForURL((url) => /\/runs\/\w{26}$/.test(url.pathname) && !url.pathname.endsWith(failed));
  await one.sees("the shelf fell down");
  await page.close();
});

test("stop them all", async () => {
  const page = await stage.at("/functions/shop-nap");
  const one = person(page, 2);
  await one.clicks(page.getByRole("button", { name: /^Cancel runs/ }));
  await one.sees("2 runs are under way.");
  await one.clicks(page.getByRole("button", { name: "Cancel the runs" }));
  for (const id of naps) await stage.runWhen(id, (run) => run.status === "Cancelled");
  await one.sees(/2 cancelled/);
  await page.close();
});
