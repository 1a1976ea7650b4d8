import { serve } from "@dotdo/inngest/edge";
import { makeHandlers } from "../shop.js";

const { plain, signed, streaming } = makeHandlers(serve);
const routes = { "/api/inngest": plain, "/api/signed": signed, "/api/streaming": streaming };

addEventListener("fetch", (event) => {
  const handler = routes[new URL(event.request.url).pathname];
  event.respondWith(handler?.(event.request, event) ?? new Response("not found", { status: 404 }));
});
