import { abortAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect } from "vitest";
import type { RunObjectApi } from "../../src/durable-objects/objects.ts";
import { behaviours, type BehaviourHost } from "../contract/behaviours.ts";
import { flowBehaviours } from "../contract/flow-behaviours.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { door } from "./helpers/front-door.ts";

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

const host: BehaviourHost = {
  door,
  apps: { local: localApp, http: httpApp },
  pass: (ms) => scheduler.wait(ms),
  crash: async (interrupted) => {
    await abortAllDurableObjects();
    if (interrupted !== undefined) await poke(interrupted);
  },
};

behaviours(host);
flowBehaviours(host);

/** Sets an alarm that the test runtime dropped with its handler; the platform would repeat it (cloudflare-facts §2.4). */
function poke(runId: string): Promise<unknown> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  return (namespace.getByName(`main/${runId}`) as unknown as RunObjectApi).poke();
}
