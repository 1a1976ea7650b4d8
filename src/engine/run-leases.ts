/**
 * Rules of a run's leases: when its code is let in, and what it gives back (design §6).
 *
 * 1. Code executes only while its lease is held: an activation's, a further branch's, a call's; and the start's, which is
 *    held until the run ends.
 * 2. A lease is asked for at one gate of its way after the other, so a waiting run holds only earlier ones.
 * 3. What is given back stays written down until that is acknowledged, and code that still runs keeps it (G7).
 */
import type { Call, Draft } from "./decision.ts";
import { execute } from "./decision.ts";
import {
  ACTIVATION_SLOT,
  BRANCH_SLOT,
  DISCOVERY_SLOT,
  START_SLOT,
  firstStepGate,
  gatesOf,
  type Lease,
} from "./lease.ts";
import { isEnded } from "./run.ts";
import { runTime } from "./run-clock.ts";

/** Branches that stand in line at the same time: what comes after them asks when they have been let in. */
const BRANCHES_IN_LINE_MAX = 50;

/** Local: the handler's code goes on, once it is let in. */
export function activate(draft: Draft): void {
  if (draft.run.paused && draft.run.state.kind !== "executing") return standBy(draft);
  execute(draft);
  if (letIn(draft, ACTIVATION_SLOT)) draft.activate = true;
}

/** Local: the handler's code is to go on, once its run is not paused any more. */
export function standBy(draft: Draft): void {
  releaseActivation(draft);
  if (draft.run.state.kind !== "scheduled")
    draft.move({ kind: "scheduled", at: runTime(draft.run, draft.now), reason: "yield" });
}

/** A run that has not been let in gives up its place; one that has stays under way. */
export function leaveStartLine(draft: Draft): void {
  for (const lease of draft.leasesFor(START_SLOT))
    if (lease.status !== "held") draft.putLease({ ...lease, status: "releasing" });
}

/** Http: a call goes out, once it is let in. */
export function callOut(draft: Draft, call: Call): void {
  if (letIn(draft, slotOf(call), call)) draft.calls.push(call);
}

function slotOf(call: Call): string {
  return call.stepId ?? DISCOVERY_SLOT;
}

/** Whether code may execute now; if not, it is asked for. */
function letIn(draft: Draft, slot: string, call?: Call): boolean {
  const { admission } = draft.run;
  if (admission) {
    const first = firstStepGate(admission.gates);
    if (first > 0 && !holds(draft, START_SLOT, call)) return false;
    if (first < admission.gates.length && !holds(draft, slot, call)) return false;
  }
  started(draft);
  return true;
}

function holds(draft: Draft, slot: string, call: Call | undefined): boolean {
  const lease = draft.leaseFor(slot);
  if (lease?.status === "held") return true;
  if (!lease) ask(draft, slot, call);
  else if (call && lease.call !== call) draft.putLease({ ...lease, call }); // its place in the line stays
  return false;
}

function ask(draft: Draft, slot: string, call?: Call): void {
  const { run } = draft;
  run.leases = (run.leases ?? 0) + 1;
  draft.saveRun = true;
  draft.putLease({ slot, seq: run.leases, passed: 0, status: "asking", since: draft.now, ...(call ? { call } : {}) });
}

/** Its code executes for the first time: what counted until now counts no longer, and what counts from here begins. */
function started(draft: Draft): void {
  const { run } = draft;
  if (run.startedAt !== undefined) return;
  run.startedAt = draft.now;
  draft.saveRun = true;
  const finishMs = run.timeouts?.finishMs ?? null;
  if (run.cancelAt !== undefined || finishMs !== null)
    run.cancelAt = finishMs === null ? undefined : runTime(run, draft.now) + finishMs;
}

/** A gate has let a lease in. */
export function admitted(draft: Draft, seq: number, object: string): void {
  const lease = draft.lease(seq);
  const { admission } = draft.run;
  if (!lease || !admission || (lease.status !== "asking" && lease.status !== "waiting")) return stale(draft);
  const way = gatesOf(lease, admission);
  if (way[lease.passed]?.object !== object) return stale(draft);
  const passed = lease.passed + 1;
  if (passed < way.length) return draft.putLease({ ...lease, passed, status: "asking", since: draft.now });
  draft.putLease({ ...lease, passed, status: "held", since: draft.now });
  goOn(draft, lease);
}

