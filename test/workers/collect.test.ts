/** Rate limit, debounce and batch in workerd, through the front door and the queue (features §3.5–§3.7). */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/flow-control/key.ts";
import { outputOf, runsOf, runWhen, send, sendAll, until } from "./helpers/front-door.ts";

const numbered = (name: string, count: number, data: object) =>
  Array.from({ length: count }, (_, n) => ({ name, data: { n, ...data } }));

/** What is in the outputs: the number of each event, and how large it was. */
const small = (...list: number[]) => list.map((n) => [n, 2]);

/** How many events a key of the batch has stored. */
function collected(key: string): Promise<number> {
  const { hash } = keyOf("event.data.key", { id: "", name: "", data: { key }, user: {}, ts: 0 }, 0);
  const namespace: DurableObjectNamespace = Reflect.get(env, "ConcurrencyDO");
  return runInDurableObject(namespace.getByName(`main/batch/local-batch/${hash}`), (_, { storage }) => {
    const exists = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'item'").toArray().length > 0;
    return exists ? Number(storage.sql.exec("SELECT count(*) AS n FROM item WHERE list = 'event'").one().n) : 0;
  });
}

describe("[§3.7] a batch", () => {
  it("starts when it is full, and what is left at its timeout; the first event leads to the run", async () => {
    const ids = await sendAll(numbered("collect/batch", 5, { key: crypto.randomUUID() }));
    expect(await outputOf(ids[0]!)).toEqual(small(0, 1, 2));
    expect(await outputOf(ids[3]!)).toEqual(small(3, 4));
  });

  it("has events of megabytes, which are whole again in its run", async () => {
    const [key, blob] = [crypto.randomUUID(), "é".repeat(1_400_000)]; // of two bytes each
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push(await send({ name: "collect/batch", data: { n, key, blob } }));
    const outputs = await until(async () => {
      const runs = new Map((await Promise.all(ids.map((id) => runsOf(id)))).flat().map((run) => [run.run_id, run]));
      const events = [...runs.values()].flatMap((run) => run.output ?? []);
      return events.length === 3 && events;
    }, "all three events in runs");
    expect(outputs.toSorted((a, b) => a[0] - b[0])).toEqual([0, 1, 2].map((n) => [n, blob.length + 2]));
  });

  it("[§2.4] gives its result to all steps that invoked one of its events", async () => {
    const key = crypto.randomUUID();
    const ids = await sendAll(numbered("collect/ask", 3, { key, of: "batch" }));
    const outputs = await Promise.all(ids.map((id) => outputOf(id)));
    expect(outputs[0].toSorted()).toEqual(small(0, 1, 2));
    expect(outputs).toEqual([outputs[0], outputs[0], outputs[0]]);
  });

  it("starts although every object has lost its memory since the events came", async () => {
    const key = crypto.randomUUID();
    const [id] = await sendAll(numbered("collect/batch", 2, { key }));
    await until(async () => (await collected(key)) === 2, "the events to be collected");
    await abortAllDurableObjects();
    expect(await outputOf(id!)).toEqual(small(0, 1));
  });
});

describe("[§3.6] a debounce", () => {
  it("starts one run, with the last event, and tells a step whose event gave way", async () => {
    const key = crypto.randomUUID();
    const asked = await send({ name: "collect/ask", data: { n: 0, key, of: "calm" } });
    await runWhen(asked, ({ waiting_for }) => waiting_for[0]?.kind === "invoking", "to invoke");
    const ids = await sendAll(numbered("collect/debounce", 3, { key })); // of a later ts, whichever comes first
    expect(await outputOf(asked)).toBe("FunctionSkippedError");
    expect(await outputOf(ids[2]!)).toEqual(small(2));
    expect((await Promise.all([runsOf(ids[0]!), runsOf(ids[1]!)])).flat()).toEqual([]);
  });
});

describe("[§3.5] a rate limit", () => {
  it("drops what is too much; a step whose event is dropped fails at once", async () => {
    const key = crypto.randomUUID();
    const ids = await sendAll(numbered("collect/limit", 4, { key }));
    expect(await outputOf(ids[0]!)).toEqual(small(0));
    expect(await outputOf(ids[1]!)).toEqual(small(1));
    const asked = await send({ name: "collect/ask", data: { n: 4, key, of: "few" } });
    expect(await outputOf(asked)).toBe("FunctionSkippedError");
    expect((await Promise.all([runsOf(ids[2]!), runsOf(ids[3]!)])).flat()).toEqual([]);
  });
});
