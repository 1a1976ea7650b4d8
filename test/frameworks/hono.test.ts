import { serve } from "@dotdo/inngest/hono";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

conformance("Hono", {
  framework: "hono",
  start(apiUrl) {
    setVariables(apiUrl);
    const { plain, signed, streaming } = makeHandlers(serve);
    const app = new Hono().all("/api/inngest", plain).all("/api/signed", signed).all("/api/streaming", streaming);
    return listen(getRequestListener(app.fetch));
  },
});
