import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Turns } from "../../src/sdk/turns.ts";

const CHAIN = 10_000;

/** How many links of a chain of continuations have run after one turn. */
async function drained(turns: Turns, mayBeBrief = false): Promise<number> {
  let links = 0;
  const link = (): void => {
    links += 1;
    if (links < CHAIN) void Promise.resolve().then(link);
  };
  void Promise.resolve().then(link);
  await turns.next(mayBeBrief);
  return links;
}

it("[G8] a turn ends when every continuation that was ready has run, in a request and in an object", async () => {
  const turns = new Turns();
  for (let times = 0; times < 3; times++) expect(await drained(turns)).toBe(CHAIN);
  turns.close();
  const namespace: DurableObjectNamespace = Reflect.get(env, "RegistryDO");
  const inObject = () => drained(new Turns());
  expect(await runInDurableObject(namespace.getByName("main/turns"), inObject)).toBe(CHAIN);
});

it("a turn that may be brief outlasts what functions usually do between two steps", async () => {
  const turns = new Turns();
  expect(await drained(turns, true)).toBeGreaterThan(200);
  turns.close();
});
