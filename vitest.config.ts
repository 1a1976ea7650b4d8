import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { kCurrentWorker } from "miniflare";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { answerAsApp } from "./test/helpers/served-app.ts";

const LONG = [
  ...["http", "binding", "local"].map((transport) => `test/workers/behaviours-${transport}.test.ts`),
  "test/workers/random-workflows.test.ts",
];

/** Begins with the files that take longest: a fresh clone knows no durations, and one would be left alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/**
 * `unit` runs pure rules in Node; `workers` runs the objects in workerd; `simulation` plays the engine with faults.
 * End-to-end suites: vitest.e2e.config.ts.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // runs that a test lets fail, and what fixtures log
    onConsoleLog: (log) => !/^(?:run \S+ of ".*" failed |logged by )/.test(log),
    // what abortAllDurableObjects, a crash that a test injects, leaves behind in workerd
    onUnhandledError: (error) =>
      "durableObjectReset" in error && error.durableObjectReset === true ? false : undefined,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "test/workers/**",
            "test/e2e/**",
            "test/long/**",
            "test/frameworks/**",
            "test/interop/**",
            "test/browser/**",
            "test/packaging/**",
            "test/simulation/**",
          ],
          environment: "node",
        },
      },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], environment: "node" } },
      {
        plugins: [
          cloudflareTest({
            main: "./test/fixtures/embedded-worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: { INNGEST_DEV: "1" },
              serviceBindings: { BOUND: { name: kCurrentWorker, entrypoint: "BoundFunctions" } },
              // the code reaches its objects without bindings, `listDurableObjectIds` does not
              durableObjects: Object.fromEntries(
                ["StepDO", "EventDO", "ConcurrencyDO", "RegistryDO", "HistoryDO", "ChannelDO", "ConnectDO"].map(
                  (name) => [name, { className: name, useSQLite: true }],
                ),
              ),
              // calls to apps end here, in the same functions served over the protocol
              outboundService: answerAsApp,
            },
          }),
        ],
        test: { name: "workers", include: ["test/workers/**/*.test.ts"], testTimeout: 30_000 },
      },
    ],
  },
});
