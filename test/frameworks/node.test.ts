import { createServer, serve } from "@dotdo/inngest/node";
import { expect, test } from "vitest";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, listening, setVariables } from "./servers.ts";
import type { Server } from "node:http";

conformance("node:http", {
  framework: "nodejs",
  async start(apiUrl) {
    setVariables(apiUrl);
    const { plain, signed, streaming } = makeHandlers(serve);
    const routes: Record<string, typeof plain> = { "/api/inngest": plain, "/api/signed": signed };
    return listen((request, response) => (routes[request.url!.split("?")[0]!] ?? streaming)(request, response));
  },
});

test("createServer serves at its path and nowhere else", async () => {
  const { plain } = makeHandlers((options) => createServer({ ...options, streaming: false, servePath: "/functions" }));
  const { url, close } = await listening(plain.listen(0, "127.0.0.1") as unknown as Server);
  const statuses = ["/functions", "/functions?probe", "//functions", "/api/inngest", "/functions/more"].map(
    async (path) => (await fetch(url + path)).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 200, 200, 404, 404]);
  await close();
});
