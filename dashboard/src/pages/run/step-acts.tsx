import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { rerunFrom, resolveStep, type Written } from "../../api/acts.ts";
import type { Json } from "../../api/json.ts";
import { wakeStep, type Step } from "../../api/runs.ts";
import { jsonText, readJson } from "../../model/json.ts";
import { takesInput, waysToResolve, type Way } from "../../model/step-acts.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { JsonEditor } from "../../ui/json-editor.tsx";
import { JsonView } from "../../ui/json-view.tsx";

interface Props {
  runId: string;
  step: Step;
}

/** What can be done to a step: it is ended, or the run is repeated from it on. */
export function StepActs({ runId, step }: Props) {
  const [asked, setAsked] = useState<"rerun" | "resolve" | null>(null);
  const wake = useAct(() => wakeStep(runId, step.hash));
  const isWaiting = waysToResolve(step).length > 0;
  const close = () => setAsked(null);
  return (
    <>
      <Refusal error={wake.error} />
      {step.status === "sleeping" ? (
        <Button acts look="strong" onClick={() => wake.run(undefined)} disabled={wake.isBusy}>
          Wake now
        </Button>
      ) : null}
      {isWaiting ? (
        <Button acts look="strong" onClick={() => setAsked("resolve")}>
          Resolve …
        </Button>
      ) : null}
      <Button acts onClick={() => setAsked("rerun")}>
        Run again from here …
      </Button>
      {asked === "rerun" ? <RerunDialog runId={runId} step={step} onClose={close} /> : null}
      {asked === "resolve" ? <ResolveDialog runId={runId} step={step} onClose={close} /> : null}
    </>
  );
}

function RerunDialog({ runId, step, onClose }: Props & { onClose: () => void }) {
  const own = jsonText(step.input ?? []);
  const [text, setText] = useState(own);
  const navigate = useNavigate();
  const again = useAct(
    async () => rerunFrom(runId, { hash: step.hash, ...(text === own ? {} : { input: readList(text) }) }),
    (id) => void navigate({ to: "/runs/$runId", params: { runId: id }, search: {} }),
  );
  return (
    <Dialog title={`Run again from ${step.name}`} isOpen onClose={onClose} isWide>
      <p>
        A new run of the same events, with the function as it is now. It has the results of all steps that had ended
        before this one; this step and what comes after it run again, with all that they do outside.
      </p>
      {takesInput(step) ? (
        <>
          <p className="text-soft">Its arguments were:</p>
          <JsonView value={step.input ?? []} label="previous input" />
          <p className="text-soft">Its arguments will be, as a list:</p>
          <JsonEditor label="Input" text={text} onChange={setText} />
        </>
      ) : null}
      <Refusal error={again.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Leave it</Button>
        <Button acts look="strong" onClick={() => again.run(undefined)} disabled={again.isBusy}>
          Run again
        </Button>
      </div>
    </Dialog>
  );
}

/** @throws Error for what is no list */
function readList(text: string): Json[] {
  const json = readJson(text);
  if (!Array.isArray(json)) throw new Error("It must be a list: the arguments of the step's code, as [1, 2]");
  return json;
}

function ResolveDialog({ runId, step, onClose }: Props & { onClose: () => void }) {
  const ways = waysToResolve(step);
  const [way, setWay] = useState<Way | undefined>(ways[0]);
  const [text, setText] = useState(ways[0]?.example ?? "");
  const resolve = useAct(async () => resolveStep(runId, step.hash, writtenAs(way, text)), onClose);
  const choose = (chosen: Way) => {
    setWay(chosen);
    setText(chosen.example ?? "");
  };
  return (
    <Dialog title={`Resolve ${step.name}`} isOpen onClose={onClose} isWide>
      <p>The run goes on at once, with what is written here. What comes for this step afterwards changes nothing.</p>
      <fieldset className="flex flex-col gap-1">
        <legend className="text-soft">It goes on with</legend>
        {ways.map((one) => (
          <label key={one.kind} className="flex items-center gap-2">
            <input type="radio" name="way" checked={way?.kind === one.kind} onChange={() => choose(one)} />
            {one.words}
          </label>
        ))}
      </fieldset>
      {way?.example === undefined ? null : <JsonEditor label="Written by hand" text={text} onChange={setText} />}
      <Refusal error={resolve.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Let it wait</Button>
        <Button acts look="strong" onClick={() => resolve.run(undefined)} disabled={resolve.isBusy}>
          Resolve
        </Button>
      </div>
    </Dialog>
  );
}

/** @throws Error for what is no JSON */
function writtenAs(way: Way | undefined, text: string): Written {
  if (way === undefined || way.kind === "timeout") return { timeout: true };
  const json = readJson(text);
  return way.kind === "event" ? { event: json } : way.kind === "error" ? { error: json } : { data: json };
}