/** What waited for a lease. */
function goOn(draft: Draft, { slot, call }: Lease): void {
  if (slot === BRANCH_SLOT) draft.hasMoreRoom = true;
  else if (draft.executing() === null) release(draft, slot); // what wanted it is over
  else if (call) callOut(draft, call);
  else activate(draft);
}

/** A gate has given a lease a place in its line. */
export function lined(draft: Draft, seq: number, object: string): void {
  const lease = draft.lease(seq);
  const { admission } = draft.run;
  if (lease?.status !== "asking" || !admission || gatesOf(lease, admission)[lease.passed]?.object !== object)
    return stale(draft);
  draft.putLease({ ...lease, status: "waiting" });
}

/**
 * Local: so many step bodies of the activation run or wait to. It has a lease for one of them; more are asked for, and
 * given back as soon as they are not needed.
 */
export function makeRoom(draft: Draft, bodies: number): void {
  const branches = draft.leasesFor(BRANCH_SLOT);
  const inLine = branches.filter((lease) => lease.status !== "held");
  const wanted = Math.max(bodies, 1) - 1;
  for (
    let have = branches.length, lined = inLine.length;
    have < wanted && lined < BRANCHES_IN_LINE_MAX;
    have++, lined++
  )
    ask(draft, BRANCH_SLOT);
  const spare = branches.length - wanted;
  // those in line go first: they were asked for last
  const byNeed = [...inLine.toReversed(), ...branches.filter((lease) => lease.status === "held")];
  for (const lease of byNeed.slice(0, Math.max(spare, 0))) draft.putLease({ ...lease, status: "releasing" });
  if (draft.leases.length === 0) stale(draft); // it has what it needs
}

/** Gives back what a slot has, or waits for. */
export function release(draft: Draft, slot: string): void {
  for (const lease of draft.leasesFor(slot)) draft.putLease({ ...lease, status: "releasing" });
}

/** A call was answered, or nobody waits for its answer any more. */
export function releaseCall(draft: Draft, stepId: string | null): void {
  release(draft, stepId ?? DISCOVERY_SLOT);
}

/** Local: the code rests. */
export function releaseActivation(draft: Draft): void {
  release(draft, ACTIVATION_SLOT);
  release(draft, BRANCH_SLOT);
}

/** The activation has died, and its branches with it; what replaces it has its lease. */
export function releaseBranches(draft: Draft): void {
  release(draft, BRANCH_SLOT);
}

/** The run has ended. */
export function releaseAll(draft: Draft): void {
  for (const lease of draft.allLeases())
    if (lease.status !== "releasing") draft.putLease({ ...lease, status: "releasing" });
}

/** Whether a call that is planned has really gone out, and does not wait for a lease. */
export function isOut(draft: Draft, stepId: string | null): boolean {
  const { admission } = draft.run;
  if (!admission || isEnded(draft.run.state)) return true;
  const start = draft.leaseFor(START_SLOT);
  if (firstStepGate(admission.gates) > 0 && start?.status !== "held") return false;
  return (
    firstStepGate(admission.gates) === admission.gates.length ||
    draft.leaseFor(stepId ?? DISCOVERY_SLOT)?.status === "held"
  );
}

/** Executing while any code is, queued while all of it waits for leases. */
export function keepKind(draft: Draft): void {
  const { state, admission } = draft.run;
  if (!admission || (state.kind !== "executing" && state.kind !== "queued")) return;
  const wanted = Number(state.discovery) + state.targeted;
  const inLine = draft
    .allLeases()
    .filter(({ slot, status }) => slot !== BRANCH_SLOT && (status === "asking" || status === "waiting"));
  const kind = wanted > inLine.length || wanted === 0 ? "executing" : "queued";
  if (kind === state.kind) return;
  draft.move(
    kind === "executing" ? { ...state, kind, since: draft.now, from: draft.run.position } : { ...state, kind },
  );
}

function stale(draft: Draft): void {
  draft.stale = true;
}
