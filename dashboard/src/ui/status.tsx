/** The state of a run or step: a word, and a colour that repeats it. */
const LOOKS: Record<string, [string, string]> = {
  queued: ["Queued", "bg-idle"],
  scheduled: ["Queued", "bg-idle"],
  planned: ["Running", "bg-busy"],
  running: ["Running", "bg-busy animate-pulse"],
  retrying: ["Trying again", "bg-warn animate-pulse"],
  waiting: ["Waiting", "bg-calm"],
  registering: ["Waiting", "bg-calm"],
  invoking: ["Waiting", "bg-calm"],
  sleeping: ["Sleeping", "bg-calm"],
  completed: ["Completed", "bg-good"],
  failed: ["Failed", "bg-bad"],
  cancelled: ["Cancelled", "bg-warn"],
  skipped: ["Skipped", "bg-idle"],
};

export function statusWord(status: string): string {
  return LOOKS[status.toLowerCase()]?.[0] ?? status;
}

export function Status({ of }: { of: string }) {
  const [word, colour] = LOOKS[of.toLowerCase()] ?? [of, "bg-idle"];
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span aria-hidden="true" className={`size-2 shrink-0 rounded-full ${colour}`} />
      {word}
    </span>
  );
}
