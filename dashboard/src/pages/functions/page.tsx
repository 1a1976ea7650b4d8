import { getRouteApi, Link } from "@tanstack/react-router";
import { listFunctions, type FunctionView } from "../../api/functions.ts";
import { useLive } from "../../api/live.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { FirstSteps } from "../first-steps.tsx";
import { Triggers } from "./triggers.tsx";

const route = getRouteApi("/functions");

export function FunctionsPage() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error } = useLive({ key: ["functions"], read: listFunctions, everyMs: 5_000, follows: "apps" });
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title="Functions">
        <input
          type="search"
          aria-label="Name of the function"
          placeholder="Name"
          value={q}
          onChange={(event) =>
            void navigate({ search: event.target.value === "" ? {} : { q: event.target.value }, replace: true })
          }
          className="field w-48"
        />
      </PageHead>
      {data ? (
        <List functions={data} q={q} />
      ) : error ? (
        <Problem error={error} what="list of functions" />
      ) : (
        <Loading what="functions" />
      )}
    </div>
  );
}

function List({ functions, q }: { functions: readonly FunctionView[]; q: string }) {
  const shown = functions.filter(({ slug, name }) => `${slug} ${name}`.toLowerCase().includes(q.toLowerCase()));
  if (functions.length === 0) return <FirstSteps />;
  if (shown.length === 0) return <Empty title="No function is called so" />;
  return (
    <table className="w-full table-fixed text-left">
      <thead className="text-soft border-line border-b text-xs">
        <tr>
          <th className="py-2">Name</th>
          <th className="py-2">Triggers</th>
          <th className="py-2 max-md:hidden">App</th>
          <th className="w-24 py-2">State</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((fn) => (
          <tr key={fn.slug} className="border-line hover:bg-sunken border-b">
            <td className="truncate py-2 pr-3">
              <Link to="/functions/$slug" params={{ slug: fn.slug }} className="font-medium hover:underline">
                <bdi>{fn.name}</bdi>
              </Link>
            </td>
            <td className="py-2 pr-3">
              <Triggers fn={fn} />
            </td>
            <td className="truncate py-2 pr-3 max-md:hidden">
              <bdi>{fn.app_id}</bdi>
            </td>
            <td className={`py-2 ${fn.paused ? "text-warn" : "text-soft"}`}>{fn.paused ? "Paused" : "Active"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
