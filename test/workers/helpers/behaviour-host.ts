/** The Worker under test as a host of behaviours, over one transport: a file each, so that they run beside each other. */
import { abortAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect } from "vitest";
import type { RunObjectApi } from "../../../src/durable-objects/objects.ts";
import { behaviours, type BehaviourHost, type Transport } from "../../contract/behaviours.ts";
import { flowBehaviours } from "../../contract/flow-behaviours.ts";
import { carryMail, httpApp, localApp, registerHttpApp } from "./fixture-app.ts";
import { door } from "./front-door.ts";

export function behavioursOver(transport: Transport): void {
  let mail: ReturnType<typeof carryMail>;
  beforeAll(async () => {
    expect(await registerHttpApp()).toMatchObject({ status: 200 });
    mail = carryMail();
  });
  afterAll(() => mail.stop());

  const host: BehaviourHost = {
    door,
    transports: [transport],
    isConcurrent: true,
    apps: { local: localApp, binding: localApp, http: httpApp }, // what counts for the bound app is in this process, too
    pass: (ms) => scheduler.wait(ms),
    crash: async (interrupted) => {
      await abortAllDurableObjects();
      if (interrupted !== undefined) await poke(interrupted);
    },
  };
  behaviours(host);
  flowBehaviours(host);
}

/** Sets an alarm that the test runtime dropped with its handler; the platform would repeat it (cloudflare-facts §2.4). */
function poke(runId: string): Promise<unknown> {
  const namespace: DurableObjectNamespace = Reflect.get(env, "StepDO");
  return (namespace.getByName(`main/${runId}`) as unknown as RunObjectApi).poke();
}
