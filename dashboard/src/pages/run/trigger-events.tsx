import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { readEvent } from "../../api/events.ts";
import { Panel } from "../../ui/facts.tsx";
import { JsonView } from "../../ui/json-view.tsx";

/** Events of a batch that are read at first. */
const SHOWN = 3;

/** What has started a run: one event, or those of a batch. */
export function TriggerEvents({ ids }: { ids: readonly string[] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? ids : ids.slice(0, SHOWN);
  return (
    <Panel title={ids.length === 1 ? "Trigger" : `Trigger: a batch of ${ids.length} events`}>
      {shown.map((id) => (
        <TriggerEvent key={id} id={id} />
      ))}
      {shown.length < ids.length ? (
        <button type="button" className="text-accent self-start underline" onClick={() => setWhole(true)}>
          Show all {ids.length}
        </button>
      ) : null}
    </Panel>
  );
}

function TriggerEvent({ id }: { id: string }) {
  const { data, error } = useQuery({
    queryKey: ["event", id],
    queryFn: ({ signal }) => readEvent(id, { signal }),
    staleTime: Number.POSITIVE_INFINITY, // an event does not change
  });
  return (
    <div className="flex flex-col gap-1">
      <Link to="/events/$eventId" params={{ eventId: id }} className="text-accent truncate underline">
        <bdi>{data?.name ?? id}</bdi>
      </Link>
      {data ? <JsonView value={data.data} label={`data of ${data.name}`} /> : null}
      {error ? <p className="text-soft">{error.message}</p> : null}
    </div>
  );
}
