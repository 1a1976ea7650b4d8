/** Durable endpoints of Inngest's own client, unmodified, on a server of their own (inngest-protocol §6.2). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Inngest, step } from "inngest-v4";
import { endpointAdapter } from "inngest-v4/edge";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { listen } from "../helpers/app-server.ts";
import { spawnPlatform, type PlatformProcess } from "../helpers/platform-process.ts";

let stateDir: string;
let platform: PlatformProcess;

beforeAll(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith("INNGEST_")) delete process.env[name];
  stateDir = mkdtempSync(join(tmpdir(), "inngest-endpoints-"));
  platform = await spawnPlatform({ stateDir });
});

afterAll(async () => {
  await platform?.killGroup();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Serves a handler as an endpoint; its URL. */
async function serve(handler: (request: Request) => Promise<Response>): Promise<string> {
  const client = new Inngest({ id: "shop", isDev: true, baseUrl: platform.url, endpointAdapter });
  const endpoint = client.endpoint(handler) as (request: Request) => Promise<Response>;
  const server = await listen(getRequestListener((request) => endpoint(request)));
  onTestFinished(() => server.close());
  return server.url;
}

test("steps that run in the request itself: the caller gets the response as it is", async () => {
  const url = await serve(async () => {
    const [a, b] = [await step.run("a", () => 1), await step.run("b", () => 2)];
    return new Response(`${a + b} sold`, { status: 201, headers: { "x-shop": "open" } });
  });
  const response = await fetch(`${url}/orders`);
  expect([response.status, response.headers.get("x-shop"), await response.text()]).toEqual([201, "open", "3 sold"]);
});

test("a nap: the caller is sent to wait, and every step has run once", async () => {
  const bodies: string[] = [];
  const url = await serve(async (request) => {
    const a = await step.run("a", () => bodies.push("a"));
    await step.sleep("nap", "1s");
    const b = await step.run("b", () => bodies.push("b"));
    return Response.json({ sum: a + b, of: new URL(request.url).search });
  });
  const response = await fetch(`${url}/orders?n=1`); // follows the redirect
  expect([response.redirected, response.status]).toEqual([true, 200]);
  expect(new URL(response.url).pathname).toMatch(/^\/v1\/http\/runs\/[0-9A-Z]{26}\/output$/);
  expect(JSON.parse((await response.json()) as string)).toEqual({ sum: 3, of: "?n=1" });
  expect(bodies).toEqual(["a", "b"]);
});
