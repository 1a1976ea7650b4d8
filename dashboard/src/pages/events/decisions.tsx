import { Link } from "@tanstack/react-router";
import { isOpen, readDecisions, type Decision, type FalsePart } from "../../api/decisions.ts";
import { useLive } from "../../api/live.ts";
import { Panel } from "../../ui/facts.tsx";
import { Clock } from "../../ui/time.tsx";

const WORDS: Record<string, string> = {
  started: "Started",
  collected: "Collected",
  skipped: "Skipped",
  collecting: "Collecting",
  replaced: "Replaced",
  no_match: "No match",
  duplicate: "Duplicate",
  rate_limited: "Over its rate",
  pending: "On its way",
  unknown: "Not known",
};

/** Each function that listens to an event of this name, and why it has begun or not. */
export function Decisions({ id, now }: { id: string; now: number }) {
  const { data, error } = useLive({
    key: ["decisions", id],
    read: (sent) => readDecisions(id, sent),
    everyMs: 3_000,
    follows: "runs",
    isOver: (decisions) => !decisions.some(isOpen),
  });
  if (!data) return error ? <p className="text-bad">{error.message}</p> : null;
  return (
    <Panel title="What functions made of it">
      {data.length === 0 ? (
        <p className="text-soft">No function has a trigger for an event of this name.</p>
      ) : (
        <ul className="flex flex-col gap-3">
          {data.map((decision) => (
            <One key={decision.function_slug} decision={decision} now={now} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function One({ decision, now }: { decision: Decision; now: number }) {
  const { function_slug: slug, function_name: name, run_id: runId, event_id: eventId, until, triggers } = decision;
  return (
    <li className="flex flex-col gap-1">
      <div className="flex flex-wrap gap-x-3">
        <Link to="/functions/$slug" params={{ slug }} className="font-medium hover:underline">
          <bdi>{name}</bdi>
        </Link>
        <strong>{WORDS[decision.decision] ?? decision.decision}</strong>
        <span className="text-soft wrap-anywhere">
          {decision.why}
          {decision.inferred ? " (concluded from how things are now)" : ""}
        </span>
        {until ? (
          <span className="text-soft">
            until <Clock at={until} now={now} />
          </span>
        ) : null}
        {runId === undefined ? null : (
          <Link
            to="/runs/$runId"
            params={{ runId }}
            search={{}}
            className="text-accent font-mono text-xs leading-5 underline"
          >
            {runId}
          </Link>
        )}
        {eventId === undefined ? null : (
          <Link to="/events/$eventId" params={{ eventId }} className="text-accent underline">
            The event before
          </Link>
        )}
      </div>
      {triggers?.map((trigger) => (
        <ul key={`${trigger.event} ${trigger.if}`} className="border-line flex flex-col gap-1 border-l-2 pl-3 text-xs">
          {trigger.false.map((part) => (
            <Part key={part.source} part={part} />
          ))}
        </ul>
      ))}
    </li>
  );
}

function Part({ part: { source, values, error } }: { part: FalsePart }) {
  const known = Object.entries(values);
  return (
    <li className="wrap-anywhere">
      <code>{source}</code>
      {known.map(([path, value]) => (
        <span key={path} className="text-soft">
          {" "}
          <code>{path}</code> is <code>{JSON.stringify(value).slice(0, 200)}</code>
        </span>
      ))}
      {error === undefined ? null : <span className="text-bad"> {error}</span>}
    </li>
  );
}
