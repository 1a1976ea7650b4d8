import { conformance } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

conformance("Astro", {
  framework: "astro",
  refusesUntyped: true, // `security.checkOrigin`
  deleteStatus: 403,
  start: (apiUrl) =>
    listenInProcess(
      apiUrl,
      "apps/astro",
      (port) => [bin("astro"), "dev", "--host", "127.0.0.1", "--port", String(port)],
      { ASTRO_TELEMETRY_DISABLED: "1" },
    ),
});
