import { join } from "node:path";
import { expect, test } from "vitest";
import { configOf, queuesOf } from "../../src/cli/deploy-config.ts";
import { buildWorker } from "../../src/cli/worker-build.ts";

const root = join(import.meta.dirname, "../..");
const { unstable_readConfig: readConfig } = await import("wrangler");
const own = readConfig({ config: join(root, "wrangler.toml") });
// the settings of which the package is built, without its code
const { settings } = await buildWorker(join(root, "src/sdk/version.ts"), join(root, "wrangler.toml"));

const choices = { name: "inngest", domain: undefined, sdkUrls: [] };

test("what is deployed has the objects, queues, assets and triggers of wrangler.toml", () => {
  const config = configOf(settings, "worker.js", "dist/dashboard", choices);
  expect(config).toMatchObject({
    name: own.name,
    compatibility_date: own.compatibility_date,
    exports: own.exports,
    triggers: { crons: own.triggers.crons },
    assets: { binding: own.assets?.binding, run_worker_first: own.assets?.run_worker_first },
  });
  expect(config.queues).toMatchObject(own.queues);
});

test("queues are named after the Worker: two platforms share none", () => {
  const config = configOf(settings, "worker.js", "dist/dashboard", { ...choices, name: "staging" });
  expect(queuesOf(config)).toEqual(["staging-events", "staging-events-dlq"]);
});

test("a domain is a route of its own, apps to sync are a variable", () => {
  const more = {
    ...choices,
    domain: "inngest.example.com",
    sdkUrls: ["https://a.example/api/inngest", "https://b.example"],
  };
  expect(configOf(settings, "worker.js", "dist/dashboard", more)).toMatchObject({
    routes: [{ pattern: "inngest.example.com", custom_domain: true }],
    vars: { INNGEST_SDK_URL: "https://a.example/api/inngest,https://b.example" },
  });
});

test("a binding that it does not know is refused by name: a platform without it would not be whole", () => {
  const odd = { ...settings, env: { ...settings.env, CACHE: { type: "kv" } } } as typeof settings;
  expect(() => configOf(odd, "worker.js", "dist/dashboard", choices)).toThrow(
    "CACHE: a binding of type kv cannot be deployed yet",
  );
});
