/** What changes on screen by itself: told by the platform, and asked for where it is not. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

/** Requests of the API from now on, as method and path, but for the question whether the platform is there. */
function requestsOf(page: Page): string[] {
  const seen: string[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/v")) seen.push(pathname);
  });
  return seen;
}

/** Until the page has read all that it shows, and asks for nothing more. */
async function settled(page: Page): Promise<void> {
  const seen = requestsOf(page);
  for (let known = -1; known !== seen.length;) {
    known = seen.length;
    await page.waitForTimeout(1_600); // longer than it would pause without a stream
  }
}

const napping = async () => {
  const runId = await stage.start("shop/nap");
  await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
  return runId;
};

test("a run's page asks for nothing while nothing happens, and shows at once what does", async () => {
  const runId = await napping();
  const page = await stage.at("/apps");
  const ready = page.waitForResponse((answer) => answer.url().includes(`/v1/stream?run=${runId}`));
  await page.goto(`${stage.url}/runs/${runId}`);
  await page.getByText(/^It sleeps in “long-nap”/).waitFor();
  await ready;
  await settled(page);
  const asked = requestsOf(page);
  await page.waitForTimeout(2_500); // two and a half times what it would ask after without a stream
  expect(asked).toEqual([]);
  await fetch(`${stage.url}/v1/runs/${runId}/wake`, { method: "POST" });
  await page.getByRole("region", { name: "Output" }).getByText('"awake"').waitFor();
  const lists = asked.filter((path) => /^\/v\d\/(runs|events)$/.test(path));
  expect(lists).toEqual([]);
  expect(asked.every((path) => path.includes(runId) || path === "/v0/gql")).toBe(true);
  await page.close();
});

test("a list follows runs that come, in two tabs", async () => {
  const pages = [await stage.at("/runs"), await stage.at("/runs")];
  for (const page of pages) await page.getByRole("heading", { name: "Runs" }).waitFor();
  await settled(pages[0]!);
  const asked = requestsOf(pages[0]!);
  await pages[0]!.waitForTimeout(2_500);
  expect(asked).toEqual([]);
  const runId = await napping();
  for (const page of pages) await page.locator(`a[href*="${runId}"]`).first().waitFor();
  expect(asked.length).toBeLessThan(6);
  for (const page of pages) await page.close();
});

test("where there is no stream the page asks now and then", async () => {
  const runId = await napping();
  const page = await stage.at("/apps");
  await page.route("**/v1/stream**", (route) => route.fulfill({ status: 503, json: { error: "full", status: 503 } }));
  await page.goto(`${stage.url}/runs/${runId}`);
  await page.getByText(/^It sleeps in “long-nap”/).waitFor();
  await fetch(`${stage.url}/v1/runs/${runId}/wake`, { method: "POST" });
  await page.getByRole("region", { name: "Output" }).getByText('"awake"').waitFor();
  await page.close();
});
