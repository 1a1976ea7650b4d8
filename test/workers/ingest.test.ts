/** Requests that come at the same time share what it takes to accept them. */
import { beforeAll, describe, expect, it } from "vitest";
import { meter } from "../../src/durable-objects/meter.ts";
import { ended, post } from "./helpers/front-door.ts";

/** Ids of one log, so that requests meet there. */
function seed(): string {
  const entropy = crypto.getRandomValues(new Uint8Array(10)).with(0, 0);
  return `${Date.now()},${btoa(String.fromCharCode(...entropy))}`;
}

const send = (n: number) => post("/e/key", { name: "local/loop", data: { key: crypto.randomUUID(), n } }, { "x-inngest-event-id-seed": seed() }); // oxfmt-ignore

beforeAll(async () => void (await send(1)), 60_000); // the log exists from here on

describe("[G1] requests at the same time", () => {
  it("are accepted with fewer messages than there are of them, and each starts its run", async () => {
    const before = meter.queueMessages;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => send(n % 3)));
    expect(meter.queueMessages - before).toBeLessThan(20);
    const ids = answers.map(({ body }) => body.ids[0] as string);
    expect(new Set(ids).size).toBe(20);
    for (const [n, id] of ids.entries())
      expect(await ended(id)).toMatchObject({ status: "Completed", output: [0, 0, 1][n % 3] });
  });
});
