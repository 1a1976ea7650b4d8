import { serve } from "@dotdo/inngest/koa";
import { bodyParser } from "@koa/bodyparser";
import Koa from "koa";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

const route = (app: Koa<any, any>) => {
  const { plain, signed, streaming } = makeHandlers(serve);
  const routes: Record<string, typeof plain> = {
    "/api/inngest": plain,
    "/api/signed": signed,
    "/api/streaming": streaming,
  };
  app.use((ctx, next) => routes[ctx.path]?.(ctx) ?? next());
  return listen(app.callback());
};

conformance("Koa", {
  framework: "koa",
  start(apiUrl) {
    setVariables(apiUrl);
    return route(new Koa());
  },
});

conformance("Koa with parsed bodies", {
  framework: "koa",
  start(apiUrl) {
    setVariables(apiUrl);
    return route(new Koa().use(bodyParser({ jsonLimit: "4mb" })));
  },
});
