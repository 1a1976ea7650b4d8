import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { listFunctions, type FunctionView } from "../../api/functions.ts";
import { readLines, type Line } from "../../api/lines.ts";
import { useLive } from "../../api/live.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead, Panel } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { LinesTable } from "./lines-table.tsx";

/** Every key at which runs are let in one after the other, by function. */
export function LinesPage() {
  const [slug, setSlug] = useState("");
  const functions = useLive({ key: ["functions"], read: listFunctions, everyMs: 5_000, follows: "apps" });
  const lines = useLive({
    key: ["lines", ""],
    read: (sent) => readLines(undefined, sent),
    everyMs: 2_000,
    follows: "lines",
  });
  const error = functions.error ?? lines.error;
  if (!functions.data || !lines.data)
    return error ? <Problem error={error} what="list of lines" /> : <Loading what="lines" />;
  const controlled = functions.data.filter((fn) => fn.flow_control !== null || isIn(fn, lines.data));
  const shown = controlled.filter((fn) => slug === "" || fn.slug === slug);
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title="Lines">
        {controlled.length > 1 ? (
          <select
            aria-label="Function"
            value={slug}
            onChange={(event) => setSlug(event.target.value)}
            className="field max-w-64"
          >
            <option value="">All functions</option>
            {controlled.map((fn) => (
              <option key={fn.slug} value={fn.slug}>
                {fn.name}
              </option>
            ))}
          </select>
        ) : null}
      </PageHead>
      {controlled.length === 0 ? (
        <Empty title="No function has flow control">
          <p>Give one a `concurrency`, `throttle` or other limit: who is let in and who waits is seen here.</p>
        </Empty>
      ) : null}
      {shown.map((fn) => (
        <Panel
          key={fn.slug}
          title={fn.name}
          actions={
            <Link to="/functions/$slug" params={{ slug: fn.slug }} className="text-accent underline">
              Function
            </Link>
          }
        >
          <LinesTable lines={linesOf(fn, lines.data)} />
        </Panel>
      ))}
    </div>
  );
}

function isIn(fn: FunctionView, lines: readonly Line[]): boolean {
  return linesOf(fn, lines).length > 0;
}

function linesOf({ slug }: FunctionView, lines: readonly Line[]): Line[] {
  return lines.filter(({ functions }) => functions.includes(slug));
}
