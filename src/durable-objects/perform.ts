/** Effects → the outside. Each may be performed twice: every receiver knows an effect it has seen (G6). */
import { internalEvents, type EventRecord } from "../protocol/event.ts";
import type { Memo } from "../protocol/call.ts";
import { derivedUlid } from "../protocol/ids.ts";
import { commonSessions } from "../protocol/sessions.ts";
import type { Effect, EndEffect, Run } from "../engine/run.ts";
import { deferRecord, readDefer } from "../engine/run-defers.ts";
import { acceptRecords } from "./accept.ts";
import type { Host } from "./host.ts";
import type { LoggedEvent, RouteTable } from "./objects.ts";
import { tellEnd, watchName } from "./run-watch.ts";
import type { RunStore } from "./storage/stores.ts";

export type EffectOutcome =
  | { kind: "done" }
  | { kind: "subscribed"; stepId: string; found: LoggedEvent[] }
  /** another run waits for the signal */
  | { kind: "conflicted"; stepId: string }
  /** the effect itself answers a step, such as an invoke of an unknown function */
  | { kind: "answered"; stepId: string; memo: Memo };

export async function performEffect(
  effect: Effect | EndEffect,
  run: Run,
  events: EventRecord[],
  host: Host,
  stored: Pick<RunStore, "extra">,
): Promise<EffectOutcome> {
  const { objects } = host;
  switch (effect.kind) {
    case "subscribe": {
      const { stepId, wait, since, until } = effect;
      const subscription = { runId: run.id, stepId, wait, since, until };
      const replies = await Promise.all(
        effect.events.map((name) => objects.waits(run.env, name).subscribe(subscription)),
      );
      const found = replies.flatMap((reply) => reply.found).sort((a, b) => a.receivedAt - b.receivedAt);
      return { kind: "subscribed", stepId, found };
    }
    case "unsubscribe":
      await Promise.all(effect.events.map((name) => objects.waits(run.env, name).unsubscribe(run.id, effect.stepId)));
      return { kind: "done" };
    case "subscribe-signal": {
      const { stepId, until, signal } = effect;
      const { kind } = await objects
        .signal(run.env, signal.name)
        .wait({ runId: run.id, stepId, until }, signal.conflict);
      return kind === "conflict" ? { kind: "conflicted", stepId } : { kind: "subscribed", stepId, found: [] };
    }
    case "unsubscribe-signal":
      await objects.signal(run.env, effect.signal).withdraw(run.id, effect.stepId);
      return { kind: "done" };
    case "invoke": {
      const known = await objects.registry(run.env).function(effect.functionId);
      if (!known) {
        const message = `could not find function with ID: ${effect.functionId}`;
        return {
          kind: "answered",
          stepId: effect.stepId,
          memo: { error: { name: "Error", code: "function_missing", message } },
        };
      }
      await acceptRecords(objects, run.env, [effect.record], host.now());
      return { kind: "done" };
    }
    case "cancel-callee": {
      const { kind } = await objects.run(run.env, effect.runId).cancel(effect.reason, true);
      if (kind === "unknown" && host.now() < effect.until)
        throw new Error(`run ${effect.runId}, which is to be cancelled with run ${run.id}, has not been started yet`);
      return { kind: "done" };
    }
    case "resume":
      await objects.run(run.env, effect.invoker.runId).calleeEnded(effect.invoker.stepId, effect.memo);
      return { kind: "done" };
    case "start-deferred":
      for (const id of effect.ids) {
        const defer = stored.extra("defer", id);
        if (defer) await acceptRecords(objects, run.env, [deferRecord(run, readDefer(defer), effect.at)], host.now());
      }
      return { kind: "done" };
    case "announce":
      await announce(effect, run, events, host);
      return { kind: "done" };
  }
}

/** Lifecycle events exist only when somebody listens; otherwise the API tells the same from the run (design §2). */
async function announce(
  effect: Extract<EndEffect, { kind: "announce" }>,
  run: Run,
  events: EventRecord[],
  host: Host,
): Promise<void> {
  const watch = watchName(run.id);
  const listeners = await host.objects.registry(run.env).route([...effect.names, watch], []);
  await sendLifecycle(effect, run, events, host, listeners);
  if (listeners.waited.includes(watch)) await tellEnd(host.objects, run); // last: what fails here holds up nothing
}

async function sendLifecycle(
  effect: Extract<EndEffect, { kind: "announce" }>,
  run: Run,
  events: EventRecord[],
  host: Host,
  { functions, waited }: RouteTable,
): Promise<void> {
  const listened = effect.names.filter(
    (name) =>
      waited.includes(name) || functions.some((fn) => fn.triggers.some((trigger) => listensTo(trigger.event, name))),
  );
  if (listened.length === 0) return;
  const all = events.map((record) => record.event as unknown as Memo);
  const sessions = commonSessions(events.map((record) => record.event));
  const records = listened.map((name): EventRecord => {
    const internalId = derivedUlid(effect.at, `announce\0${name}\0${run.id}`);
    const isEnd = name !== internalEvents.finished;
    return {
      internalId,
      event: {
        id: isEnd ? run.id : internalId,
        name,
        data: { ...effect.data, event: all[0] ?? null, events: all },
        user: {},
        ts: effect.at,
        ...(sessions === undefined ? {} : { meta: { sessions } }),
      },
    };
  });
  for (const record of records) await acceptRecords(host.objects, run.env, [record], host.now());
}

/** Whether a trigger name could mean this event name; the router decides exactly. */
function listensTo(trigger: string, name: string): boolean {
  return trigger === name || trigger.endsWith("*");
}
