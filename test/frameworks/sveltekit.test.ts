import { conformance } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

conformance("SvelteKit", {
  framework: "sveltekit",
  start: (apiUrl) =>
    listenInProcess(apiUrl, "apps/sveltekit", (port) => [
      bin("vite"),
      "dev",
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      "--strictPort",
    ]),
});
