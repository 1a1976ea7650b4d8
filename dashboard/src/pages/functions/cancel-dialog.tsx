import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { cancelRuns, readCancellation } from "../../api/cancellations.ts";
import { localId, type FunctionView } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { listRuns } from "../../api/runs.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";

interface Props {
  fn: FunctionView;
  isOpen: boolean;
  onClose: () => void;
}

/** Stops all runs of a function, or those whose event fits: first how many there are, then how many are done. */
export function CancelDialog({ fn, isOpen, onClose }: Props) {
  return (
    <Dialog title={`Cancel the runs of ${fn.name}?`} isOpen={isOpen} onClose={onClose}>
      <Form fn={fn} onClose={onClose} />
    </Dialog>
  );
}

function Form({ fn, onClose }: Omit<Props, "isOpen">) {
  const [condition, setCondition] = useState("");
  const [begun, setBegun] = useState<string | null>(null);
  const id = useId();
  const cancel = useAct(
    () => cancelRuns({ slug: fn.slug, appId: fn.app_id, condition }),
    (cancellation) => setBegun(cancellation.id),
  );
  if (begun !== null) return <Progress id={begun} onClose={onClose} />;
  return (
    <>
      <p>
        <UnderWay fn={fn} /> Those that have begun up to now are cancelled, in the background; what begins later goes
        on. To keep new ones from beginning, pause the function first.
      </p>
      <label htmlFor={id} className="text-soft">
        Only those for which this is true, over `event`; empty for all
      </label>
      <input
        id={id}
        placeholder={'event.data.tenant == "t1"'}
        value={condition}
        onChange={(event) => setCondition(event.target.value)}
        className="field font-mono text-xs"
      />
      <Refusal error={cancel.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Let them run</Button>
        <Button look="danger" onClick={() => cancel.run(undefined)} disabled={cancel.isBusy}>
          Cancel the runs
        </Button>
      </div>
    </>
  );
}

const COUNTED = 100;

function UnderWay({ fn }: { fn: FunctionView }) {
  const { data } = useQuery({
    queryKey: ["under-way", fn.slug],
    queryFn: ({ signal }) =>
      listRuns({ app: fn.app_id, fn: localId(fn.slug, fn.app_id), status: "QUEUED,RUNNING" }, null, COUNTED, {
        signal,
      }),
  });
  if (!data) return null;
  const count = data.cursor === null ? String(data.runs.length) : `${data.runs.length} or more`;
  return <strong>{data.runs.length === 1 ? "1 run is under way." : `${count} runs are under way.`}</strong>;
}

function Progress({ id, onClose }: { id: string; onClose: () => void }) {
  const { data } = useLive({
    key: ["cancellation", id],
    read: (sent) => readCancellation(id, sent),
    everyMs: 500,
    isOver: ({ ended_at: at }) => at !== null,
  });
  if (!data) return null;
  return (
    <>
      <p role="status">
        {data.ended_at === null ? "Under way: " : "Done: "}
        {data.cancelled} cancelled, {data.already_ended} had ended already.
        {data.failing === 0 ? "" : ` ${data.failing} could not be reached and are tried again.`}
      </p>
      {data.ended_at === null ? (
        <p className="text-soft">
          It looks again after a while, for runs that were only just beginning. It goes on when this is closed.
        </p>
      ) : null}
      <div className="flex justify-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </>
  );
}
