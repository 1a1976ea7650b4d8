/** The in-memory host as the driver of random workflows needs it. */
import { ENV } from "../../src/testing/host/world.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";
import type { TestPlatformOptions } from "../../src/testing/platform-options.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { runView } from "../../src/routes/run-view.ts";
import { workflowFunctions } from "../fixtures/random-workflow.ts";
import type { WorkflowHost } from "./workflow-driver.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export const MEMORY_APP = "local";

export function memoryHost(options: Partial<TestPlatformOptions> = {}): WorkflowHost {
  const client = new Inngest({ id: MEMORY_APP, logger: silent });
  const platform = createTestPlatform({ functions: workflowFunctions(client), ...options });
  return {
    send: async (event) => (await platform.send(event)).ids[0]!,
    read: (runId) =>
      platform.world.invoke(async (objects) => {
        const run = objects.run(ENV, runId);
        const summary = await run.summary();
        return summary && runView({ ...summary, ...(await run.journal(0)) });
      }),
    advance: async (runId, ms) => {
      await platform
        .runs()
        .find(({ id }) => id === runId)!
        .advance(ms);
    },
    now: () => platform.clock.now(),
    // whatever it was asked it has come to rest
    pause: (_looks, state) => Promise.reject(new Error(`not at rest: ${state()}\n${platform.timeline()}`)),
  };
}
