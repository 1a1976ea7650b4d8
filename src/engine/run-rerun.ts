/** Rules of a run that repeats another from one of its steps on: what it has from that one, and what runs anew. */
import { byteLength, type JsonValue } from "../protocol/json.ts";
import type { Entry, Extra, RerunStep, Run } from "./run.ts";

/** From where on a run is repeated. */
export interface FromStep {
  /** id or hash */
  step: string;
  /** the arguments that the step's code gets, in the place of its own */
  input?: JsonValue[];
}

/** What a repeated run has from the one before it, or why there can be none. */
export type CarriedOver =
  | { kind: "carried"; step: Entry; entries: Entry[] }
  | { kind: "refused"; why: "unknown" | "ambiguous" | "input"; message: string };

/**
 * Results of the steps that had ended before a step did; of one that has not ended, those of all that have. What begins
 * because of a step settles after it, so nothing of that is among them.
 *
 * @param entries the whole journal of the run that is repeated
 */
export function carryOver(
  runId: string,
  entries: readonly Entry[],
  { step: named, input }: FromStep,
  now: number,
): CarriedOver {
  const byHash = entries.filter(({ id }) => id === named);
  const found = byHash.length > 0 ? byHash : entries.filter(({ userId }) => userId === named);
  const [step, ...others] = found;
  const shown = JSON.stringify(named.slice(0, 200));
  if (!step) return refused("unknown", `run ${runId} has no step ${shown}`);
  if (others.length > 0)
    return refused(
      "ambiguous",
      `run ${runId} has ${found.length} steps ${shown}; name one by its hash: ${found
        .slice(0, 10)
        .map(({ id }) => id)
        .join(", ")}`,
    );
  if (input !== undefined && !takesInput(step))
    return refused(
      "input",
      `step ${shown} is ${step.type}, which takes no other input: only code that a step runs does`,
    );
  const before = step.status.kind === "settled" ? step.position : Number.POSITIVE_INFINITY;
  const ended = entries.filter(({ position, status }) => status.kind === "settled" && position < before);
  const carried = ended
    .toSorted((a, b) => a.position - b.position)
    .map((entry, index): Entry => carriedEntry(runId, entry, index + 1, now));
  return { kind: "carried", step, entries: carried };
}

function refused(why: Extract<CarriedOver, { kind: "refused" }>["why"], message: string): CarriedOver {
  return { kind: "refused", why, message };
}

/** Tools whose step has code that is given arguments. */
const WITH_INPUT = new Set(["step.run", "step.ai.wrap"]);
/** What official clients call such a step that say no more of it. */
const UNNAMED = new Set(["StepRun", "Step", "StepPlanned", "StepError", "StepFailed"]);

/** Whether a step's arguments may be others: its code gets them, where other tools have their own. */
export function takesInput({ kind, type }: Pick<Entry, "kind" | "type">): boolean {
  return kind === "run" && (WITH_INPUT.has(type) || UNNAMED.has(type));
}

/** A result as the first commits of a new run have it. How it came about is told by the run that it is from. */
function carriedEntry(runId: string, entry: Entry, position: number, now: number): Entry {
  const { grouped: _grouped, race: _race, retry: _retry, startedAt: _startedAt, logs: _logs, ...kept } = entry;
  const status = entry.status.kind === "settled" ? { ...entry.status, at: now } : entry.status;
  return {
    ...kept,
    status,
    position,
    opened: position,
    attempt: 0,
    failures: [],
    createdAt: now,
    carriedFrom: entry.carriedFrom ?? { runId, createdAt: entry.createdAt },
  };
}

/** A new run that has these results, and what is stored with it. */
export function repeating(
  run: Run,
  { step, entries }: Extract<CarriedOver, { kind: "carried" }>,
  { input }: FromStep,
): { run: Run; entries: Entry[]; extras: Extra[] } {
  const memos = entries.map(({ status }) => (status.kind === "settled" ? JSON.stringify(status.memo) : ""));
  const begins: RerunStep = { id: step.id, userId: step.userId, carried: entries.length };
  if (input !== undefined) begins.isEdited = true;
  return {
    run: {
      ...run,
      rerunOf: run.rerunOf && { ...run.rerunOf, step: begins },
      position: entries.length,
      steps: entries.length,
      bytes: memos.reduce((sum, text) => sum + byteLength(text), 0),
    },
    entries,
    extras: input === undefined ? [] : [{ list: "input", id: step.id, value: input }],
  };
}

/** What a run tells that goes on with another version of its function than its results are from. */
export function versionNote({ of, version }: { of: string; version: number }, current: number): string {
  return `results are from run ${of}, which had version ${version} of the function; what runs anew has version ${current}`;
}
