import { serve } from "@dotdo/inngest/h3";
import { serve as serveNitro } from "@dotdo/inngest/nitro";
import { serve as serveNuxt } from "@dotdo/inngest/nuxt";
import { H3 } from "h3";
import { toNodeHandler } from "h3/node";
import { createApp, eventHandler, toNodeListener } from "h3-v1";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

for (const [name, adapter, framework] of [
  ["h3", serve, "h3"],
  ["the h3 of Nuxt", serveNuxt, "nuxt"],
  ["the h3 of Nitro", serveNitro, "nitro"],
] as const) {
  conformance(`${name}, version 2`, {
    framework,
    start(apiUrl) {
      setVariables(apiUrl);
      const { plain, signed, streaming } = makeHandlers(adapter);
      const app = new H3().all("/api/inngest", plain).all("/api/signed", signed).all("/api/streaming", streaming);
      return listen(toNodeHandler(app));
    },
  });

  conformance(`${name}, version 1`, {
    framework,
    start(apiUrl) {
      setVariables(apiUrl);
      const { plain, signed, streaming } = makeHandlers(adapter);
      const app = createApp()
        .use("/api/inngest", eventHandler(plain))
        .use("/api/signed", eventHandler(signed))
        .use("/api/streaming", eventHandler(streaming));
      return listen(toNodeListener(app));
    },
  });
}
