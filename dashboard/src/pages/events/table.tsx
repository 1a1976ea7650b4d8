import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { runsOfEvent, type EventRow } from "../../api/events.ts";
import { useLive } from "../../api/live.ts";
import { Status } from "../../ui/status.tsx";
import { Clock } from "../../ui/time.tsx";
import type { Events } from "./use-events.ts";

const ROW_PX = 44;
const AHEAD = 30;
/** Runs of one event that have room in its row. */
const RUNS_SHOWN = 3;
const GRID =
  "grid items-center gap-x-3 px-4 grid-cols-[minmax(8rem,1fr)_minmax(7rem,1fr)_auto] md:grid-cols-[2fr_2fr_9rem]";

export function EventsTable({ rows, hasMore, readMore }: Events) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (i) => rows[i]?.internal_id ?? i,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - AHEAD) readMore();
  }, [hasMore, last, rows.length, readMore]);

  return (
    <div
      ref={scroller}
      role="table"
      aria-label="Events"
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      className="min-h-0 flex-1 overflow-auto"
    >
      <div role="rowgroup" className="bg-page border-line sticky top-0 z-[1] border-b">
        <div role="row" aria-rowindex={1} className={`${GRID} text-soft h-8 text-xs font-semibold`}>
          <div role="columnheader">Name</div>
          <div role="columnheader">Runs</div>
          <div role="columnheader">Received</div>
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ key, index, size, start }) => {
          const event = rows[index];
          if (!event) return null;
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={index + 2}
              className={`${GRID} border-line hover:bg-sunken absolute inset-x-0 top-0 border-b`}
              style={{ height: size, transform: `translateY(${start}px)` }}
            >
              <div role="cell" className="min-w-0">
                <Link
                  to="/events/$eventId"
                  params={{ eventId: event.internal_id }}
                  className="block truncate font-medium after:absolute after:inset-0"
                >
                  <bdi>{event.name}</bdi>
                </Link>
              </div>
              <div role="cell" className="min-w-0">
                <Started event={event} />
              </div>
              <div role="cell">
                <Clock at={event.received_at} now={Date.now()} />
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The runs that an event has started: while they are under way, or may not be all, asked for by the rows in sight. */
function Started({ event }: { event: EventRow }) {
  const { data } = useLive({
    key: ["event-runs", event.internal_id],
    read: (sent) => runsOfEvent(event.internal_id, sent),
    everyMs: 3_000,
    follows: "runs",
    isEnabled: event.runs_incomplete === true || event.runs.some(({ ended_at: at }) => at === null),
    isOver: (runs) => runs.length > 0 && runs.every(({ ended_at: at }) => at !== null),
  });
  if (!data && event.runs_incomplete) return null;
  return <Runs of={data ?? event.runs} />;
}

function Runs({ of: data }: { of: EventRow["runs"] }) {
  if (data.length === 0) return <span className="text-soft">none</span>;
  return (
    <span className="flex gap-3 overflow-hidden">
      {data.slice(0, RUNS_SHOWN).map((run) => (
        <RunLink key={run.run_id} run={run} />
      ))}
      {data.length > RUNS_SHOWN ? <span className="text-soft">and {data.length - RUNS_SHOWN} more</span> : null}
    </span>
  );
}

function RunLink({ run }: { run: EventRow["runs"][number] }) {
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: run.run_id }}
      search={{}}
      title={run.function_slug}
      className="relative z-[1] hover:underline"
    >
      <Status of={run.status} />
    </Link>
  );
}
