import { serve } from "@dotdo/inngest/remix";
import { getRequestListener } from "@hono/node-server";
import { createRequestHandler as createRemixHandler, type ServerBuild as RemixBuild } from "@remix-run/server-runtime";
import { createRequestHandler, type ServerBuild } from "react-router";
import { makeHandlers } from "./apps/shop.js";
import { conformance } from "./conformance.ts";
import { listen, setVariables } from "./servers.ts";

/** What the frameworks' compilers make of three resource routes. */
function build() {
  const { plain, signed, streaming } = makeHandlers(serve);
  const route = (id: string, handler: typeof plain) => ({
    id,
    path: `/api/${id}`,
    module: { loader: handler, action: handler },
  });
  return {
    routes: {
      inngest: route("inngest", plain),
      signed: route("signed", signed),
      streaming: route("streaming", streaming),
    },
    entry: { module: { default: () => new Response("no page", { status: 404 }) } },
    assets: { routes: {}, entry: { module: "", imports: [] }, url: "", version: "1" },
    assetsBuildDirectory: "",
    publicPath: "/",
    basename: "/",
    isSpaMode: false,
    ssr: true,
    prerender: [],
    routeDiscovery: { mode: "lazy", manifestPath: "/__manifest" },
    future: {},
  };
}

conformance("Remix", {
  framework: "remix",
  start(apiUrl) {
    setVariables(apiUrl);
    const handle = createRemixHandler(build() as unknown as RemixBuild, "production");
    return listen(getRequestListener((request) => handle(request)));
  },
});

conformance("React Router", {
  framework: "remix",
  start(apiUrl) {
    setVariables(apiUrl);
    const handle = createRequestHandler(build() as unknown as ServerBuild, "production");
    return listen(getRequestListener((request) => handle(request)));
  },
});
