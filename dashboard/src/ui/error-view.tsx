import type { WireError } from "../api/json.ts";
import { JsonView } from "./json-view.tsx";
import { LongText } from "./long-text.tsx";

/** Causes below causes that are opened without being asked for. */
const CAUSES_MAX = 5;

/** An error as the app threw it: what, where, and why. */
export function ErrorView({ error, depth = 0 }: { error: WireError; depth?: number }) {
  const { name, message, stack, cause } = error;
  return (
    <div className="border-bad/40 bg-panel flex flex-col gap-2 rounded-md border p-3">
      <p className="wrap-anywhere font-mono text-xs font-semibold">
        <span className="text-bad">{name ?? "Error"}</span>
        {message ? <span>: </span> : null}
        {message ? <LongText text={message} /> : null}
      </p>
      {stack ? (
        <details>
          <summary className="text-soft">Stack</summary>
          <pre className="max-h-72 overflow-auto pt-1 font-mono text-xs">
            <LongText text={stack} />
          </pre>
        </details>
      ) : null}
      {cause === undefined || cause === null ? null : (
        <div className="flex flex-col gap-1">
          <h2>Caused by</h2>
          {isError(cause) && depth < CAUSES_MAX ? (
            <ErrorView error={cause} depth={depth + 1} />
          ) : (
            <JsonView value={cause} label="cause" />
          )}
        </div>
      )}
    </div>
  );
}

function isError(cause: NonNullable<WireError["cause"]>): cause is { name: string; message: string } {
  return typeof cause === "object" && !Array.isArray(cause) && typeof cause.message === "string";
}
