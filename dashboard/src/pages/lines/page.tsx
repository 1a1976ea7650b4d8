import { Link } from "@tanstack/react-router";
import { listFunctions } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead, Panel } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { LinesTable } from "./lines-table.tsx";

/** Every key at which runs are let in one after the other, by function. */
export function LinesPage() {
  const { data, error } = useLive({ key: ["functions"], read: listFunctions, everyMs: 5_000 });
  if (!data) return error ? <Problem error={error} what="list of functions" /> : <Loading what="lines" />;
  const controlled = data.filter(({ flow_control: flow }) => flow !== null);
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title="Lines" />
      {controlled.length === 0 ? (
        <Empty title="No function has flow control">
          <p>Give one a `concurrency`, `throttle` or other limit: who is let in and who waits is seen here.</p>
        </Empty>
      ) : null}
      {controlled.map(({ slug, name }) => (
        <Panel
          key={slug}
          title={name}
          actions={
            <Link to="/functions/$slug" params={{ slug }} className="text-accent underline">
              Function
            </Link>
          }
        >
          <LinesTable slug={slug} />
        </Panel>
      ))}
    </div>
  );
}
