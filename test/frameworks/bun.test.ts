import { conformance } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

conformance("Bun", {
  framework: "bun",
  start: (apiUrl) => listenInProcess(apiUrl, "apps/bun", () => [bin("bun"), "run", "server.js"]),
});
