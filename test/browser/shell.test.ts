/** What surrounds every page: finding things, light and dark, addresses of nothing, and a platform that is away. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("the palette goes to a page, a function, and what an id names, without a mouse", async () => {
  const runId = await stage.start("shop/echo");
  const page = await stage.at("/runs");
  const field = page.getByPlaceholder("A page, function, app, run id or event id");
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await page.keyboard.press("ControlOrMeta+k");
  await field.fill("counter");
  await page.getByRole("option", { name: /^counter/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/functions/shop-counter");
  await field.waitFor({ state: "detached" });

  await page.keyboard.press("ControlOrMeta+k");
  await field.fill(runId);
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/runs/${runId}`);

  await page.keyboard.press("ControlOrMeta+k");
  await field.fill("that");
  await page.getByRole("option", { name: /^Runs that failed/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/runs?status=FAILED");
  await page.keyboard.press("ControlOrMeta+k");
  await field.waitFor();
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });
  await page.close();
});

test("every control of a page is reached by the Tab key, and shows that it is", async () => {
  await stage.runWhen(await stage.start("shop/echo"), (run) => run.status === "Completed");
  const page = await stage.at("/runs");
  await page.getByRole("row").nth(1).waitFor();
  const seen: string[] = [];
  for (let i = 0; i < 14; i++) {
    await page.keyboard.press("Tab");
    seen.push(
      await page.evaluate(() => {
        const of = document.activeElement;
        if (of === null || of === document.body) return "the browser's own";
        const isShown = getComputedStyle(of).outlineStyle !== "none";
        return `${of.getAttribute("aria-label") ?? of.textContent}${isShown ? "" : " (not shown)"}`;
      }),
    );
  }
  expect(seen).toEqual(
    expect.arrayContaining([
      "Skip to the page",
      "Runs",
      "Apps",
      "Go to …",
      "Status: All statuses",
      "App",
      "Time",
      "shop-echo",
    ]),
  );
  expect(seen.filter((one) => one.endsWith("(not shown)"))).toEqual([]);
  await page.close();
});

test("light and dark follow the system, until somebody chooses, and the choice is kept", async () => {
  const page = await stage.at("/runs");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.getByRole("button", { name: "Theme: system. Change to light" }).click();
  expect(await background()).toBe(light);
  await page.reload();
  await page.getByRole("button", { name: "Theme: light. Change to dark" }).waitFor();
  expect(await background()).toBe(light);
  await page.close();
});

test.each([
  ["/runs/01HZZZZZZZZZZZZZZZZZZZZZZZ", "There is no such run", 200],
  ["/runs/nonsense", "There is no such run", 200],
  ["/events/01HZZZZZZZZZZZZZZZZZZZZZZZ", "There is no such event", 200],
  ["/functions/shop-nothing", "There is no such function", 200],
  ["/runs/a/b/c", "There is no such page", 200],
  ["/nonsense", "There is no such page", 404],
])("%s is a page that says: %s", async (path, words, status) => {
  const page = await stage.at("/apps");
  const answer = await page.goto(stage.url + path);
  await page.getByText(words).waitFor();
  expect(answer?.status()).toBe(status);
  await page.getByRole("link", { name: "To the runs" }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  await page.close();
});

test("while the platform is away the page says so and keeps what it has; then it goes on by itself", async () => {
  const runId = await stage.start("shop/nap");
  await stage.runWhen(runId, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
  const page = await stage.at(`/runs/${runId}`);
  await page.getByText(/^It sleeps in “long-nap”/).waitFor();
  await stage.killPlatform();
  await page.getByRole("alert").getByText("The platform does not answer.").waitFor();
  expect(await page.getByText(/^It sleeps in “long-nap”/).isVisible()).toBe(true);
  await stage.startPlatformAgain();
  await page.getByText("The platform does not answer.").waitFor({ state: "detached" });
  await fetch(`${stage.url}/v1/runs/${runId}/wake`, { method: "POST" });
  await page.getByRole("region", { name: "Output" }).getByText('"awake"').waitFor();
  await page.close();
});
