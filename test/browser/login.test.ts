/** The dashboard of a platform in production: nobody sees anything without a key, and what is done has a name. */
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { listen, type LoopbackServer } from "../helpers/app-server.ts";
import { launch } from "../helpers/platform-process.ts";
import { Stage } from "./stage.ts";

const KEY = "signkey-test-0123456789abcdef0123456789abcdef";
const READ = "fedcba9876543210fedcba9876543210";
const BEARER = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };

const AUD = "4714c1358e65fe4b408ad6d432a5f878";

let stage: Stage;
let access: LoopbackServer;
const pair = await generateKeyPair("RS256", { extractable: true });

/** What Cloudflare Access puts into the requests of somebody. */
const tokenOf = (email: string) =>
  new SignJWT({ email })
    .setProtectedHeader({ alg: "RS256", kid: "1" })
    .setIssuer(access.url)
    .setAudience(AUD)
    .setExpirationTime("1h")
    .sign(pair.privateKey);

beforeAll(async () => {
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "1", alg: "RS256" };
  access = await listen((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
  stage = await Stage.open({
    command: launch(join(import.meta.dirname, "../fixtures/production-platform.ts")),
    env: {
      INNGEST_EVENT_KEY: "event-key",
      INNGEST_SIGNING_KEY: KEY,
      INNGEST_READ_KEY: READ,
      INNGEST_ACCESS_TEAM: access.url,
      INNGEST_ACCESS_AUD: AUD,
      INNGEST_ACCESS_WRITERS: "*@ops.acme.com",
    },
  });
  const fn = {
    id: "shop-nap",
    name: "nap",
    triggers: [{ event: "shop/nap" }],
    steps: { step: { id: "step", name: "step", runtime: { type: "http", url: "https://shop.example/api/inngest" } } },
  };
  const body = {
    url: "https://shop.example/api/inngest",
    appname: "shop",
    sdk: "js:v1",
    framework: "test",
    functions: [fn],
  };
  const answer = await fetch(`${stage.url}/fn/register`, {
    method: "POST",
    headers: BEARER,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
});
afterAll(async () => {
  await stage?.close();
  await access?.close();
});
afterEach(() => expect(stage.complaints.splice(0)).toEqual([]));

async function signIn(page: Page, key: string, name: string): Promise<void> {
  await page.getByLabel(/INNGEST_SIGNING_KEY/).fill(key);
  await page.getByLabel(/^Your name/).fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a key that is none is refused in words; the right one opens the page that was asked for", async () => {
  const page = await stage.at("/functions");
  await signIn(page, "signkey-test-00", "Ada");
  await page
    .getByRole("alert")
    .getByText(/it is none of this platform's/)
    .waitFor();
  await signIn(page, KEY, "Ada");
  await page.getByRole("link", { name: "nap", exact: true }).waitFor();
  expect(page.url()).toBe(`${stage.url}/functions`);
  await page.getByRole("link", { name: "Ada" }).waitFor();
  await page.reload();
  await page.getByRole("link", { name: "nap", exact: true }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...sessionStorage }, { ...localStorage }]));
  expect(kept).toMatch(/^\["",/);
  expect(kept).not.toContain("0123456789abcdef");
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ name: "inngest-on-loopback", httpOnly: true, sameSite: "Strict" });
  await page.close();
});

test("what somebody does is in the audit trail with their name; signed out they see nothing", async () => {
  const page = await stage.at("/functions/shop-nap");
  await signIn(page, KEY, "Grace <b>Hopper</b>");
  await page.getByRole("button", { name: "Pause …" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByText(/^Paused since/).waitFor();
  await page.getByRole("link", { name: "Grace <b>Hopper</b>" }).click();
  await page.getByRole("heading", { name: "Audit trail" }).waitFor();
  const row = page.getByRole("row").filter({ hasText: "POST /v1/functions/shop-nap/pause" });
  expect(await row.getByText("Grace <b>Hopper</b>").isVisible()).toBe(true);
  expect(await row.getByText("done").isVisible()).toBe(true);
  await page.getByRole("row").filter({ hasText: "signed in" }).first().waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await page.context().cookies()).toEqual([]);
  await page.goto(`${stage.url}/functions`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await page.getByText("nap").count()).toBe(0);
  await page.close();
});

test("who may only look sees everything, and no button that acts", async () => {
  const page = await stage.at("/functions/shop-nap");
  await signIn(page, READ, "Rita");
  await page.getByRole("link", { name: "Rita (looks only)" }).waitFor();
  for (const name of ["Invoke", "Cancel runs …", "Resume"]) {
    const button = page.getByRole("button", { name });
    await button.waitFor();
    await expect.poll(() => button.isDisabled()).toBe(true);
  }
  await page.getByRole("link", { name: "Events" }).click();
  expect(await page.getByRole("button", { name: "Send event" }).first().isDisabled()).toBe(true);
  await page.getByRole("link", { name: "Apps" }).click();
  await page.getByLabel("URL at which an app serves its functions").fill("https://shop.example/api/inngest");
  expect(await page.getByRole("button", { name: "Sync", exact: true }).isDisabled()).toBe(true);
  await page.goto(`${stage.url}/audit`);
  await page.getByRole("heading", { name: "Audit trail" }).waitFor();
  await page.close();
});

test("a sign-in that ends while somebody looks asks for the key again, where they are", async () => {
  const page = await stage.at("/apps");
  await signIn(page, KEY, "");
  await page.getByRole("heading", { name: "shop" }).waitFor();
  await page.context().clearCookies();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page, KEY, "");
  await page.getByRole("heading", { name: "shop" }).waitFor();
  expect(page.url()).toBe(`${stage.url}/apps`);
  await page.close();
});

test("who comes through Cloudflare Access is signed in, may do what is configured, and is named by address", async () => {
  const page = await stage.at("/functions/shop-nap");
  await page.setExtraHTTPHeaders({ "cf-access-jwt-assertion": await tokenOf("rob@acme.com") });
  await page.goto(`${stage.url}/functions/shop-nap`);
  await page.getByRole("link", { name: "rob@acme.com (looks only)" }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Invoke" }).isDisabled()).toBe(true);
  expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0); // Access has its own way out

  await page.setExtraHTTPHeaders({ "cf-access-jwt-assertion": await tokenOf("ada@ops.acme.com") });
  await page.goto(`${stage.url}/events`);
  await page.getByRole("link", { name: "ada@ops.acme.com", exact: true }).waitFor();
  await page.getByRole("button", { name: "Send event" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("dialog").getByRole("status").getByRole("link").waitFor();
  await page.goto(`${stage.url}/audit`);
  const row = page.getByRole("row").filter({ hasText: "POST /v1/events" }).first();
  await row.getByText("ada@ops.acme.com").waitFor();
  await page.close();
});

test("another site's page cannot act with the cookie", async () => {
  const page = await stage.at("/apps");
  await signIn(page, KEY, "Ada");
  await page.getByRole("heading", { name: "shop" }).waitFor();
  const [cookie] = await page.context().cookies();
  const send = (origin?: string) =>
    fetch(`${stage.url}/v1/events`, {
      method: "POST",
      body: '{"name":"login/csrf","data":{}}',
      headers: { cookie: `${cookie!.name}=${cookie!.value}`, ...(origin === undefined ? {} : { origin }) },
    });
  expect((await send("https://evil.example")).status).toBe(403);
  expect((await send()).status).toBe(403);
  expect((await send(stage.url)).status).toBe(200);
  await page.close();
});
