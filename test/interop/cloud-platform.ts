/** The platform as it is deployed, outside of dev mode: with the keys of its environment. Started by `cloud.test.ts`. */
import { join } from "node:path";
import { startLocalServer } from "../../src/cli/local-server.ts";
import { buildWorker } from "../../src/cli/worker-build.ts";

const root = join(import.meta.dirname, "../..");
const variables = ["INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK", "INNGEST_EVENT_KEY"];

const server = await startLocalServer({
  worker: await buildWorker(join(root, "src/platform.ts"), join(root, "wrangler.toml")),
  port: Number(process.env["PORT"]),
  stateDir: process.env["INNGEST_STATE"] ?? "",
  vars: Object.fromEntries(variables.map((name) => [name, process.env[name] ?? ""])),
});
process.on("SIGTERM", () => void server.stop().finally(() => process.exit(0)));
console.log(`ready ${server.url}`);
