/**
 * Whether a function asks for the same steps whenever it is replayed. It is replayed with other times and other chance,
 * over the same results of steps, and what it asks for is compared; nothing here executes anything.
 */
import { NonRetriableError } from "../sdk/errors.ts";

/** A step that a handler has asked for. */
export interface AskedStep {
  /** hash of its id */
  id: string;
  userId: string;
  /** label of the tool, such as `step.run` */
  type: string;
}

/** What one replay has come to. */
export interface ReplayResult {
  /** by hash */
  asked: ReadonlyMap<string, AskedStep>;
  /** `waits`: for steps that have no result. `unknown`: for something else, longer than anybody wants to wait */
  end: "ended" | "waits" | "unknown";
}

/** A call for the time or for chance outside of steps. */
export interface OutsideCall {
  /** such as `Date.now()` */
  what: string;
  /** `file:line` */
  at: string;
}

/** What a function asked for when it ran, and what it asks for instead when it is replayed. */
export interface Deviation {
  first: AskedStep[];
  onReplay: AskedStep[];
}

/**
 * Whether two replays over the same results have asked for different steps. Only sets are compared: in which order
 * steps of one instant are asked for does not matter to a journal that finds them by id.
 */
export function differ(one: ReplayResult, other: ReplayResult): boolean {
  if (one.end === "unknown" || other.end === "unknown") return false;
  return missingIn(other.asked, one.asked).length > 0 || missingIn(one.asked, other.asked).length > 0;
}

/** What differs, with the journal to tell which of both is what happened first. */
export function deviation(journal: ReadonlySet<string>, repeated: ReplayResult, varied: ReplayResult): Deviation {
  const isWhatHappened = [...repeated.asked.keys()].every((id) => journal.has(id));
  const [first, replayed] = isWhatHappened ? [repeated, varied] : [varied, repeated];
  return { first: missingIn(replayed.asked, first.asked), onReplay: missingIn(first.asked, replayed.asked) };
}

/** Steps of one that the other has not, or not of the same kind. */
function missingIn(asked: ReadonlyMap<string, AskedStep>, of: ReadonlyMap<string, AskedStep>): AskedStep[] {
  return [...of.values()].filter(({ id, type }) => asked.get(id)?.type !== type);
}

/** A function under test decides by what is different on every replay: it would ask for other steps than it did. */
export class NondeterminismError extends NonRetriableError {
  readonly code = "nondeterminism";
  readonly functionId: string;
  readonly runId: string;
  /** ids of the steps that it asked for when it ran */
  readonly first: string[];
  /** ids of the steps that it asks for instead */
  readonly onReplay: string[];
  /** what it called outside of steps */
  readonly calls: OutsideCall[];

  /** @internal */
  constructor(
    about: { functionId: string; runId: string; deviation: Deviation; calls: OutsideCall[] },
    options?: { cause?: unknown },
  ) {
    super(describe(about), options);
    this.name = "NondeterminismError";
    this.functionId = about.functionId;
    this.runId = about.runId;
    this.first = about.deviation.first.map(({ userId }) => userId);
    this.onReplay = about.deviation.onReplay.map(({ userId }) => userId);
    this.calls = about.calls;
  }
}

const SHOWN_MAX = 8;

function describe({
  functionId,
  deviation: { first, onReplay },
  calls,
}: {
  functionId: string;
  deviation: Deviation;
  calls: OutsideCall[];
}): string {
  const lines = [
    `function "${functionId}" asks for other steps when it is replayed`,
    `  at first it asked for     ${listed(first.map(shown))}`,
    `  on a replay it asks for   ${listed(onReplay.map(shown))}`,
  ];
  if (calls.length === 0)
    lines.push(
      "  It decides by something that is different in every pass over its handler: what it reads from outside must come from a step.",
    );
  else
    lines.push(
      ...calls.map(
        ({ what, at }, index) => `  ${index === 0 ? "outside of steps it calls" : " ".repeat(25)} ${what} at ${at}`,
      ),
      `  A replay finds another time and other chance. Take them in a step, await step.run("…", () => ${calls[0]?.what}), or take what the event says: event.ts, event.id.`,
    );
  return lines.join("\n");
}

function shown({ type, userId }: AskedStep): string {
  return `${type} ${JSON.stringify(userId)}`;
}

function listed(texts: string[]): string {
  if (texts.length === 0) return "nothing more";
  const more = texts.length - SHOWN_MAX;
  return more > 0 ? `${texts.slice(0, SHOWN_MAX).join(", ")} and ${more} more` : texts.join(", ");
}
