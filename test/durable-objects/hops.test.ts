/** What flow control and waits cost in commits: each is a write to disk that somebody waits for. */
import { describe, expect, test } from "vitest";
import { Inngest } from "../../src/sdk/index.ts";
import type { ObjectKind } from "../../src/testing/host/faults.ts";
import { noFaults } from "../../src/testing/host/faults.ts";
import { createTestPlatform } from "../../src/testing/platform.ts";
import { silent } from "../helpers/simulated-platform.ts";

interface Commit {
  kind: ObjectKind;
  name: string;
}

/** A platform with one function, and all that its objects commit. */
function counted(config: object, handler: Parameters<Inngest["createFunction"]>[1]) {
  const commits: Commit[] = [];
  const client = new Inngest({ id: "mem", logger: silent });
  const fn = client.createFunction({ id: "work", triggers: [{ event: "work" }], ...config }, handler);
  const platform = createTestPlatform({
    functions: [fn],
    client,
    simulation: {
      faults: noFaults,
      choose: () => 0,
      reply: () => null,
      committed: (kind, name) => void commits.push({ kind, name }),
      ended: () => undefined,
      accepted: () => undefined,
    },
  });
  const count = (kind: ObjectKind, name?: string) =>
    commits.filter((commit) => commit.kind === kind && (name === undefined || commit.name === name)).length;
  return { platform, commits, count };
}

const works = (count: number) => Array.from({ length: count }, (_, n) => ({ name: "work", data: { n } }));

describe("a run that waits in a line for less than a second", () => {
  const oneStep = ({ step }: { step: { run: (id: string, body: () => string) => Promise<string> } }) =>
    step.run("do", () => "done");

  test("costs its key two commits, itself one beside that which clears its alarm, and lists nothing", async () => {
    const free = counted({}, oneStep);
    await free.platform.send(works(10));
    const limited = counted({ concurrency: { limit: 1 } }, oneStep);
    await limited.platform.send(works(10));
    expect(limited.platform.runs().map((run) => run.status)).toEqual(Array(10).fill("Completed"));
    expect(limited.count("key")).toBe(2 * 10);
    expect(limited.count("run") - free.count("run")).toBe(2 * 10);
    expect(limited.count("log")).toBe(free.count("log"));
  });

  test("stores its place, and is listed, when that lasts", async () => {
    const { platform, count } = counted({ concurrency: { limit: 1, mode: "run" } }, ({ step }) =>
      step.sleep("s", "1h"),
    );
    await platform.send(works(2));
    const [listed, stored] = [count("log"), count("run")];
    await platform.clock.advance("999ms");
    expect([count("log"), count("run")]).toEqual([listed, stored]);
    await platform.clock.advance("1ms");
    expect([count("log"), count("run")]).toEqual([listed + 1, stored + 1]);
    await platform.clock.advance("1d");
    expect(platform.runs().map((run) => run.status)).toEqual(["Completed", "Completed"]);
  });
});

test("events that come together answer their waits at the same time, and are forgotten in one commit", async () => {
  const { platform, commits, count } = counted({}, async ({ event, step }) =>
    step.waitForEvent("paid", {
      event: "paid",
      timeout: "1d",
      if: `async.data.n == ${(event.data as { n: number }).n}`,
    }),
  );
  await platform.send(works(60));
  const before = count("waits");
  commits.length = 0;
  await platform.send(Array.from({ length: 60 }, (_, n) => ({ name: "paid", data: { n } })));
  expect(platform.runs().map((run) => run.status)).toEqual(Array(60).fill("Completed"));
  expect(before).toBe(60);
  expect(count("waits", "paid")).toBe(1);
});
