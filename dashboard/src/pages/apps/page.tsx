import { listApps, type AppView } from "../../api/apps.ts";
import { useLive } from "../../api/live.ts";
import { Empty, Loading } from "../../ui/empty.tsx";
import { PageHead } from "../../ui/facts.tsx";
import { Problem } from "../../ui/problem.tsx";
import { AppCard } from "./app-card.tsx";
import { SyncForm } from "./sync-form.tsx";

export function AppsPage() {
  const { data, error } = useLive({ key: ["apps"], read: listApps, everyMs: 3_000, follows: "apps" });
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      <PageHead title="Apps" />
      {error && !data ? null : <SyncForm />}
      {data ? <List apps={data} /> : error ? <Problem error={error} what="list of apps" /> : <Loading what="apps" />}
    </div>
  );
}

function List({ apps }: { apps: readonly AppView[] }) {
  if (apps.length === 0)
    return (
      <Empty title="No app is known here yet">
        <p>
          Type above where one serves its functions, such as http://localhost:3000/api/inngest. Or start it with
          INNGEST_BASE_URL={location.origin}, and it comes by itself.
        </p>
      </Empty>
    );
  return (
    <ul className="grid gap-4 md:grid-cols-2">
      {apps.map((app) => (
        <li key={app.id ?? app.url}>
          <AppCard app={app} />
        </li>
      ))}
    </ul>
  );
}
