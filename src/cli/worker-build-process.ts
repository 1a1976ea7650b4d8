/** Builds a Worker for the process that has forked this one: its arguments are those of `buildWorker`. */
import { buildWorker, type WorkerBuild } from "./worker-build.ts";

/** What this process says before it ends. */
export type BuildOutcome =
  | { kind: "built"; worker: WorkerBuild }
  | { kind: "failed"; message: string }
  /** settings that cannot be sent to another process */
  | { kind: "unsendable" };

const [entry = "", configPath = ""] = process.argv.slice(2);
process.once("disconnect", () => process.exit()); // nobody waits any more
const worker = await buildWorker(entry, configPath).catch((error: unknown) => error);
if (worker instanceof Error) tell({ kind: "failed", message: worker.message });
else
  try {
    tell({ kind: "built", worker: worker as WorkerBuild });
  } catch {
    tell({ kind: "unsendable" });
  }

function tell(outcome: BuildOutcome): void {
  process.send?.(outcome, () => process.disconnect());
}
