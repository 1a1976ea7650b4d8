import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { invokeFunction, type FunctionView } from "../../api/functions.ts";
import { readJson } from "../../model/json.ts";
import { Refusal, useAct } from "../../ui/act.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { JsonEditor } from "../../ui/json-editor.tsx";

interface Props {
  fn: FunctionView;
  isOpen: boolean;
  onClose: () => void;
}

/** Starts a function whatever its triggers, and goes to the event that did it. */
export function InvokeDialog({ fn, isOpen, onClose }: Props) {
  const [text, setText] = useState("{}");
  const navigate = useNavigate();
  const invoke = useAct(
    async () => invokeFunction(fn.slug, readJson(text)),
    (eventId) => void navigate({ to: "/events/$eventId", params: { eventId } }),
  );
  return (
    <Dialog title={`Invoke ${fn.name}`} isOpen={isOpen} onClose={onClose} isWide>
      <p className="text-soft">What its code gets as `event.data`:</p>
      <JsonEditor label="Data" text={text} onChange={setText} />
      <Refusal error={invoke.error} />
      <div className="flex justify-end">
        <Button look="strong" onClick={() => invoke.run(undefined)} disabled={invoke.isBusy}>
          Invoke
        </Button>
      </div>
    </Dialog>
  );
}
