import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { archiveApp, syncApp, type AppView } from "../../api/apps.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts, Panel } from "../../ui/facts.tsx";
import { Clock } from "../../ui/time.tsx";

/** What the platform knows of an app, and how the last attempt to ask it went. */
export function AppCard({ app }: { app: AppView }) {
  const { id, url, error } = app;
  const canBeAsked = url !== null && /^https?:/.test(url);
  const again = useAct(() => syncApp(url ?? ""));
  const now = Date.now();
  return (
    <Panel
      title={id ?? url ?? "?"}
      actions={
        <div className="flex gap-2">
          {canBeAsked ? (
            <Button onClick={() => again.run(undefined)} disabled={again.isBusy}>
              Sync again
            </Button>
          ) : null}
          {id === null ? null : <ArchiveButton id={id} />}
        </div>
      }
    >
      {error ? (
        <p role="alert" className="border-bad/40 wrap-anywhere rounded-md border px-3 py-2">
          <span className="text-bad font-semibold">The last sync failed, </span>
          <Clock at={error.at} now={now} />: {error.message}
        </p>
      ) : (
        <p className="text-good">In sync</p>
      )}
      <Refusal error={error ? null : again.error} />
      <Facts
        of={[
          ["URL", <bdi key="url">{url ?? "in this Worker, or connected"}</bdi>],
          ["SDK", <bdi key="sdk">{app.sdk ?? "–"}</bdi>],
          ["Framework", <bdi key="framework">{app.framework ?? "–"}</bdi>],
          ["Synced", <Clock key="at" at={app.synced_at} now={now} />],
          [
            "Functions",
            <Link
              key="functions"
              to="/functions"
              search={id === null ? {} : { q: id }}
              className="text-accent underline"
            >
              {app.function_count}
            </Link>,
          ],
        ]}
      />
    </Panel>
  );
}

function ArchiveButton({ id }: { id: string }) {
  const [isAsking, setAsking] = useState(false);
  const archive = useAct(
    () => archiveApp(id),
    () => setAsking(false),
  );
  return (
    <>
      <Button acts look="quiet" onClick={() => setAsking(true)}>
        Archive …
      </Button>
      <Dialog title={`Archive ${id}?`} isOpen={isAsking} onClose={() => setAsking(false)}>
        <p>Nothing starts its functions any more; runs that are under way go on. A sync brings it back.</p>
        <Refusal error={archive.error} />
        <div className="flex justify-end gap-2">
          <Button onClick={() => setAsking(false)}>Keep it</Button>
          <Button look="danger" onClick={() => archive.run(undefined)} disabled={archive.isBusy}>
            Archive
          </Button>
        </div>
      </Dialog>
    </>
  );
}
