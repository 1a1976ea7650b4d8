import { serve } from "@dotdo/inngest/bun";
import { makeHandlers } from "../shop.js";

const { plain, signed, streaming } = makeHandlers(serve);

Bun.serve({
  hostname: "127.0.0.1",
  port: process.env.PORT,
  routes: { "/api/inngest": plain, "/api/signed": signed, "/api/streaming": streaming },
  fetch: () => new Response("not found", { status: 404 }),
});
