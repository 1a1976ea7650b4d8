import { Link } from "@tanstack/react-router";
import type { Run } from "../../api/runs.ts";

/** What a run repeats, if it does. */
export function RerunNote({ of }: { of: Run["rerun_of"] }) {
  if (of === null) return null;
  return (
    <span className="text-soft">
      repeats{" "}
      <Link to="/runs/$runId" params={{ runId: of.run_id }} search={{}} className="text-accent underline">
        another run
      </Link>
      {of.from_step === null ? null : (
        <>
          {" "}
          from “<bdi>{of.from_step.id}</bdi>” on
        </>
      )}
    </span>
  );
}
