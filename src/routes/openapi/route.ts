import { Hono } from "hono";

/** Made at the first request: whoever asks for no document pays nothing for its schemas. */
let text: string | undefined;

/** `GET /openapi.json`: the API described by the schemas that its routes validate with. Open, since nobody's data is in it. */
export function openApiRoutes(base: string, version: string): Hono {
  const app = new Hono();
  app.get(`${base}/openapi.json`, async (c) => {
    text ??= JSON.stringify((await import("./document.ts")).openApiDocument(version));
    return c.body(text, 200, { "content-type": "application/json", "access-control-allow-origin": "*" });
  });
  return app;
}
