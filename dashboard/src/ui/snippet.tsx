import { CopyButton } from "./copy-button.tsx";

/** Code to take along. */
export function Snippet({ code, label }: { code: string; label: string }) {
  return (
    <div className="border-line bg-sunken relative rounded-md border text-left">
      <pre className="text-ink max-h-80 overflow-auto p-3 pr-12 font-mono text-xs">{code}</pre>
      <div className="absolute top-1 right-1">
        <CopyButton text={() => code} label={label} />
      </div>
    </div>
  );
}
