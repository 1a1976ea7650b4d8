/** Pages as axe-core sees them: names of controls, roles, contrast, on a desk and on a telephone, light and dark. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DESK, PHONE, Stage } from "./stage.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let stage: Stage;
let pages: Record<string, string>;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
  const event = await stage.send("shop/order.placed", { orderId: "7", amount: 42 });
  const order = await stage.runOf(event);
  const broken = await stage.start("shop/broken");
  const asleep = await stage.start("shop/nap");
  const held = await stage.start("shop/at.counter", { till: "A" });
  await stage.start("shop/at.counter", { till: "A" });
  for (const id of [order, broken])
    await stage.runWhen(id, (run) => run.status === "Completed" || run.status === "Failed");
  await stage.runWhen(asleep, (run) => run.waiting_for.some(({ kind }) => kind === "sleeping"));
  await stage.runWhen(held, (run) => run.status === "Running");
  pages = {
    runs: "/runs",
    "a run": `/runs/${order}`,
    "a run that failed": `/runs/${broken}`,
    "a run that waits": `/runs/${asleep}`,
    events: "/events",
    "an event": `/events/${event}`,
    functions: "/functions",
    "a function": "/functions/shop-counter",
    lines: "/lines",
    apps: "/apps",
    "no page": "/nonsense",
  };
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

test.each([
  ["light, on a desk", "light", DESK],
  ["dark, on a telephone", "dark", PHONE],
] as const)("no page has anything that keeps somebody out: %s", async (_, colorScheme, viewport) => {
  const found: string[] = [];
  for (const [name, path] of Object.entries(pages)) {
    const page = await stage.at(path, viewport);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByText(/^Reading .* …$/).waitFor({ state: "detached" });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(
      (rules): Promise<AxeResults> => Reflect.get(globalThis, "axe").run({ runOnly: rules }),
      RULES,
    );
    for (const { id, nodes } of violations)
      for (const { html, failureSummary } of nodes)
        found.push(`${name}: ${id}: ${html.slice(0, 150)}: ${failureSummary}`);
    await page.close();
  }
  expect(found).toEqual([]);
});
