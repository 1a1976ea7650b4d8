import { useState } from "react";
import type { Json } from "../api/json.ts";
import {
  ENTRIES_AT_ONCE,
  entriesOf,
  entryCount,
  foldedText,
  isContainer,
  isOpenAtFirst,
  jsonText,
  type Container,
} from "../model/json.ts";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./icons.tsx";
import { LongText } from "./long-text.tsx";

/** JSON of strangers: shown as text, folded, and looked at only as far as somebody opens it. */
export function JsonView({ value, label }: { value: Json; label: string }) {
  return (
    <div role="group" aria-label={label} className="border-line bg-panel relative rounded-md border">
      <div className="max-h-[28rem] overflow-auto p-3 pr-12 font-mono text-xs leading-5">
        <Value value={value} depth={0} />
      </div>
      <div className="absolute top-1 right-1">
        <CopyButton text={() => jsonText(value)} label={`Copy ${label}`} />
      </div>
    </div>
  );
}

function Value({ value, depth }: { value: Json; depth: number }) {
  if (isContainer(value)) return <Folding value={value} depth={depth} />;
  if (typeof value === "string")
    return (
      <span className="text-good">
        <LongText text={value} isQuoted />
      </span>
    );
  return <span className={value === null ? "text-soft" : "text-busy"}>{String(value)}</span>;
}

function Folding({ value, depth }: { value: Container; depth: number }) {
  const [isOpen, setOpen] = useState(() => isOpenAtFirst(value, depth));
  if (entryCount(value) === 0) return <span className="text-soft">{foldedText(value)}</span>;
  return (
    <span>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="text-soft hover:text-ink -ml-1 inline-flex items-center rounded"
      >
        <Icon name="fold" className={isOpen ? "rotate-90" : ""} />
        {foldedText(value)}
      </button>
      {isOpen && <Entries value={value} depth={depth + 1} />}
    </span>
  );
}

function Entries({ value, depth }: { value: Container; depth: number }) {
  const [shown, setShown] = useState(ENTRIES_AT_ONCE);
  const more = entryCount(value) - shown;
  return (
    <ul className="border-line ml-1 border-l pl-3">
      {entriesOf(value, shown).map(({ label, value: of }) => (
        <li key={label} className="wrap-anywhere">
          <bdi className="text-soft">{label.length > 200 ? `${label.slice(0, 200)}…` : label}</bdi>
          <span className="text-soft">: </span>
          <Value value={of} depth={depth} />
        </li>
      ))}
      {more > 0 && (
        <li>
          <button type="button" className="text-accent underline" onClick={() => setShown(shown * 2)}>
            Show {Math.min(more, shown)} of {more} more
          </button>
        </li>
      )}
    </ul>
  );
}
