/** A worker that dials in while the platform is killed under it, as a power cut would: processes, disks and sockets are real. */
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { connect } from "../../src/connect/index.ts";
import { deferred } from "../../src/protocol/deferred.ts";
import { Inngest } from "../../src/sdk/index.ts";
import { frontDoor } from "../helpers/front-door.ts";
import { freePort, spawnPlatform } from "../helpers/platform-process.ts";
import { makeStateDir } from "../helpers/state-dir.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const stateDir = makeStateDir("connect");
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

test("[G2, G3] a platform that is killed in the midst of calls finds its workers again, and takes what they have done", async () => {
  const port = await freePort();
  let platform = await spawnPlatform({ port, stateDir });
  const client = new Inngest({ id: "dial", isDev: true, baseUrl: platform.url, logger: silent });
  const gate = deferred();
  const bodies: string[] = [];
  const work = client.createFunction({ id: "work", triggers: [{ event: "dial/work" }] }, async ({ event, step }) => {
    const { n } = event.data as { n: number };
    const body = (id: string, result: () => number | Promise<number>) =>
      step.run(id, () => {
        bodies.push(`${id} of ${n}`);
        return result();
      });
    const before = await body("before", () => n);
    const held = await body("held", () => gate.promise.then(() => before + 1));
    return body("after", () => held + 1);
  });
  const worker = await connect({ apps: [{ client, functions: [work] }], handleShutdownSignals: [] });
  try {
    const door = frontDoor({
      fetch: (request) => fetch(request.url.replace("http://localhost", platform.url), request),
      meanwhile: async ({ since, withinMs }) => {
        if (performance.now() - since > withinMs) throw new Error(`not within ${withinMs} ms`);
        await delay(50);
      },
    });
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    const { ids } = await client.send(numbers.map((n) => ({ name: "dial/work", data: { n } })));
    await door.until(
      async () => bodies.filter((one) => one.startsWith("held")).length === 10,
      "all steps to be held",
      60_000,
    );
    const lost = worker.connectionId;
    await platform.killGroup();
    gate.resolve(); // what they return now has nowhere to go
    platform = await spawnPlatform({ port, stateDir });
    await door.until(
      async () => worker.state === "ACTIVE" && worker.connectionId !== lost,
      "the worker to be back",
      60_000,
    );
    for (const [n, id] of ids.entries()) expect(await door.outputOf(id, 60_000)).toBe(n + 2);
    const expected = numbers.flatMap((n) => [`before of ${n}`, `held of ${n}`, `after of ${n}`]);
    expect(bodies.toSorted()).toEqual(expected.toSorted()); // each once
  } finally {
    await worker.close();
    await platform.stop();
  }
}, 120_000);
