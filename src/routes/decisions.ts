/** What became of an event at each function that it may start, and why it started nothing (ours). */
import { Hono } from "hono";
import { holderOf } from "../durable-objects/consumer.ts";
import { inTurns } from "../durable-objects/in-turns.ts";
import type { LoggedEvent, Objects, Whereabouts } from "../durable-objects/objects.ts";
import { matches, whyNot, type FalsePart } from "../engine/expression.ts";
import { namedFunction, triggerNames } from "../engine/route.ts";
import { intakeOf, type Intake } from "../flow-control/admit.ts";
import type { RegisteredFunction } from "../protocol/function-config.ts";
import { runIdOf } from "../protocol/ids.ts";
import { DEDUPE_WINDOW_MS, RESEND_AFTER_MS } from "../protocol/limits.ts";
import { envelope } from "./envelope.ts";
import { runsOfEvent, type EventRun } from "./event-runs.ts";
import { findEvent } from "./events.ts";
import { signingKeyGuard, type SettingsSource } from "./guard.ts";
import { iso } from "./iso.ts";
import { eventRunRow } from "./run-rows.ts";

/** An event that is not older may still be on its way. */
const ON_ITS_WAY_MS = 2 * RESEND_AFTER_MS;

/** What is decided of an event: `inferred` where it is concluded, and not read from where it was decided. */
interface Decision {
  decision:
    | "started"
    | "skipped"
    | "collected"
    | "collecting"
    | "replaced"
    | "no_match"
    | "duplicate"
    | "rate_limited"
    | "pending"
    | "unknown";
  /** one sentence, for people */
  why: string;
  inferred: boolean;
  run_id?: string;
  /** how the run stands, or why it was skipped */
  run_status?: string;
  skip_reason?: string;
  /** the event that has the same id */
  event_id?: string;
  /** of the rule that has decided */
  key?: string | null;
  until?: string | null;
  /** triggers of the event's name, and what of their `if` is not so */
  triggers?: { event: string; if: string; false: FalsePart[] }[];
}

export function decisionRoutes(objects: Objects, env: string, settings: SettingsSource): Hono {
  const app = new Hono();
  app.use("/v1/events/:id/decisions", signingKeyGuard(settings));

  app.get("/v1/events/:id/decisions", async (c) => {
    const logged = await findEvent(objects, env, c.req.param("id"));
    c.header("cache-control", "private, max-age=0, must-revalidate"); // polled: a stored answer would be an old one
    return c.json(envelope(await decisionsOf(objects, env, logged, Date.now())));
  });
  return app;
}

async function decisionsOf(objects: Objects, env: string, logged: LoggedEvent, now: number) {
  const { record } = logged;
  const [runs, functions] = await Promise.all([runsOfEvent(objects, env, logged), objects.registry(env).functions()]);
  const names = new Set(triggerNames(record.event.name));
  const named = namedFunction(record);
  const asked = functions.filter((fn) => fn.id === named || fn.triggers.some((trigger) => names.has(trigger.event)));
  const decided = await inTurns(asked, async (fn) => ({
    function_slug: fn.id,
    function_name: fn.name,
    ...(await decisionOf({ objects, env, logged, fn, names, now, runs, isNamed: fn.id === named })),
  }));
  const gone = runs.flatMap((run) => {
    const { functionId } = eventRunRow(run);
    if (asked.some((fn) => fn.id === functionId)) return [];
    return [{ function_slug: functionId, function_name: functionId, ...startedBy(run, record.internalId) }];
  });
  return [...decided, ...gone];
}

interface Question {
  objects: Objects;
  env: string;
  logged: LoggedEvent;
  fn: RegisteredFunction;
  /** trigger names of the event */
  names: ReadonlySet<string>;
  now: number;
  runs: readonly EventRun[];
  /** it is started by the event whatever its triggers */
  isNamed: boolean;
}

