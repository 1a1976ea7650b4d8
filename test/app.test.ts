/** What every answer of the platform says of itself, and who may ask for it. */
import { describe, expect, it } from "vitest";
import { platformApp } from "../src/app.ts";
import { headers } from "../src/protocol/headers.ts";
import type { Settings } from "../src/routes/guard.ts";
import { ENV, World } from "../src/testing/host/world.ts";

const SETTINGS: Settings = { isDev: true, eventKeys: [], signingKeys: [], sdkUrls: [] };

function app(settings = SETTINGS) {
  const world = new World({
    start: Date.UTC(2026, 0, 1),
    random: () => 0,
    transports: () => {
      throw new Error("nothing is started here");
    },
  });
  world.pauseQueue(true);
  return platformApp(world.objects(), ENV, () => settings);
}

const event = { method: "POST", body: '{"name":"a"}' };

describe("an answer to a sender of events", () => {
  it.each([
    ["events that are taken", event, 200],
    ["events that are not", { ...event, body: "{}" }, 400],
  ])("of %s may be read by a page from anywhere, and names the platform", async (_what, request, status) => {
    const response = await app().request("http://localhost/e/key", request);
    expect(response.status).toBe(status);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get(headers.serverKind)).toBe("dev");
    expect(response.headers.get(headers.dotdo)).toBe("1");
    expect(response.headers.get("content-type")).toBe("application/json");
  });

  it("without the key may be read too", async () => {
    const response = await app({ ...SETTINGS, isDev: false, eventKeys: ["k"] }).request(
      "http://localhost/e/key",
      event,
    );
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([401, "*"]);
    expect(response.headers.get(headers.serverKind)).toBe("cloud");
  });

  it("is promised to a page that asks before it sends", async () => {
    const response = await app().request("http://localhost/e/key", { method: "OPTIONS" });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    expect(response.headers.get("access-control-max-age")).toBe("3600");
  });
});

describe("every other answer", () => {
  it.each([
    ["/v1/events", 200],
    ["/nowhere", 404],
    ["/v1/events/x", 400],
  ])("names the platform, and no page from elsewhere reads it: %s", async (path, status) => {
    const response = await app().request(`http://localhost${path}`);
    expect([response.status, response.headers.get(headers.serverKind)]).toEqual([status, "dev"]);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("names it on an answer that a route has made by itself", async () => {
    const own = app();
    own.notFound(() => new Response("the user's"));
    const response = await own.request("http://localhost/page");
    expect([await response.text(), response.headers.get(headers.dotdo)]).toEqual(["the user's", "1"]);
  });
});
