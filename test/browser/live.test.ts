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

/** Without a stream pages ask several times in it. */
const LOOKED_AT_MS = 5_000;

/** Requests of the API from now on, as method and path. */
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
  await page.waitForTimeout(LOOKED_AT_MS);
  expect(asked.length).toBeLessThanOrEqual(1); // it looks once in 30 s
  await fetch(`${stage.url}/v1/runs/${runId}/wake`, { method: "POST" });
  await page.getByRole("region", { name: "Output" }).getByText('"awake"').waitFor();
  const lists = asked.filter((path) => /^\/v\d\/(runs|events)$/.test(path));
  expect(lists).toEqual([]);
  expect(asked.every((path) => path.includes(runId))).toBe(true);
  await page.close();
});

test("a list follows runs that come, in two tabs", async () => {
  const pages = [await stage.at("/runs"), await stage.at("/runs")];
  for (const page of pages) await page.getByRole("heading", { name: "Runs" }).waitFor();
  await settled(pages[0]!);
  const asked = requestsOf(pages[0]!);
  await pages[0]!.waitForTimeout(LOOKED_AT_MS);
  expect(asked.length).toBeLessThanOrEqual(1);
  const runId = await napping();
  for (const page of pages) await page.locator(`a[href*="${runId}"]`).first().waitFor();
  expect(asked.length).toBeLessThan(8);
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

test("of a run of 10,000 steps only the rows in sight are there, and the keyboard goes through all of them", async () => {
  const runId = await stage.start("shop/order.placed", { orderId: "9", amount: 1 });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at("/apps");
  await page.route(`**/v1/runs/${runId}?include=trace`, async (route) => {
    const answer = await route.fetch();
    const { data } = (await answer.json()) as RunAnswer;
    const [step] = data.steps;
    const span = data.trace.children.find(({ step_hash: hash }) => hash === step?.hash);
    const many = <T extends object>(one: T | undefined, own: (i: number) => object) =>
      Array.from({ length: 10_000 }, (_, i) => ({ ...one, ...own(i) }) as T);
    data.steps = many(step, (i) => ({ id: `step ${i}`, hash: `h${i}`, name: `step ${i}`, ended_at: step?.created_at }));
    data.trace.children = many(span, (i) => ({ id: `s${i}`, step_hash: `h${i}`, children: [] }));
    await route.fulfill({ json: { data } });
  });
  await page.goto(`${stage.url}/runs/${runId}`);
  const steps = page.getByRole("list", { name: "Steps in time" });
  await steps.getByRole("button", { name: /^Run/ }).focus();
  expect(await steps.getByRole("listitem").count()).toBeLessThan(80);
  await page.keyboard.press("ArrowDown");
  await steps
    .getByRole("button", { name: /^step 0\b/ })
    .and(page.locator(":focus"))
    .waitFor();
  await page.keyboard.press("End");
  await steps
    .getByRole("button", { name: /^step 9999\b/ })
    .and(page.locator(":focus"))
    .waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Step step 9999" }).waitFor();
  expect(await steps.getByRole("listitem").count()).toBeLessThan(80);
  await page.close();
});

interface RunAnswer {
  data: {
    steps: { hash: string; created_at: string }[];
    trace: { children: { step_hash?: string }[] };
  };
}

test("a part of a timeline is seen alone, by drawing over it or with the keyboard, and the whole again", async () => {
  const runId = await stage.start("shop/payment.due", { paymentId: "zoom" });
  await stage.runWhen(runId, (run) => run.status === "Completed");
  const page = await stage.at(`/runs/${runId}`);
  const axis = page.getByRole("group", { name: /^Time from 0 ms to/ });
  const box = (await axis.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.4, box.y + 5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 5);
  await page.mouse.up();
  await page.getByRole("button", { name: "Whole run" }).waitFor();
  expect(await axis.count()).toBe(0);
  await page.getByRole("button", { name: /^Run/ }).first().waitFor();
  await page.getByRole("button", { name: "Whole run" }).click();
  await axis.press("+");
  await page.getByRole("button", { name: "Whole run" }).waitFor();
  await page.keyboard.press("Escape");
  await axis.waitFor();
  await page.close();
});
