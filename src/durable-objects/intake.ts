/** The rules that an event meets before there is a run (`flow-control/admit.ts`), each key an object of its own. */
import { intakeOf, type Intake } from "../flow-control/admit.ts";
import type { DebouncePolicy, BatchPolicy } from "../protocol/flow-control.ts";
import { groupBy } from "../protocol/group-by.ts";
import { byteLength, type JsonObject } from "../protocol/json.ts";
import { skippedError } from "../protocol/wire-error.ts";
import { inParts } from "./in-parts.ts";
import type { CollectedEvent, LoggedEvent, Objects, StartRequest } from "./objects.ts";

/** A quarter of what one RPC may carry (cloudflare-facts §4.3). */
const COLLECT_MAX_BYTES = 8 * 1024 * 1024;

/** Does something with each of a list, some at a time. */
export type Each = <T>(items: readonly T[], task: (item: T) => Promise<unknown>) => Promise<void>;

interface Arrival {
  start: StartRequest;
  logged: LoggedEvent;
  intake: Intake;
}

/**
 * Hands over what is batched or debounced, drops what is over its rate, and answers with what starts now. Every object knows
 * an event that it has seen, so a redelivery is decided the same.
 *
 * @param starts in the order in which their events came; a key sees them in that order
 */
export async function takeIn(
  objects: Objects,
  env: string,
  starts: readonly StartRequest[],
  each: Each,
): Promise<readonly StartRequest[]> {
  if (starts.every(({ fn }) => !fn.flow)) return starts;
  const arrivals = starts.flatMap((start) => arrivalOf(start) ?? []);
  const isGone = new Set<StartRequest>();
  const collect = (list: Arrival[], rule: "batch" | "debounce") => {
    for (const { start } of list) isGone.add(start);
    return each([...groupBy(list, ({ intake }) => intake[rule]?.object ?? "")], ([object, group]) =>
      collectAll(objects, env, object, group, rule),
    );
  };
  await collect(
    arrivals.filter(({ intake }) => intake.batch),
    "batch",
  );
  const limited = arrivals.filter(({ intake }) => intake.rateLimit);
  await each([...groupBy(limited, ({ intake }) => intake.rateLimit?.object ?? "")], async ([object, group]) => {
    for (const one of await dropped(objects, env, object, group)) isGone.add(one.start);
  });
  await collect(
    arrivals.filter(({ intake, start }) => intake.debounce && !isGone.has(start)),
    "debounce",
  );
  return starts.filter((start) => !isGone.has(start));
}

/** Keys are evaluated at the instant of the event's receipt: a redelivery comes to the same ones. */
function arrivalOf(start: StartRequest): Arrival | null {
  const [logged] = start.events;
  if (!logged || !start.fn.flow) return null;
  const { record, receivedAt } = logged;
  const intake = intakeOf(start.fn, record.event, receivedAt, record.functionId !== undefined);
  return intake && { start, logged, intake };
}

async function collectAll(
  objects: Objects,
  env: string,
  object: string,
  arrivals: Arrival[],
  rule: "batch" | "debounce",
): Promise<void> {
  const [first] = arrivals;
  const policy: BatchPolicy | DebouncePolicy | undefined = first?.intake[rule]?.policy;
  if (!first || !policy) return;
  const functionId = first.start.fn.id;
  for (const part of inParts(arrivals, bytesOf, COLLECT_MAX_BYTES))
    await objects.collector(env, object).collect({ env, functionId, policy, events: part.map(collected) });
}

function collected({ logged, start }: Arrival): CollectedEvent {
  const [invoker] = start.invokers ?? [];
  return { logged, ...(invoker ? { invoker } : {}) };
}

function bytesOf({ logged }: Arrival): number {
  return byteLength(JSON.stringify(logged.record));
}

/** Asks one key for all its events; steps that wait for what it drops are told. */
async function dropped(objects: Objects, env: string, object: string, arrivals: Arrival[]): Promise<Arrival[]> {
  const policy = arrivals[0]?.intake.rateLimit?.policy;
  if (!policy) return [];
  const ids = arrivals.map(({ logged }) => logged.record.internalId);
  const isLetIn = await objects.rateLimit(env, object).take(policy, ids);
  const out = arrivals.filter((_, index) => !isLetIn[index]);
  for (const { start } of out)
    for (const { runId, stepId } of start.invokers ?? [])
      await objects
        .run(env, runId)
        .calleeEnded(stepId, { error: skippedError(start.fn.id, "rate limit") as JsonObject });
  return out;
}
