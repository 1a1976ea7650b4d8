/** Rules of open steps that somebody ends by hand: what was waited for is written, or the wait is over at once. */
import type { EventValue } from "../protocol/event.ts";
import type { JsonObject, JsonValue } from "../protocol/json.ts";
import type { WireError } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import type { Draft } from "./decision.ts";
import type { Entry } from "./run.ts";
import { answer, due } from "./run-answers.ts";

/** What somebody writes in the place of what a step waits for. */
export type Resolution =
  /** its name is empty when it is the one that the step waits for */
  | { kind: "event"; event: EventValue }
  | { kind: "data"; data: JsonValue }
  | { kind: "error"; error: WireError }
  /** as if its own time was over */
  | { kind: "timeout" };

/** Why a step cannot be resolved: it is `over`, waits for `nothing`, or for something else than was written. */
export interface Unresolvable {
  kind: "over" | "nothing" | "unfit";
  message: string;
}

/** Null for a step that waits for what was written. An expression is not asked: whoever writes by hand decides. */
export function unresolvable({ kind, status, userId, wait }: Entry, resolution: Resolution): Unresolvable | null {
  const what = `step "${userId}"`;
  if (status.kind === "settled") return { kind: "over", message: `${what} has ended already, and stays as it is` };
  if (kind === "sleep")
    return { kind: "nothing", message: `${what} waits for nothing but its time: POST /v1/runs/:id/wake ends a sleep` };
  if (kind === "run") return { kind: "nothing", message: `${what} is code, which waits for nothing from outside` };
  if (resolution.kind === "timeout") return null;
  const wanted = kind === "wait" ? ["event"] : kind === "signal" ? ["data"] : ["data", "error"];
  if (!wanted.includes(resolution.kind))
    return { kind: "unfit", message: `${resolution.kind}: ${what} waits for ${WAITED_FOR[kind]}` };
  const names = wait?.events ?? [];
  if (resolution.kind === "event" && resolution.event.name !== "" && !names.includes(resolution.event.name)) {
    const listed = names.map((name) => JSON.stringify(name)).join(" or ");
    const given = JSON.stringify(resolution.event.name);
    return { kind: "unfit", message: `event.name: ${what} waits for ${listed}, not ${given}` };
  }
  return null;
}

const WAITED_FOR = {
  wait: 'an event: send {"event":{…}}, or {"event":null} for none',
  signal: 'a signal: send {"data":…}, or {"timeout":true} for none',
  invoke: 'the end of a run: send {"data":…} or {"error":…}, or {"timeout":true} for none',
} as const;

/** An open step ends as it was written; what comes for it later finds it over. */
export function resolveByHand(draft: Draft, entry: Entry, resolution: Resolution): void {
  if (unresolvable(entry, resolution)) {
    draft.stale = true;
    return;
  }
  const byHand: Entry = { ...entry, byHand: true };
  // nobody else ends the subscription
  if (resolution.kind === "timeout") due(draft, byHand);
  else answer(draft, byHand, memoOf(entry, resolution), true);
}

function memoOf({ wait, signal }: Entry, resolution: Exclude<Resolution, { kind: "timeout" }>): Memo {
  switch (resolution.kind) {
    case "event": {
      const { event } = resolution;
      return { ...event, name: event.name === "" ? (wait?.events[0] ?? "") : event.name } as unknown as JsonObject;
    }
    case "data":
      return { data: signal ? { signal: signal.name, data: resolution.data } : resolution.data };
    case "error":
      return { error: resolution.error as JsonObject };
  }
}
