/** The functions that are measured; the same code runs embedded and behind HTTP. */
import type { Inngest, InngestFunction } from "../src/sdk/index.ts";

/** What a run tells the benchmark; `scope` is chosen by the sender. Times are epoch milliseconds. */
export interface Mark {
  scope: string;
  key: string;
  /** where the measured stretch begins, for functions that measure one */
  fromAt?: number;
  at: number;
}

export type Report = (mark: Mark) => void;

/** Events are named `<client id>/<function id>`, so each transport has its own. */
export function benchFunctions(client: Inngest, report: Report): InngestFunction[] {
  const trigger = (id: string) => ({ event: `${client.id}/${id}` });

  const first = client.createFunction({ id: "first" }, trigger("first"), async ({ event }) => {
    report({ ...tagOf(event.data), at: Date.now() });
  });

  const one = client.createFunction({ id: "one" }, trigger("one"), async ({ event, step }) => {
    await step.run("only", () => 1);
    report({ ...tagOf(event.data), at: Date.now() });
  });

  const limited = client.createFunction(
    { id: "limited", concurrency: { limit: 1, key: "event.data.lane" }, triggers: [trigger("limited")] },
    async ({ event, step }) => {
      await step.run("only", () => 1);
      report({ ...tagOf(event.data), at: Date.now() });
    },
  );

  // times are memoized, so a replay between two steps leaves them as they were
  const steps = client.createFunction({ id: "steps" }, trigger("steps"), async ({ event, step }) => {
    const fromAt = await step.run("step", () => Date.now());
    let at = fromAt;
    for (let i = 1; i < event.data.n; i++) at = await step.run("step", () => Date.now());
    report({ ...tagOf(event.data), fromAt, at });
  });

  const parallel = client.createFunction({ id: "parallel" }, trigger("parallel"), async ({ event, step }) => {
    const fromAt = await step.run("before", () => Date.now());
    await Promise.all(Array.from({ length: event.data.n }, (_, i) => step.run(`branch-${i}`, () => i)));
    const at = await step.run("after", () => Date.now());
    report({ ...tagOf(event.data), fromAt, at });
  });

  const leaf = client.createFunction({ id: "leaf" }, async () => 1);
  const nested: InngestFunction = client.createFunction(
    { id: "nested" },
    trigger("nested"),
    async ({ event, step }) => {
      const { n, ...tag } = event.data;
      const fromAt = await step.run("before", () => Date.now());
      if (n > 1) await step.invoke("down", { function: nested, data: { n: n - 1 } });
      else await step.invoke("down", { function: leaf });
      if (tag.scope === undefined) return; // an inner level
      const at = await step.run("after", () => Date.now());
      report({ ...tagOf(tag), fromAt, at });
    },
  );

  const waiter = client.createFunction({ id: "waiter" }, trigger("waiter"), async ({ event, step }) => {
    await step.waitForEvent("answer", { event: `${client.id}/answer`, match: "data.key", timeout: "1m" });
    report({ ...tagOf(event.data), at: Date.now() });
  });

  return [first, one, limited, steps, parallel, leaf, nested, waiter];
}

function tagOf(data: Record<string, unknown>): { scope: string; key: string } {
  return { scope: String(data.scope), key: String(data.key) };
}
