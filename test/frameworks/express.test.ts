import { serve } from "@dotdo/inngest/express";
import express from "express";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

conformance("Express", {
  framework: "express",
  async start(apiUrl) {
    setVariables(apiUrl);
    const { plain, signed, streaming } = makeHandlers(serve);
    const app = express();
    app.use("/api/inngest", plain);
    app.all("/api/signed", signed);
    app.use("/api/streaming", streaming);
    return listen(app);
  },
});

conformance("Express with parsed bodies, in a router", {
  framework: "express",
  paths: { plain: "/v1/api/inngest", signed: "/v1/api/signed", streaming: "/v1/api/streaming" },
  async start(apiUrl) {
    setVariables(apiUrl);
    const { plain, signed, streaming } = makeHandlers(serve);
    const router = express.Router();
    router.use("/inngest", plain);
    router.use("/signed", signed);
    router.use("/streaming", streaming);
    return listen(
      express()
        .use(express.json({ limit: "4mb" }))
        .use("/v1/api", router),
    );
  },
});
