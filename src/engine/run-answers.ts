/** Rules of open entries: their deadline is over, or what they wait for has come. */
import { errorNames } from "../protocol/wire-error.ts";
import type { Memo } from "../protocol/call.ts";
import { type Entry, isEnded } from "./run.ts";
import type { Draft } from "./decision.ts";
import { runTime } from "./run-clock.ts";
import { activate } from "./run-leases.ts";
import { settle } from "./run-steps.ts";
import { unsubscribe } from "./run-end.ts";
import { afterSettled, callStep } from "./run-calls.ts";

/** An open entry's own time has come. */
export function due(draft: Draft, entry: Entry): void {
  switch (entry.status.kind) {
    case "sleeping":
      return resume(draft, entry, null); // the sleep is over
    case "registering":
    case "waiting":
      draft.effects.push(unsubscribe(entry));
      return resume(draft, entry, null); // gave up waiting
    case "invoking": {
      const message = "Timed out waiting for invoked function to complete";
      const error = { name: errorNames.invokeTimeout, message, error: `${errorNames.invokeTimeout}: ${message}` };
      return resume(draft, entry, { error });
    }
    case "retrying":
      if (draft.run.http) {
        draft.write(entry, { kind: "planned" });
        return callStep(draft, { ...entry });
      }
      // blocked → executing; without a time it is not due a second time
      draft.write(entry, { kind: "retrying", at: null });
      return activate(draft);
    default:
      draft.stale = true;
  }
}

/** A sleep ends before its time. */
export function wake(draft: Draft, entry: Entry): void {
  if (entry.status.kind === "sleeping") resume(draft, { ...entry, byHand: true }, null);
  else draft.stale = true;
}

/** EventDO holds the subscription of a wait; one that has ended meanwhile is withdrawn again. */
export function subscribed(draft: Draft, entry: Entry): void {
  if (entry.status.kind === "registering") draft.write(entry, { kind: "waiting", until: entry.status.until });
  else if (entry.status.kind === "settled") draft.effects.push(unsubscribe(entry));
}

/** @param found nobody else ends the subscription: EventDO does after an offer, for the event that it offered */
export function answer(draft: Draft, entry: Entry, memo: Memo, found: boolean): void {
  const { kind } = entry.status;
  if (kind !== "waiting" && kind !== "registering" && kind !== "invoking") {
    draft.stale = true;
    return;
  }
  // its time was over while the run was paused, and nobody had looked
  const isOver = "until" in entry.status && entry.status.until <= runTime(draft.run, draft.now);
  if (kind === "invoking" && isOver && draft.run.paused && !entry.byHand) return due(draft, entry);
  if (kind !== "invoking" && (found || (entry.wait?.events.length ?? 0) > 1)) draft.effects.push(unsubscribe(entry));
  resume(draft, entry, memo);
}

/** An open entry got its result: the code that waits for it goes on. */
function resume(draft: Draft, entry: Entry, memo: Memo): void {
  settle(draft, entry, memo);
  if (isEnded(draft.run.state)) return;
  if (draft.run.http) return afterSettled(draft, entry);
  // blocked → executing
  activate(draft);
}
