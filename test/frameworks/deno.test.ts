import { conformance } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

conformance("Deno", {
  framework: "deno",
  start: (apiUrl) =>
    listenInProcess(apiUrl, "apps/deno", () => [
      bin("deno"),
      "run",
      "--allow-net",
      "--allow-env",
      "--allow-read",
      "server.js",
    ]),
});
