import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { readEvent, runsOfEvent, type EventDetail } from "../../api/events.ts";
import type { Json } from "../../api/json.ts";
import { useLive } from "../../api/live.ts";
import { Button } from "../../ui/button.tsx";
import { CopyableId } from "../../ui/copy-button.tsx";
import { Loading } from "../../ui/empty.tsx";
import { Facts, PageHead, Panel } from "../../ui/facts.tsx";
import { JsonView } from "../../ui/json-view.tsx";
import { Problem } from "../../ui/problem.tsx";
import { Status } from "../../ui/status.tsx";
import { Clock } from "../../ui/time.tsx";
import { Decisions } from "./decisions.tsx";
import { SendDialog } from "./send-dialog.tsx";

const route = getRouteApi("/events/$eventId");

export function EventPage() {
  const { eventId } = route.useParams();
  const { data, error } = useQuery({
    queryKey: ["event", eventId],
    queryFn: ({ signal }) => readEvent(eventId, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (data) return <Detail key={eventId} event={data} />;
  return error ? <Problem error={error} what="event" /> : <Loading what="the event" />;
}

function Detail({ event }: { event: EventDetail }) {
  const [isSending, setSending] = useState(false);
  const now = Date.now();
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-4 p-4">
      <PageHead title={<bdi>{event.name}</bdi>}>
        <Button acts onClick={() => setSending(true)}>
          Send again …
        </Button>
      </PageHead>
      <Facts
        of={[
          ["Internal id", <CopyableId key="id" id={event.internal_id} label="Copy the internal id" />],
          ["Received", <Clock key="at" at={event.received_at} now={now} />],
          ["Own id", <bdi key="own">{event.id ?? "–"}</bdi>],
          ["Own time", event.ts === undefined ? "–" : new Date(event.ts).toISOString()],
          ["Version", event.v ?? "–"],
        ]}
      />
      <Panel title="Data">
        <JsonView value={event.data} label="data" />
      </Panel>
      {event.user === undefined ? null : (
        <Panel title="User">
          <JsonView value={event.user} label="user" />
        </Panel>
      )}
      <RunsStarted id={event.internal_id} now={now} />
      <Decisions id={event.internal_id} now={now} />
      <SendDialog isOpen={isSending} onClose={() => setSending(false)} event={copyOf(event)} />
    </div>
  );
}

/** Without its id: the platform would take it for the event that it has already. */
function copyOf({ name, data, user, v }: EventDetail): Json {
  return { name, data, ...(user === undefined ? {} : { user }), ...(v === undefined ? {} : { v }) };
}

function RunsStarted({ id, now }: { id: string; now: number }) {
  const { data } = useLive({
    key: ["event-runs", id],
    read: (sent) => runsOfEvent(id, sent),
    everyMs: 1_500,
    follows: "runs",
    isOver: (runs) => runs.length > 0 && runs.every(({ ended_at: at }) => at !== null),
  });
  return (
    <Panel title="Runs that it has started">
      {data?.length === 0 ? (
        <p className="text-soft">None; below is why.</p>
      ) : (
        <ul className="flex flex-col gap-1">
          {data?.map((run) => (
            <li key={run.run_id} className="flex flex-wrap gap-x-4">
              <Status of={run.status} />
              <Link
                to="/runs/$runId"
                params={{ runId: run.run_id }}
                search={{}}
                className="text-accent min-w-0 truncate underline"
              >
                <bdi>{run.function_slug}</bdi>
              </Link>
              <Clock at={run.run_started_at} now={now} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
