/** By which header our client knows our platform: on every answer, also those that refuse. */
import { expect, test } from "vitest";
import { platformApp } from "../../src/app.ts";
import { ENV } from "../../src/testing/host/world.ts";
import { objectsOf, simulated } from "../helpers/simulated-platform.ts";

const KEYS = { eventKeys: ["key"], signingKeys: ["signkey-test-12345678"], sdkUrls: [] };

test.each([
  ["GET", "/dev", true],
  ["GET", "/dev", false],
  ["GET", "/v1/functions", false],
  ["POST", "/fn/register", false],
  ["GET", "/nowhere", false],
])("%s %s, in dev mode: %s", async (method, path, isDev) => {
  const app = platformApp(objectsOf(simulated(() => [])), ENV, () => ({ ...KEYS, isDev }));
  const response = await app.request(`http://127.0.0.1${path}`, { method });
  expect(response.headers.get("x-dotdo-inngest"), `${response.status}`).toBe("1");
});