/** In the order in which the consumer decides. */
async function decisionOf(question: Question): Promise<Decision> {
  const { objects, env, logged, fn, now, runs, isNamed } = question;
  const { record, receivedAt } = logged;
  const { internalId, userId } = record;
  const found = runs.filter((run) => eventRunRow(run).functionId === fn.id);
  const own = found.find((run) => eventRunRow(run).runId === runIdOf(internalId, fn.id)) ?? found[0];
  if (own) return startedBy(own, internalId);
  if (!isNamed) {
    const missed = missedTriggers(question);
    if (missed) return missed;
  }
  const holder = userId === undefined ? null : await holderOf(objects, env, { functionId: fn.id, userId });
  if (holder !== null && holder !== internalId)
    return {
      decision: "duplicate",
      why: `an event with the id ${JSON.stringify(userId)} has come to this function within 24 hours before; an id starts a function once`,
      inferred: false,
      event_id: holder,
    };
  const intake = intakeOf(fn, record.event, receivedAt, record.functionId !== undefined);
  const held = intake && (await heldBack(objects, env, internalId, intake));
  if (held) return held;
  if (now - receivedAt < ON_ITS_WAY_MS)
    return { decision: "pending", why: "it is on its way to this function", inferred: true };
  const isOld = userId !== undefined && now - receivedAt > DEDUPE_WINDOW_MS;
  return {
    decision: "unknown",
    why: `no run is there: the function, or this trigger of it, may be younger than the event, or its run was deleted after its retention${
      isOld ? `; or another event had the id ${JSON.stringify(userId)}, which is not known after 24 hours` : ""
    }`,
    inferred: true,
  };
}

/** A run of the event, which may have begun with another of those that it was given. */
function startedBy(run: EventRun, internalId: string): Decision {
  const { runId, status } = eventRunRow(run);
  const base = { inferred: false, run_id: runId, run_status: status };
  const state = "summary" in run ? run.summary.run.state : null;
  if (status === "Skipped") {
    const rule = state?.kind === "skipped" ? state.refusal.rule : null;
    return {
      ...base,
      decision: "skipped",
      why: rule === "pause" ? "the function was paused" : `its run was not let in${rule === null ? "" : `: ${rule}`}`,
      ...(rule === null ? {} : { skip_reason: rule }),
    };
  }
  const events = "summary" in run ? run.summary.run.eventIds : [internalId];
  if (events.length > 1)
    return { ...base, decision: "collected", why: `it is one of the ${events.length} events of a run` };
  return { ...base, decision: "started", why: "it has started a run" };
}

/** Null when one of the triggers is met. */
function missedTriggers({ logged: { record, receivedAt }, fn, names }: Question): Decision | null {
  const vars = { event: { ...record.event }, now: receivedAt };
  const listening = fn.triggers.filter(({ event }) => names.has(event));
  const missed: { event: string; if: string; false: FalsePart[] }[] = [];
  for (const { event, expression } of listening) {
    if (!expression || isTrue(expression, vars)) return null;
    missed.push({ event, if: expression, false: partsOf(expression, vars) });
  }
  const parts = missed.flatMap((trigger) => trigger.false.map(({ source }) => `\`${source}\``));
  return {
    decision: "no_match",
    why: parts.length === 0 ? "its trigger asks for something else" : `it is not so that ${parts.join(", nor that ")}`,
    inferred: true, // asked again of the triggers of today
    triggers: missed,
  };
}

type Vars = Parameters<typeof whyNot>[1];

function isTrue(source: string, vars: Vars): boolean {
  try {
    return matches(source, vars);
  } catch {
    return false; // one that an older version accepted
  }
}

function partsOf(source: string, vars: Vars): FalsePart[] {
  try {
    return whyNot(source, vars);
  } catch (error) {
    return [{ source, values: {}, error: error instanceof Error ? error.message : String(error) }];
  }
}

/** What stands before there is a run: null when nothing of it has the event. */
async function heldBack(objects: Objects, env: string, internalId: string, intake: Intake): Promise<Decision | null> {
  const { batch, rateLimit, debounce } = intake;
  if (rateLimit && (await objects.rateLimit(env, rateLimit.object).decided(internalId)) === false)
    return {
      decision: "rate_limited",
      why: `more than ${rateLimit.policy.limit} came within its period${rateLimit.key === null ? "" : ` for the key ${JSON.stringify(rateLimit.key)}`}; what is over the rate is dropped`,
      inferred: false,
      key: rateLimit.key,
    };
  const collector = batch ?? debounce;
  if (!collector) return null;
  const place = await objects.collector(env, collector.object).whereabouts(internalId);
  return collectedAt(place, collector.key, batch ? "batch" : "debounce");
}

function collectedAt(place: Whereabouts, key: string | null, rule: "batch" | "debounce"): Decision | null {
  switch (place.kind) {
    case "collecting":
      return {
        decision: "collecting",
        why: `its ${rule} collects still: ${place.count} ${place.count === 1 ? "event" : "events"} so far`,
        inferred: false,
        key,
        until: place.dueAt === null ? null : iso(place.dueAt),
      };
    case "starting":
      return { decision: "collected", why: "its run is about to start", inferred: false, key, run_id: place.runId };
    case "gone":
      return rule === "debounce"
        ? { decision: "replaced", why: "a later event of the debounce took its place", inferred: true, key }
        : { decision: "collected", why: "it was in a batch whose run is not found any more", inferred: true, key };
    case "unknown":
      return null;
  }
}
