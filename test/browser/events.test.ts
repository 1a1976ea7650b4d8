import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  await stage.sync();
});
afterAll(() => stage?.close());
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

/** Puts a text into the editor, which stands in a shadow tree of its own. */
async function type(page: Page, label: string, text: string): Promise<void> {
  await page.locator(".cm-content").waitFor(); // the plain field has gone
  const editor = page.getByLabel(label);
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

test("an event that is sent from the page starts its run, and leads to it", async () => {
  const page = await stage.at("/events");
  await page.getByRole("button", { name: "Send event" }).click();
  await type(page, "Event, or a list of events", '{"name":"shop/echo","data":{"from":"the page"}}');
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const sent = page.getByRole("dialog").getByRole("status").getByRole("link");
  await sent.click();
  await page.getByRole("heading", { name: "shop/echo" }).waitFor();
  expect(await page.getByRole("group", { name: "data" }).textContent()).toContain('from: "the page"');
  await page.getByRole("link", { name: "shop-echo" }).click();
  await page.getByRole("region", { name: "Output" }).getByText('"the page"').waitFor();
  await page.close();
});

test("a list of events is sent as a whole or not at all; what is no event is refused in words", async () => {
  const page = await stage.at("/events");
  await page.getByRole("button", { name: "Send event" }).click();
  const dialog = page.getByRole("dialog");
  const send = dialog.getByRole("button", { name: "Send", exact: true });
  const refusal = dialog.getByRole("alert");
  for (const [typed, words] of [
    ["{nonsense", /JSON/],
    ["[]", /The list is empty/],
    ['[{"name":"a/b"},{"data":{}}]', /Event 2 has no name/],
    ['{"name":"a/b","data":"no object"}', /data/],
  ] as const) {
    await type(page, "Event, or a list of events", typed);
    await send.click();
    await refusal.getByText(words).waitFor();
  }
  await type(page, "Event, or a list of events", '[{"name":"list/one"},{"name":"list/two"}]');
  await send.click();
  await expect.poll(() => dialog.getByRole("status").getByRole("link").count()).toBe(2);
  await page.keyboard.press("Escape");
  await page.getByRole("row").filter({ hasText: "list/two" }).getByText("none").waitFor();
  await page.close();
});

test("the same event is there as code and as a command, which works", async () => {
  const page = await stage.at("/events");
  await page.getByRole("button", { name: "Send event" }).click();
  await type(page, "Event, or a list of events", `{"name":"from/curl","data":{"it":"isn't"}}`);
  await page.getByRole("tab", { name: "SDK" }).click();
  await page.getByText("await inngest.send({").waitFor();
  await page.getByRole("tab", { name: "curl" }).click();
  await page.getByRole("button", { name: "Copy the command" }).click();
  await page.getByText("Copied").waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toContain(`curl -X POST ${stage.url}/e/YOUR_EVENT_KEY`);
  expect(command).toContain(`'{"name":"from/curl","data":{"it":"isn'\\''t"}}'`);
  await page.close();
});

test("the list is found by name, with and without the platform's own events", async () => {
  for (const name of ["shop/echo", "shop/order.placed"])
    await stage.runWhen(await stage.start(name), (run) => run.status === "Completed");
  await stage.send("list/two");
  const page = await stage.at("/events?name=shop%2Fecho");
  await page.getByRole("row").filter({ hasText: "shop/echo" }).first().getByText("Completed").waitFor();
  expect(await page.getByRole("row").filter({ hasText: "list/two" }).count()).toBe(0);
  await page.getByRole("searchbox").fill("");
  await page.getByRole("row").filter({ hasText: "list/two" }).first().waitFor();
  expect(await page.getByRole("row").filter({ hasText: "inngest/function.invoked" }).count()).toBe(0);
  await page.getByLabel("The platform's own").check();
  await page.getByRole("row").filter({ hasText: "inngest/function.invoked" }).first().waitFor();
  expect(new URL(page.url()).search).toBe("?internal=true");
  await page.getByRole("searchbox").fill("no/such.event");
  await page.getByText("No event matches").waitFor();
  await page.close();
});

test("the list has events of several names, and asks for the runs of one only while they are under way", async () => {
  await stage.runWhen(await stage.start("shop/echo", { n: 1 }), (run) => run.status === "Completed");
  await stage.runWhen(await stage.start("shop/echo", { n: 2 }), (run) => run.status === "Completed");
  const napping = await stage.send("shop/nap");
  await stage.runOf(napping);
  await stage.send("list/three");
  const page = await stage.at("/runs");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${stage.url}/events?name=${encodeURIComponent("shop/echo, shop/nap")}`);
  await page.getByRole("row").filter({ hasText: "shop/nap" }).first().getByText("Running").waitFor();
  await page.getByRole("row").filter({ hasText: "shop/echo" }).first().getByText("Completed").waitFor();
  expect(await page.getByRole("row").filter({ hasText: "list/three" }).count()).toBe(0);
  const ofRuns = asked.filter((path) => /^\/v1\/events\/.+\/runs$/.test(path));
  expect(new Set(ofRuns)).toEqual(new Set([`/v1/events/${napping}/runs`]));
  await page.close();
});

test("an event is sent again as another one", async () => {
  const id = await stage.send("shop/echo", { again: true });
  const page = await stage.at(`/events/${id}`);
  await page.getByRole("button", { name: "Send again …" }).click();
  await page.locator(".cm-content").waitFor();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const sent = page.getByRole("dialog").getByRole("status").getByRole("link");
  const other = await sent.textContent();
  expect(other).not.toBe(id);
  await stage.runWhen(await stage.runOf(other!), (run) => run.status === "Completed");
  await page.close();
});
