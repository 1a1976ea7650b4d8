/** The functions that are measured. The same code runs embedded, in a Worker of its own, and behind HTTP with any client. */

/** What a run tells the benchmark; `scope` is chosen by the sender. Times are epoch milliseconds. */
export interface Mark {
  scope: string;
  key: string;
  /** where the measured stretch begins, for functions that measure one */
  fromAt?: number;
  at: number;
}

export type Report = (mark: Mark) => void;

/** Data of the benchmark's events; each function reads its part. */
interface Data {
  scope?: string;
  key: string;
  n: number;
  lane?: number;
  holdMs: number;
}

interface Input {
  event: { data: Data };
  step: {
    run<T>(id: string, body: () => T | Promise<T>): Promise<T>;
    invoke(id: string, options: { function: unknown; data?: object }): Promise<unknown>;
    waitForEvent(id: string, options: { event: string; match: string; timeout: string }): Promise<unknown>;
  };
}

/** What clients call differently. */
export interface Kit<F> {
  /** id of its client, the first part of its events' names */
  id: string;
  define(options: { id: string; concurrency?: object }, event: string, handler: (input: Input) => Promise<unknown>): F;
}

/** A limit that {@link benchFunctions}' `held` has for each lane. */
export const HELD_LIMIT = 2;

/** @param now epoch milliseconds, as exactly as the runtime knows them */
export function benchFunctions<F>(kit: Kit<F>, report: Report, now: () => number): F[] {
  const define = (id: string, handler: (input: Input) => Promise<unknown>, limit?: number) =>
    kit.define(
      { id, ...(limit !== undefined && { concurrency: { limit, key: "event.data.lane" } }) },
      `${kit.id}/${id}`,
      handler,
    );
  const tell = ({ scope, key }: Data, at: number, fromAt?: number) =>
    report({ scope: String(scope), key: String(key), at, ...(fromAt !== undefined && { fromAt }) });

  const first = define("first", async ({ event }) => tell(event.data, now()));

  const oneStep = async ({ event, step }: Input) => {
    await step.run("only", () => 1);
    tell(event.data, now());
  };
  const one = define("one", oneStep);
  const limited = define("limited", oneStep, 1);

  const held = define(
    "held",
    async ({ event, step }) => {
      const fromAt = await step.run("hold", async () => {
        const since = now();
        await new Promise((resolve) => setTimeout(resolve, event.data.holdMs));
        tell(event.data, now(), since);
        return since;
      });
      return fromAt;
    },
    HELD_LIMIT,
  );

  // times are memoized, so a replay between two steps leaves them as they were
  const steps = define("steps", async ({ event, step }) => {
    const fromAt = await step.run("step-0", now);
    let at = fromAt;
    for (let i = 1; i < event.data.n; i++) at = await step.run(`step-${i}`, now);
    tell(event.data, at, fromAt);
  });

  const parallel = define("parallel", async ({ event, step }) => {
    const fromAt = await step.run("before", now);
    await Promise.all(Array.from({ length: event.data.n }, (_, i) => step.run(`branch-${i}`, () => i)));
    tell(event.data, await step.run("after", now), fromAt);
  });

  const leaf = define("leaf", async () => 1);
  const nested: F = define("nested", async ({ event, step }) => {
    const { n, scope } = event.data;
    const isOutermost = scope !== undefined;
    const fromAt = isOutermost ? await step.run("before", now) : 0;
    await step.invoke("down", n > 1 ? { function: nested, data: { n: n - 1 } } : { function: leaf, data: {} });
    if (isOutermost) tell(event.data, await step.run("after", now), fromAt);
  });

  const waiter = define("waiter", async ({ event, step }) => {
    await step.waitForEvent("answer", { event: `${kit.id}/answer`, match: "data.key", timeout: "2m" });
    tell(event.data, now());
  });

  return [first, one, limited, held, steps, parallel, leaf, nested, waiter];
}
