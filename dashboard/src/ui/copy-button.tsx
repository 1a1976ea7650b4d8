import { useState } from "react";
import { Button } from "./button.tsx";
import { Icon } from "./icons.tsx";

const SHOWN_MS = 1_500;

type State = "idle" | "copied" | "failed";
const WORDS: Record<State, string> = { idle: "", copied: "Copied", failed: "This browser did not let it be copied" };

/** @param text made only when it is asked for: it may be megabytes */
export function CopyButton({ text, label = "Copy" }: { text: () => string; label?: string }) {
  const [state, setState] = useState<State>("idle");

  async function copy() {
    const outcome = await write(text).then(
      () => "copied" as const,
      () => "failed" as const,
    );
    setState(outcome);
    setTimeout(() => setState("idle"), SHOWN_MS);
  }

  return (
    <Button look="quiet" onClick={() => void copy()} aria-label={label} title={label}>
      <Icon name={state === "copied" ? "check" : "copy"} />
      <span role="status" className="empty:hidden">
        {WORDS[state]}
      </span>
    </Button>
  );
}

/** An identifier that people carry elsewhere. */
export function CopyableId({ id, label }: { id: string; label: string }) {
  return (
    <span className="flex min-w-0 items-center gap-0.5">
      <code title={id} className="truncate font-mono text-xs">
        {id}
      </code>
      <span className="-my-2">
        <CopyButton text={() => id} label={label} />
      </span>
    </span>
  );
}

/** Async, so that a text that cannot be made fails as one that cannot be copied. */
async function write(text: () => string): Promise<void> {
  await navigator.clipboard.writeText(text());
}
