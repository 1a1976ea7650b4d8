import type { Run } from "../../api/runs.ts";
import { ErrorView } from "../../ui/error-view.tsx";
import { Panel } from "../../ui/facts.tsx";
import { JsonView } from "../../ui/json-view.tsx";

/** What came of a run, or what went wrong last while it is not over. */
export function Outcome({ run }: { run: Run }) {
  if (run.error)
    return (
      <Panel title="Error">
        <ErrorView error={run.error} />
      </Panel>
    );
  if (run.status === "Completed")
    return (
      <Panel title="Output">
        <JsonView value={run.output} label="output" />
      </Panel>
    );
  if (run.last_error)
    return (
      <Panel title="Last error">
        <ErrorView error={run.last_error} />
      </Panel>
    );
  return null;
}
