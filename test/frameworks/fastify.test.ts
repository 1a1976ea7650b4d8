import fastifyPlugin, { serve } from "@dotdo/inngest/fastify";
import Fastify from "fastify";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { setVariables } from "./servers.ts";

const started = async (app: ReturnType<typeof Fastify>) => ({
  url: await app.listen({ port: 0, host: "127.0.0.1" }),
  close: () => app.close(),
});

conformance("Fastify, by its plugin", {
  framework: "fastify",
  deleteStatus: 404, // there is no such route
  async start(apiUrl) {
    setVariables(apiUrl);
    const app = Fastify({ forceCloseConnections: true });
    const paths = { shop: undefined, signed: "/api/signed", streaming: "/api/streaming" };
    makeHandlers(({ client, functions, streaming }) => {
      const servePath = paths[client.id as keyof typeof paths];
      app.register(fastifyPlugin, { client, functions, options: { streaming, servePath } });
    });
    return started(app);
  },
});

conformance("Fastify, by routes", {
  framework: "fastify",
  largestBytes: 512 * 1024, // its own limit is 1 MiB
  async start(apiUrl) {
    setVariables(apiUrl);
    const app = Fastify({ forceCloseConnections: true });
    const { plain, signed, streaming } = makeHandlers(serve);
    app.all("/api/inngest", plain);
    app.all("/api/signed", signed);
    app.all("/api/streaming", streaming);
    return started(app);
  },
});
