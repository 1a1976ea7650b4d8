import { abortAllDurableObjects } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { carryMail, httpApp, localApp, registerHttpApp } from "./helpers/fixture-app.ts";
import { ended, outputOf, readRun, runWhen, send, until } from "./helpers/front-door.ts";
import { encryptionMiddleware } from "../../src/middleware/encryption.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { bindSender } from "../../src/sdk/sender.ts";

let mail: ReturnType<typeof carryMail>;
beforeAll(async () => {
  expect(await registerHttpApp()).toMatchObject({ status: 200 });
  mail = carryMail();
});
afterAll(() => mail.stop());

/** An event as an app with this key sends it. */
async function sealed(transport: string, event: { name: string; data: object }) {
  const client = new Inngest({
    id: "sender",
    middleware: [encryptionMiddleware({ key: `${transport}: a key of the tests` })],
  });
  let sent: { name: string; data?: object } | undefined;
  bindSender(client, async ([first]) => ((sent = first), { ids: ["1"] }));
  await client.send(event);
  if (!sent) throw new Error("nothing was sent");
  return sent;
}

describe.each(["local", "http"] as const)("middleware over %s:", (transport) => {
  const app = transport === "local" ? localApp : httpApp;
  const start = async (name: string) => {
    const key = crypto.randomUUID();
    return { key, id: await send({ name: `${transport}/${name}`, data: { key } }) };
  };

  it("[§1.7] hooks that wait change context, steps and results; ambient tools, group, env and waitUntil are there", async () => {
    const { key, id } = await start("marked");
    const run = await ended(id);
    expect(run, JSON.stringify(run.error ?? run.waiting_for)).toMatchObject({ status: "Completed" });
    expect(run.output).toEqual({
      added: "added",
      a: "a",
      pair: ["b", "b1"],
      winner: "c",
      grouped: "d",
      failure: "boom",
      env: transport === "local", // the served app runs in Node
    });
    expect(run.steps.map((step) => step.id).slice(0, 4)).toEqual(["prepended", "a", "b", "b"]);
    expect(run.steps.find((step) => step.id === "a")?.output).toEqual({ stored: "a" });
    await until(async () => (await app.counted(`${key}.waited`)) > 0, "waitUntil's promise");
    const counts = ["prepended", "run-start", "run-complete", "step-error", "step-error-final"];
    expect(await Promise.all(counts.map((what) => app.counted(`${key}.${what}`)))).toEqual([1, 1, 1, 2, 1]);
  });

  it("the object form of version 3 seals what is stored and opens what is read", async () => {
    const { id } = await start("old");
    expect(await outputOf(id)).toEqual({ old: true, a: { n: 1 }, b: 2 });
    expect((await ended(id)).steps[0]?.output).toEqual({ sealed: { n: 1 } });
  });

  it("encrypted: events, steps, waits, invocations and results, also after every object has died", async () => {
    const key = crypto.randomUUID();
    const event = await sealed(transport, {
      name: `${transport}/sealed`,
      data: { key, encrypted: { at: "secret event" } },
    });
    const id = await send(event);
    const { run_id } = await runWhen(id, (run) => run.waiting_for.some((why) => why.kind === "waiting"), "the wait");
    await abortAllDurableObjects();
    await send({ name: `${transport}/sealed/ask`, data: { key } });
    const run = await ended(id);
    expect(run, JSON.stringify(run.error ?? run.waiting_for)).toMatchObject({
      status: "Completed",
      output: { __ENCRYPTED__: true },
    });
    expect(await app.counted(`${key}.readable`)).toBe(1);
    const whole = JSON.stringify(await readRun(run_id));
    expect(whole).not.toContain("secret");
    expect(whole).toContain("readable");
  });
});
