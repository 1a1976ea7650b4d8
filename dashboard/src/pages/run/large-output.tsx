import { useQuery } from "@tanstack/react-query";
import { readStep, type Step } from "../../api/runs.ts";
import { sizeText } from "../../model/size.ts";
import { Refusal } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { JsonView } from "../../ui/json-view.tsx";

/** An output that the answer with the whole run leaves out: read when somebody wants it. */
export function LargeOutput({ runId, step, bytes }: { runId: string; step: Step; bytes: number }) {
  const whole = useQuery({
    queryKey: ["step", runId, step.hash],
    queryFn: ({ signal }) => readStep(runId, step.hash, { signal }),
    enabled: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (whole.data) return <JsonView value={whole.data.output} label="output" />;
  return (
    <>
      <p className="text-soft">{sizeText(bytes)}: more than the page of a run reads at once.</p>
      <Refusal error={whole.error} />
      <Button className="self-start" onClick={() => void whole.refetch()} disabled={whole.isFetching}>
        Read it
      </Button>
    </>
  );
}
