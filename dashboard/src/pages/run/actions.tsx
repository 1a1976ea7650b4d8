import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { pauseRun, resumeRun } from "../../api/acts.ts";
import { cancelRun, rerun, type Run } from "../../api/runs.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";

export function RunActions({ run }: { run: Run }) {
  const [isAsking, setAsking] = useState(false);
  const navigate = useNavigate();
  const again = useAct(
    () => rerun(run.run_id),
    (runId) => void navigate({ to: "/runs/$runId", params: { runId }, search: {} }),
  );
  return (
    <>
      <Refusal error={again.error} />
      <Button acts onClick={() => again.run(undefined)} disabled={again.isBusy}>
        Run again
      </Button>
      {run.ended_at === null ? <PauseButton run={run} /> : null}
      {run.ended_at === null ? (
        <Button acts look="danger" onClick={() => setAsking(true)}>
          Cancel
        </Button>
      ) : null}
      <CancelDialog run={run} isOpen={isAsking} onClose={() => setAsking(false)} />
    </>
  );
}

/** It can be taken back, and so is not asked for. */
function PauseButton({ run: { run_id: runId, paused_at: pausedAt } }: { run: Run }) {
  const act = useAct(() => (pausedAt === null ? pauseRun(runId) : resumeRun(runId)));
  return (
    <>
      <Refusal error={act.error} />
      <Button
        acts
        onClick={() => act.run(undefined)}
        disabled={act.isBusy}
        look={pausedAt === null ? "plain" : "strong"}
      >
        {pausedAt === null ? "Pause" : "Resume"}
      </Button>
    </>
  );
}

function CancelDialog({ run, isOpen, onClose }: { run: Run; isOpen: boolean; onClose: () => void }) {
  const [isWithChildren, setWithChildren] = useState(false);
  const cancel = useAct(() => cancelRun(run.run_id, isWithChildren), onClose);
  const hasInvoked = run.steps.some(({ kind }) => kind === "invoke");
  return (
    <Dialog title="Cancel this run?" isOpen={isOpen} onClose={onClose}>
      <p>
        Its steps that are done stay done; nothing further begins. This cannot be taken back, but it can be run again.
      </p>
      {hasInvoked ? (
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={isWithChildren} onChange={(event) => setWithChildren(event.target.checked)} />
          The runs that it has invoked, too
        </label>
      ) : null}
      <Refusal error={cancel.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Let it run</Button>
        <Button look="danger" onClick={() => cancel.run(undefined)} disabled={cancel.isBusy}>
          Cancel the run
        </Button>
      </div>
    </Dialog>
  );
}
