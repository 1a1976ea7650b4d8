import { serve } from "@dotdo/inngest/deno";
import { makeHandlers } from "../shop.js";

const { plain, signed, streaming } = makeHandlers(serve);
const routes = {
  "/api/inngest": plain,
  "/api/signed": (request) => signed({ req: request }), // as Fresh 2 would
  "/api/streaming": streaming,
};

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT")) }, (request, info) => {
  const handler = routes[new URL(request.url).pathname];
  return handler?.(request, info) ?? new Response("not found", { status: 404 });
});
