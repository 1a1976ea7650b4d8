import { useInfiniteQuery } from "@tanstack/react-query";
import { listAudit, type AuditRow } from "../../api/session.ts";
import { Button } from "../../ui/button.tsx";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { Clock } from "../../ui/time.tsx";

const PAGE = 50;

/** Who has done what to the platform, newest first. */
export function AuditPage() {
  const { data, error, hasNextPage, fetchNextPage, isFetching, refetch } = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam, signal }) => listAudit(pageParam, PAGE, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.cursor,
  });
  const rows = data?.pages.flatMap((page) => page.rows);
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title="Audit trail">
        <Button onClick={() => void refetch()} disabled={isFetching}>
          Read again
        </Button>
      </PageHead>
      {rows ? (
        <List rows={rows} />
      ) : error ? (
        <Problem error={error} what="audit trail" />
      ) : (
        <Loading what="the trail" />
      )}
      {hasNextPage ? (
        <Button className="self-center" onClick={() => void fetchNextPage()} disabled={isFetching}>
          Older
        </Button>
      ) : null}
    </div>
  );
}

function List({ rows }: { rows: readonly AuditRow[] }) {
  if (rows.length === 0)
    return (
      <Empty title="Nothing was done yet">
        <p>
          What people and keys do to a platform in production is noted here: runs cancelled, functions paused, apps
          synced, who signed in. In dev mode nobody signs in, and nothing is noted.
        </p>
      </Empty>
    );
  const now = Date.now();
  return (
    <div className="border-line bg-panel overflow-x-auto rounded-lg border">
      <table className="w-full text-left">
        <thead className="text-soft text-xs">
          <tr>
            {["When", "Who", "What", "Outcome"].map((title) => (
              <th key={title} scope="col" className="px-3 py-2 font-medium">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} className="border-line border-t align-top">
              <td className="px-3 py-2">
                <Clock at={row.at} now={now} />
              </td>
              <td className="px-3 py-2 wrap-anywhere">
                <bdi>{row.who}</bdi>
                {row.by === "access" ? <span className="text-soft"> by Access</span> : null}
              </td>
              <td className="px-3 py-2 wrap-anywhere">
                <span className="font-mono text-xs">
                  {row.method} {row.path}
                </span>
                {row.detail === null ? null : (
                  <>
                    {" "}
                    <bdi>{row.detail}</bdi>
                  </>
                )}
              </td>
              <td className={`px-3 py-2 whitespace-nowrap ${row.status < 400 ? "text-good" : "text-bad"}`}>
                {row.status < 400 ? "done" : `refused (${row.status})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
