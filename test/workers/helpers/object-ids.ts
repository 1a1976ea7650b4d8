import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";

const CLASSES = ["StepDO", "EventDO", "ConcurrencyDO", "RegistryDO", "HistoryDO", "ChannelDO", "ConnectDO"] as const;

/** Every object that exists, sorted. The bindings are the test's own (vitest.config.ts). */
export async function objectIds(): Promise<string[]> {
  const namespaces: DurableObjectNamespace[] = CLASSES.map((name) => Reflect.get(env, name));
  const ids = (await Promise.all(namespaces.map((namespace) => listDurableObjectIds(namespace)))).flat();
  expect(ids.length).toBeGreaterThan(0); // else a "nothing new" would say nothing
  return ids.map(String).sort();
}
