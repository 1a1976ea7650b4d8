import type { FunctionView } from "../../api/functions.ts";

/** What starts a function. */
export function Triggers({ fn: { triggers, crons } }: { fn: Pick<FunctionView, "triggers" | "crons"> }) {
  const names = [
    ...triggers.map(({ event, if: condition }) => (condition === null ? event : `${event} if ${condition}`)),
    ...crons.map(({ cron }) => `cron ${cron}`),
  ];
  if (names.length === 0) return <span className="text-soft">only invoked</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {names.map((name) => (
        <bdi key={name} className="bg-sunken max-w-full truncate rounded px-1.5 text-xs leading-5">
          {name}
        </bdi>
      ))}
    </span>
  );
}
