/** The pictures of docs/dashboard.md: `npm run screenshots` makes them anew, every other run of the suite makes them for nothing. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PHONE, Stage } from "./stage.ts";

const folder = join(import.meta.dirname, "../../docs/images");
const isKept = process.env.SCREENSHOTS === "1";
/** Those that the page shows. */
const SHOWN = ["runs", "run", "run-dark", "error", "function", "waiting-phone"];

let stage: Stage;
let pictures: Record<string, string>;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
  const ended = [
    await stage.start("shop/order.placed", { orderId: "1042", amount: 42 }),
    await stage.start("shop/broken"),
    await stage.start("shop/payment.due", { paymentId: "p-7" }),
  ];
  const approval = await stage.start("shop/approval.asked", { id: 1042 });
  for (let i = 0; i < 4; i++) await stage.start("shop/at.counter", { till: "A" });
  for (const runId of ended) await stage.runWhen(runId, (run) => run.status === "Completed" || run.status === "Failed");
  await stage.runWhen(approval, (run) => run.waiting_for.some(({ kind }) => kind === "waiting"));
  const [order = "", broken = ""] = ended;
  pictures = {
    runs: "/runs",
    run: `/runs/${order}`,
    error: `/runs/${broken}`,
    waiting: `/runs/${approval}`,
    function: "/functions/shop-counter",
    lines: "/lines",
  };
  if (isKept) mkdirSync(folder, { recursive: true });
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test("each page has something to show, light and dark, on a desk and on a telephone", async () => {
  for (const [name, path] of Object.entries(pictures)) {
    const page = await stage.at(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    for (const waiting of await page.getByText(/^Reading .* …$/).all()) await waiting.waitFor({ state: "detached" });
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await shoot(`${name}-dark`);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await shoot(name);
    await page.setViewportSize(PHONE);
    await shoot(`${name}-phone`);
    await page.close();

    async function shoot(picture: string) {
      const image = await page.screenshot(
        isKept && SHOWN.includes(picture) ? { path: join(folder, `${picture}.png`) } : {},
      );
      expect(image.length, picture).toBeGreaterThan(8_000); // an empty page is smaller
    }
  }
}, 120_000);
