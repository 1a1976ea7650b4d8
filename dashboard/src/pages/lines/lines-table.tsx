import { Link } from "@tanstack/react-router";
import { linesOf, type Line } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { relativeText } from "../../model/time.ts";

/** Holders that are named; the number says how many there are. */
const HOLDERS_SHOWN = 3;

/** Who is let in and who waits, for each key of a function. */
export function LinesTable({ slug }: { slug: string }) {
  const { data, error } = useLive({ key: ["lines", slug], read: (sent) => linesOf(slug, sent), everyMs: 2_000 });
  if (error && !data) return <p className="text-bad">{error.message}</p>;
  if (!data) return <p className="text-soft">Reading its lines …</p>;
  if (data.length === 0) return <p className="text-soft">Nobody holds or waits for any of its keys.</p>;
  return (
    <div className="overflow-x-auto">
      <table className="w-full min-w-[36rem] text-left">
        <thead className="text-soft border-line border-b text-xs">
          <tr>
            {["Rule", "Key", "Let in", "Waiting", "Oldest", "Holders"].map((title) => (
              <th key={title} className="py-1 pr-3">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.map((line) => (
            <Row key={`${line.rule} ${line.key}`} line={line} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ line }: { line: Line }) {
  const { rule, key, limit, held, waiting, holders, oldest_since: oldest } = line;
  return (
    <tr className="border-line border-b align-top">
      <td className="py-1 pr-3">{rule}</td>
      <td className="max-w-48 truncate py-1 pr-3">
        <bdi>{key === "" ? "all" : key}</bdi>
      </td>
      <td className="py-1 pr-3 tabular-nums">
        {held}
        {limit === null ? "" : ` of ${limit}`}
      </td>
      <td className="py-1 pr-3 tabular-nums">{waiting}</td>
      <td className="py-1 pr-3 whitespace-nowrap">
        {oldest === null ? "–" : relativeText(Date.parse(oldest), Date.now())}
      </td>
      <td className="py-1">
        <span className="flex flex-col">
          {holders.slice(0, HOLDERS_SHOWN).map(({ run_id: runId }) => (
            <Link
              key={runId}
              to="/runs/$runId"
              params={{ runId }}
              search={{}}
              className="text-accent font-mono text-xs underline"
            >
              {runId}
            </Link>
          ))}
          {holders.length > HOLDERS_SHOWN ? (
            <span className="text-soft">and {holders.length - HOLDERS_SHOWN} more</span>
          ) : null}
        </span>
      </td>
    </tr>
  );
}
