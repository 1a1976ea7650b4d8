import { rmSync } from "node:fs";
import { join } from "node:path";
import { conformance, type Served } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

rmSync(join(import.meta.dirname, "apps/next/.next"), { recursive: true, force: true }); // it may hold an older adapter

const start = (apiUrl: string): Promise<Served> =>
  listenInProcess(
    apiUrl,
    "apps/next",
    (port) => [bin("next"), "dev", "--hostname", "127.0.0.1", "--port", String(port)],
    { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "development" },
  );

conformance("Next.js, app router", { framework: "nextjs", start });

conformance("Next.js, pages router", {
  framework: "nextjs",
  paths: { plain: "/api/pages/inngest", signed: "/api/pages/signed", streaming: "/api/pages/streaming" },
  start,
});
