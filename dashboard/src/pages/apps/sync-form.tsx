import { useId, useState, type FormEvent } from "react";
import { syncApp } from "../../api/apps.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";

/** Has the platform ask an app at a URL for its functions. */
export function SyncForm() {
  const [url, setUrl] = useState("");
  const [outcome, setOutcome] = useState("");
  const id = useId();
  const sync = useAct(syncApp, ({ app_id: app, functions, message }) =>
    setOutcome(message ?? `App “${app ?? "?"}” is registered, with ${functions.length} functions.`),
  );

  function submit(event: FormEvent) {
    event.preventDefault();
    setOutcome("");
    sync.run(url.trim());
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-2">
      <label htmlFor={id} className="text-soft">
        URL at which an app serves its functions
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          type="url"
          required
          placeholder="http://localhost:3000/api/inngest"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
          className="field min-w-0 flex-1"
        />
        <Button type="submit" look="strong" disabled={sync.isBusy}>
          Sync
        </Button>
      </div>
      <Refusal error={sync.error} />
      <p role="status" className="text-good empty:hidden">
        {outcome}
      </p>
    </form>
  );
}
