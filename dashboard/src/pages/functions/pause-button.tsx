import { useId, useState } from "react";
import { pauseFunction, resumeFunction, type FunctionView, type PauseRequest } from "../../api/functions.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";

export function PauseButton({ fn }: { fn: FunctionView }) {
  const [isAsking, setAsking] = useState(false);
  const resume = useAct(() => resumeFunction(fn.slug));
  if (fn.paused)
    return (
      <>
        <Refusal error={resume.error} />
        <Button onClick={() => resume.run(undefined)} disabled={resume.isBusy}>
          Resume
        </Button>
      </>
    );
  return (
    <>
      <Button acts onClick={() => setAsking(true)}>
        Pause …
      </Button>
      <PauseDialog fn={fn} isOpen={isAsking} onClose={() => setAsking(false)} />
    </>
  );
}

function PauseDialog({ fn, isOpen, onClose }: { fn: FunctionView; isOpen: boolean; onClose: () => void }) {
  const [triggers, setTriggers] = useState<PauseRequest["triggers"]>("skip");
  const [running, setRunning] = useState<PauseRequest["running"]>("continue");
  const pause = useAct(() => pauseFunction(fn.slug, { triggers, running }), onClose);
  return (
    <Dialog title={`Pause ${fn.name}?`} isOpen={isOpen} onClose={onClose}>
      <Choice
        title="What would start it meanwhile"
        options={{ skip: "is skipped", hold: "waits until it goes on" }}
        value={triggers}
        onChange={setTriggers}
      />
      <Choice
        title="Runs that are under way"
        options={{ continue: "go on to their end", cancel: "are cancelled" }}
        value={running}
        onChange={setRunning}
      />
      <Refusal error={pause.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Leave it active</Button>
        <Button look="danger" onClick={() => pause.run(undefined)} disabled={pause.isBusy}>
          Pause
        </Button>
      </div>
    </Dialog>
  );
}

interface ChoiceProps<T extends string> {
  title: string;
  options: Record<T, string>;
  value: T;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ title, options, value, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="text-soft">{title}</legend>
      {(Object.entries(options) as [T, string][]).map(([option, words]) => (
        <label key={option} className="flex items-center gap-2">
          <input type="radio" name={name} checked={value === option} onChange={() => onChange(option)} />
          {words}
        </label>
      ))}
    </fieldset>
  );
}
