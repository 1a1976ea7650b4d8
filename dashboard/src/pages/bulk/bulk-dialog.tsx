import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useState } from "react";
import {
  beginBulk,
  countBulk,
  ENDED,
  readBulk,
  stopBulk,
  type Bulk,
  type BulkCount,
  type BulkKind,
  type EndedStatus,
  type Selection,
} from "../../api/bulk.ts";
import { useLive } from "../../api/live.ts";
import { rangeStart, type Range } from "../../model/time.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Status } from "../../ui/status.tsx";
import { RangeChoice } from "../runs/filters.tsx";

/** Which runs people had in sight when they asked. */
export interface BulkScope {
  /** whose runs, for the title: "nap", "all functions" */
  whose: string;
  appId?: string | undefined;
  functionIds?: string[] | undefined;
  range?: Range | undefined;
  condition?: string | undefined;
  statuses?: EndedStatus[] | undefined;
}

interface Props {
  kind: BulkKind;
  scope: BulkScope;
  isOpen: boolean;
  onClose: () => void;
}

const WORDS = {
  cancellation: {
    title: "Cancel the runs of",
    act: "Cancel the runs",
    leave: "Let them run",
    says: "Those that have begun up to now are cancelled, in the background; what begins later goes on. To keep new ones from beginning, pause the function first.",
  },
  replay: {
    title: "Replay the runs of",
    act: "Replay the runs",
    leave: "Leave them",
    says: "Each is started once more, with the same events and the code of today, in the background. The runs of before stay as they are.",
  },
} as const satisfies Record<BulkKind, object>;

/** Does something to many runs: first how many there are, then how many are done. */
export function BulkDialog({ kind, scope, isOpen, onClose }: Props) {
  return (
    <Dialog title={`${WORDS[kind].title} ${scope.whose}?`} isOpen={isOpen} onClose={onClose}>
      <Form kind={kind} scope={scope} onClose={onClose} />
    </Dialog>
  );
}

function Form({ kind, scope, onClose }: Omit<Props, "isOpen">) {
  const [condition, setCondition] = useState(scope.condition ?? "");
  const [range, setRange] = useState(scope.range);
  const [statuses, setStatuses] = useState<EndedStatus[]>(scope.statuses?.length ? scope.statuses : ["FAILED"]);
  const [begun, setBegun] = useState<string | null>(null);
  const id = useId();
  const { appId, functionIds } = scope;
  const selection: Selection = {
    appId,
    functionIds,
    from: range && rangeStart(range, Date.now()),
    condition,
    statuses,
  };
  const counted = useDeferredValue(selection);
  const count = useQuery({
    queryKey: ["bulk-count", kind, appId, functionIds, counted.from, counted.condition, counted.statuses],
    queryFn: ({ signal }) => countBulk(kind, counted, { signal }),
    enabled: begun === null && (kind === "cancellation" || statuses.length > 0),
    retry: false,
    refetchOnWindowFocus: false,
  });
  const act = useAct(
    () => beginBulk(kind, selection),
    (bulk) => setBegun(bulk.id),
  );
  if (begun !== null) return <Progress kind={kind} id={begun} onClose={onClose} />;
  const words = WORDS[kind];
  return (
    <>
      <p>
        <strong role="status">{count.data ? countText(kind, count.data) : "Counting …"}</strong> {words.says}
      </p>
      {kind === "replay" ? <Statuses value={statuses} onChange={setStatuses} /> : null}
      <div className="flex items-center gap-2">
        <span className="text-soft">Queued in</span>
        <RangeChoice value={range} onChange={setRange} />
      </div>
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
      <Refusal error={act.error ?? count.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{words.leave}</Button>
        <Button
          acts
          look="danger"
          onClick={() => act.run(undefined)}
          disabled={act.isBusy || !count.data || (count.data.matched === 0 && count.data.is_exact)}
        >
          {words.act}
        </Button>
      </div>
    </>
  );
}

function countText(kind: BulkKind, { matched, is_exact: isExact }: BulkCount): string {
  const number = isExact ? matched.toLocaleString() : `At least ${matched.toLocaleString()}`;
  const isOne = matched === 1 && isExact;
  if (kind === "replay") return `${number} ${isOne ? "run is" : "runs are"} meant.`;
  return `${number} ${isOne ? "run is" : "runs are"} under way.`;
}

function Statuses({ value, onChange }: { value: EndedStatus[]; onChange: (value: EndedStatus[]) => void }) {
  return (
    <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
      <legend className="text-soft">Those that have ended as</legend>
      {ENDED.map((status) => (
        <label key={status} className="flex items-center gap-2">
          <input
            type="checkbox"
            checked={value.includes(status)}
            onChange={({ target }) =>
              onChange(ENDED.filter((one) => (one === status ? target.checked : value.includes(one))))
            }
          />
          <Status of={status} />
        </label>
      ))}
    </fieldset>
  );
}

function Progress({ kind, id, onClose }: { kind: BulkKind; id: string; onClose: () => void }) {
  const { data } = useLive({
    key: ["bulk", kind, id],
    read: (sent) => readBulk(kind, id, sent),
    everyMs: 500,
    isOver: ({ ended_at: at }) => at !== null,
  });
  const stop = useAct(() => stopBulk(kind, id));
  if (!data) return null;
  const isUnderWay = data.ended_at === null;
  return (
    <>
      <p role="status">
        {isUnderWay ? "Under way: " : data.status === "stopped" ? "Stopped: " : "Done: "}
        {doneText(kind, data)}
        {data.failing === 0 ? "" : ` ${data.failing} could not be reached and are tried again.`}
      </p>
      {isUnderWay ? (
        <p className="text-soft">
          {kind === "cancellation"
            ? "It looks again after a while, for runs that were only just beginning. "
            : "The new runs are in the list as they begin. "}
          It goes on when this is closed.
        </p>
      ) : null}
      <Refusal error={stop.error} />
      <div className="flex justify-end gap-2">
        {isUnderWay ? (
          <Button acts onClick={() => stop.run(undefined)} disabled={stop.isBusy}>
            Stop it
          </Button>
        ) : null}
        <Button onClick={onClose}>Close</Button>
      </div>
    </>
  );
}

function doneText(kind: BulkKind, bulk: Bulk): string {
  if (kind === "cancellation") return `${bulk.cancelled ?? 0} cancelled, ${bulk.already_ended ?? 0} had ended already.`;
  const gone = bulk.not_startable ?? 0;
  return `${bulk.started ?? 0} started once more${gone === 0 ? "" : `, ${gone} of functions that are no more`}.`;
}
