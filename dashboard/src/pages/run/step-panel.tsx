import { Link } from "@tanstack/react-router";
import type { Span, Step } from "../../api/runs.ts";
import { durationText } from "../../model/time.ts";
import { attemptsOf } from "../../model/timeline.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorView } from "../../ui/error-view.tsx";
import { Facts, Panel } from "../../ui/facts.tsx";
import { JsonView } from "../../ui/json-view.tsx";
import { Status } from "../../ui/status.tsx";
import { Clock } from "../../ui/time.tsx";
import { LargeOutput } from "./large-output.tsx";
import { StepLogs } from "./logs.tsx";
import { StepActs } from "./step-acts.tsx";

interface Props {
  runId: string;
  step: Step;
  span: Span | undefined;
  childRunId: string | undefined;
  now: number;
  onClose: () => void;
}

/** Everything that is known of one step. */
export function StepPanel({ runId, step, span, childRunId, now, onClose }: Props) {
  return (
    <Panel
      title={`Step ${step.name}`}
      actions={
        <div className="flex flex-wrap gap-2">
          <StepActs runId={runId} step={step} />
          <Button look="quiet" onClick={onClose}>
            Close
          </Button>
        </div>
      }
    >
      <Facts of={factsOf(step, span, now)} />
      {step.carried_from === null ? null : (
        <p>
          Its result is from{" "}
          <Link to="/runs/$runId" params={{ runId: step.carried_from }} search={{}} className="text-accent underline">
            the run that this one repeats
          </Link>
          .
        </p>
      )}
      {childRunId === undefined ? null : (
        <p>
          <Link to="/runs/$runId" params={{ runId: childRunId }} search={{}} className="text-accent underline">
            The run that it has invoked
          </Link>
        </p>
      )}
      {step.error ? (
        <>
          <h2>Error</h2>
          <ErrorView error={step.error} />
        </>
      ) : null}
      {step.status === "completed" ? <Output runId={runId} step={step} /> : null}
      {step.input === null ? null : (
        <>
          <h2>Input</h2>
          <JsonView value={step.input} label="input" />
        </>
      )}
      <StepLogs runId={runId} step={step} now={now} />
      <Failures step={step} now={now} />
    </Panel>
  );
}

function factsOf(step: Step, span: Span | undefined, now: number) {
  const queuedAt = Date.parse(span?.queuedAt ?? step.created_at);
  const startedAt = Date.parse(span?.startedAt ?? step.created_at);
  const endedAt = step.ended_at === null ? now : Date.parse(step.ended_at);
  return [
    ["Status", <Status key="status" of={step.status} />],
    ...(step.by_hand ? ([["Ended", "by hand"]] as const) : []),
    ["Kind", step.kind],
    ["Attempts", String(attemptsOf(step))],
    ["Queued", <Clock key="queued" at={span?.queuedAt ?? step.created_at} now={now} />],
    ["In the queue", durationText(startedAt - queuedAt)],
    ["Running", durationText(endedAt - startedAt)],
    ...(step.until === null || step.ended_at !== null
      ? []
      : ([["Over at", <Clock key="until" at={step.until} now={now} />]] as const)),
  ] as const;
}

function Output({ runId, step }: { runId: string; step: Step }) {
  return (
    <>
      <h2>Output</h2>
      {step.output_omitted_bytes === undefined ? (
        <JsonView value={step.output} label="output" />
      ) : (
        <LargeOutput runId={runId} step={step} bytes={step.output_omitted_bytes} />
      )}
    </>
  );
}

/** The tries that did not succeed, the last one first. */
function Failures({ step, now }: { step: Step; now: number }) {
  const { failures, status } = step;
  const earlier = status === "failed" ? failures.slice(0, -1) : failures;
  if (earlier.length === 0) return null;
  return (
    <>
      <h2>Failed attempts</h2>
      {earlier.toReversed().map(({ attempt, ended_at: endedAt, error }) => (
        <div key={attempt} className="flex flex-col gap-1">
          <p className="text-soft">
            Attempt {attempt + 1}, <Clock at={endedAt} now={now} />
          </p>
          <ErrorView error={error} />
        </div>
      ))}
    </>
  );
}
