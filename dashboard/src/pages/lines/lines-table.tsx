import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Lease, Line } from "../../api/lines.ts";
import { durationText, relativeText } from "../../model/time.ts";

/** Runs that are named in a row; the whole key shows more. */
const SHOWN = 3;

/** Who is let in and who waits, key by key; each opens. */
export function LinesTable({ lines }: { lines: readonly Line[] }) {
  const [open, setOpen] = useState<string | null>(null);
  if (lines.length === 0) return <p className="text-soft">Nobody holds or waits for any of its keys.</p>;
  return (
    <div className="overflow-x-auto">
      <table className="w-full min-w-[44rem] text-left">
        <thead className="text-soft border-line border-b text-xs">
          <tr>
            {["Rule", "Key", "Let in", "Waiting", "Oldest", "Holders", "In line"].map((title) => (
              <th key={title} className="py-1 pr-3">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <Row
              key={line.id}
              line={line}
              isOpen={open === line.id}
              onToggle={() => setOpen(open === line.id ? null : line.id)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ line, isOpen, onToggle }: { line: Line; isOpen: boolean; onToggle: () => void }) {
  const { rule, key, held, waiting, holders, waiters, oldest_since: oldest, next_at: next } = line;
  const name = key === null || key === "" ? "all" : key;
  const now = Date.now();
  return (
    <>
      <tr className="border-line border-b align-top">
        <td className="py-1 pr-3">{rule}</td>
        <td className="max-w-48 truncate py-1 pr-3">
          <button
            type="button"
            aria-expanded={isOpen}
            onClick={onToggle}
            className="text-accent underline"
            title={name}
          >
            <bdi>{name}</bdi>
          </button>
        </td>
        <td className="py-1 pr-3 tabular-nums">{letIn(line)}</td>
        <td className="py-1 pr-3 tabular-nums">{waiting}</td>
        <td className="py-1 pr-3 whitespace-nowrap">{oldest === null ? "–" : relativeText(Date.parse(oldest), now)}</td>
        <td className="py-1 pr-3">
          <Some of={holders} count={held} />
        </td>
        <td className="py-1">
          <Some of={waiters} count={waiting} />
        </td>
      </tr>
      {isOpen ? (
        <tr className="bg-sunken">
          <td colSpan={7} className="p-3">
            <section aria-label={`${rule} ${name}`} className="grid gap-4 md:grid-cols-2">
              <All title="Let in" of={holders} count={held} now={now} />
              <All title="In line, in this order" of={waiters} count={waiting} now={now} />
              {next === null ? null : (
                <p className="text-soft">The next comes in {relativeText(Date.parse(next), now)}.</p>
              )}
            </section>
          </td>
        </tr>
      ) : null}
    </>
  );
}

/** How many are in of how many, or how many come in per time. */
function letIn({ limit, period_ms: periodMs, held }: Line): string {
  if (periodMs !== null) return `${limit} per ${durationText(periodMs)}`;
  return limit === null ? String(held) : `${held} of ${limit}`;
}

function Some({ of, count }: { of: readonly Lease[]; count: number }) {
  return (
    <span className="flex flex-col">
      {of.slice(0, SHOWN).map(({ run_id: runId }) => (
        <RunLink key={runId} id={runId} />
      ))}
      {count > SHOWN ? <span className="text-soft">and {count - SHOWN} more</span> : null}
    </span>
  );
}

function All({ title, of, count, now }: { title: string; of: readonly Lease[]; count: number; now: number }) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <h3 className="text-soft text-xs">
        {title}: {count}
      </h3>
      <ol className="flex flex-col gap-1">
        {of.map(({ run_id: runId, function_slug: slug, since }) => (
          <li key={runId} className="flex flex-wrap gap-x-3">
            <RunLink id={runId} />
            <Link to="/functions/$slug" params={{ slug }} className="truncate hover:underline">
              <bdi>{slug}</bdi>
            </Link>
            <span className="text-soft whitespace-nowrap">{relativeText(Date.parse(since), now)}</span>
          </li>
        ))}
      </ol>
      {count > of.length ? <span className="text-soft">and {count - of.length} more</span> : null}
    </div>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Link to="/runs/$runId" params={{ runId: id }} search={{}} className="text-accent font-mono text-xs underline">
      {id}
    </Link>
  );
}
