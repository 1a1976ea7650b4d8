import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useId, useState } from "react";
import { readEventsSearch, type EventsSearch } from "../../model/search.ts";
import { Button } from "../../ui/button.tsx";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { FirstSteps } from "../first-steps.tsx";
import { RangeChoice } from "../runs/filters.tsx";
import { SendDialog } from "./send-dialog.tsx";
import { EventsTable } from "./table.tsx";
import { useEvents, type Events } from "./use-events.ts";

const route = getRouteApi("/events");
const TYPING_MS = 300;

export function EventsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [isSending, setSending] = useState(false);
  const change = (next: EventsSearch) => void navigate({ search: readEventsSearch({ ...next }), replace: true });
  const { internal, ...filters } = search;
  return (
    <div className="flex h-full flex-col">
      <div className="p-4">
        <PageHead title="Events">
          <NameFilter value={search.name ?? ""} onChange={(name) => change({ ...search, name })} />
          <RangeChoice value={search.range} onChange={(range) => change({ ...search, range })} />
          <label className="flex items-center gap-1.5">
            <input
              type="checkbox"
              checked={internal ?? false}
              onChange={(event) => change({ ...search, internal: event.target.checked })}
            />
            The platform's own
          </label>
          <Button acts look="strong" onClick={() => setSending(true)}>
            Send event
          </Button>
        </PageHead>
      </div>
      <List events={useEvents(search)} isFiltered={Object.keys(filters).length > 0} />
      <SendDialog isOpen={isSending} onClose={() => setSending(false)} />
    </div>
  );
}

function List({ events, isFiltered }: { events: Events; isFiltered: boolean }) {
  if (events.error) return <Problem error={events.error} what="list of events" />;
  if (events.rows.length > 0) return <EventsTable {...events} />;
  if (events.hasMore) return <LookFurther events={events} />;
  if (events.isReading) return <Loading what="events" />;
  if (isFiltered) return <Empty title="No event matches">Take a filter away, or choose a longer time.</Empty>;
  return <FirstSteps />;
}

/** The platform looks through so many events for one answer: there may be some further back. */
function LookFurther({ events: { readMore, isReading } }: { events: Events }) {
  useEffect(() => {
    if (!isReading) readMore();
  }, [isReading, readMore]);
  return <Loading what="older events" />;
}

/** Whole names, as the platform compares them. */
function NameFilter({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const [typed, setTyped] = useState(value);
  const id = useId();
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <>
      <label htmlFor={id} className="sr-only">
        Names of events
      </label>
      <input
        id={id}
        type="search"
        placeholder="shop/order.placed, shop/paid"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        className="field w-44"
      />
    </>
  );
}
