import { serve } from "@dotdo/inngest/cloudflare";
import { makeHandlers } from "../shop.js";

const { plain, signed, streaming } = makeHandlers(serve);
const routes = { "/api/inngest": plain, "/api/signed": signed, "/api/streaming": streaming };

export default {
  fetch: (request, env, ctx) =>
    routes[new URL(request.url).pathname]?.(request, env, ctx) ?? new Response("not found", { status: 404 }),
};
