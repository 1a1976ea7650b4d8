import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { conformance } from "./conformance.ts";
import { bin, listenInProcess } from "./servers.ts";

conformance("Nitro", {
  framework: "nitro",
  start(apiUrl) {
    execFileSync(bin("nitro"), ["build"], { cwd: join(import.meta.dirname, "apps/nitro"), stdio: "pipe" });
    return listenInProcess(apiUrl, "apps/nitro", () => [process.execPath, ".output/server/index.mjs"]);
  },
});
