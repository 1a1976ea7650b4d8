import { Link } from "@tanstack/react-router";
import { extentOf, ticksOf, type Bar, type BarStatus, type Extent, type Timeline } from "../../model/timeline.ts";
import { durationText } from "../../model/time.ts";
import { statusWord } from "../../ui/status.tsx";

interface Props {
  timeline: Timeline;
  now: number;
  /** hash of a step */
  chosen: string | undefined;
  onChoose: (hash: string | undefined) => void;
}

const COLOURS: Record<BarStatus, string> = {
  queued: "bg-idle",
  running: "bg-busy",
  waiting: "bg-calm",
  completed: "bg-good",
  failed: "bg-bad",
  cancelled: "bg-warn",
  skipped: "bg-idle",
};

const TICKS = 4;
const COLUMNS = "grid grid-cols-[minmax(7rem,2fr)_minmax(0,5fr)] gap-3";

/** Bars over one axis of time: pale while it waits for its turn, full while it runs. */
export function TimelineView({ timeline, now, chosen, onChoose }: Props) {
  return (
    <div className="flex flex-col">
      <Axis timeline={timeline} />
      <ol aria-label="Steps in time" className="flex flex-col">
        {timeline.bars.map((bar) => (
          <li key={bar.id}>
            <Row bar={bar} timeline={timeline} now={now} isChosen={isChosen(bar, chosen)} onChoose={onChoose} />
          </li>
        ))}
      </ol>
    </div>
  );
}

function isChosen({ stepHash, kind }: Bar, chosen: string | undefined): boolean {
  return chosen === undefined ? kind === "run" : stepHash === chosen && kind !== "attempt";
}

function Axis({ timeline }: { timeline: Timeline }) {
  const span = timeline.to - timeline.from;
  return (
    <div aria-hidden="true" className={`${COLUMNS} text-soft h-5 text-[0.7rem]`}>
      <span />
      <div className="relative">
        {ticksOf(timeline, TICKS)
          .filter((ms) => ms / span < 0.85)
          .map((ms) => (
            <span key={ms} className="absolute whitespace-nowrap" style={{ left: `${(ms / span) * 100}%` }}>
              {ms === 0 ? "0" : durationText(ms)}
            </span>
          ))}
      </div>
    </div>
  );
}

interface RowProps {
  bar: Bar;
  timeline: Timeline;
  now: number;
  isChosen: boolean;
  onChoose: Props["onChoose"];
}

function Row({ bar, timeline, now, isChosen: isOpen, onChoose }: RowProps) {
  const { label, depth, stepHash, childRunId, parallel, attempts, kind } = bar;
  return (
    <div
      className={`${COLUMNS} hover:bg-sunken relative min-h-8 items-center rounded px-1 ${isOpen ? "bg-sunken" : ""}`}
    >
      <div className="flex min-w-0 items-center gap-1.5" style={{ paddingLeft: `${Math.min(depth, 8) * 0.75}rem` }}>
        <button
          type="button"
          aria-pressed={isOpen}
          onClick={() => onChoose(stepHash ?? undefined)}
          className="min-w-0 truncate text-left after:absolute after:inset-0"
        >
          <bdi>{label}</bdi>
          <span className="sr-only">: {saying(bar, now)}</span>
        </button>
        {parallel > 1 ? <Note text={`∥ ${parallel}`} title={`${parallel} steps side by side`} /> : null}
        {attempts > 1 && kind !== "run" ? <Note text={`× ${attempts}`} title={`${attempts} attempts`} /> : null}
        {childRunId === null ? null : (
          <Link
            to="/runs/$runId"
            params={{ runId: childRunId }}
            search={{}}
            className="text-accent relative z-[1] shrink-0 text-xs underline"
          >
            its run
          </Link>
        )}
      </div>
      <Bars bar={bar} timeline={timeline} now={now} />
    </div>
  );
}

function Note({ text, title }: { text: string; title: string }) {
  return (
    <span title={title} className="bg-sunken text-soft shrink-0 rounded px-1 text-[0.7rem]">
      {text}
    </span>
  );
}

function Bars({ bar, timeline, now }: { bar: Bar; timeline: Timeline; now: number }) {
  const { queuedAt, startedAt, endedAt, status } = bar;
  const queue = extentOf(timeline, queuedAt, startedAt ?? endedAt ?? now);
  const own = startedAt === null ? null : extentOf(timeline, startedAt, endedAt ?? now);
  const isQueueShown = own === null || (startedAt ?? 0) > queuedAt;
  return (
    <div aria-hidden="true" title={saying(bar, now)} className="relative h-5">
      {isQueueShown ? (
        <span
          className="bg-idle/40 absolute top-1.5 h-2 rounded-l"
          style={{ left: `${queue.left}%`, width: `${queue.width}%` }}
        />
      ) : null}
      {own ? (
        <span
          className={`absolute top-0.5 h-4 rounded ${COLOURS[status]} ${endedAt === null ? "opacity-80" : ""}`}
          style={{ left: `${own.left}%`, width: `${own.width}%` }}
        />
      ) : null}
      <Amount ms={(endedAt ?? now) - (startedAt ?? queuedAt)} of={own ?? queue} isOnColour={own !== null} />
    </div>
  );
}

/** How long it took: after the bar where there is room, else before it, else on it. */
function Amount({ ms, of: { left, width }, isOnColour }: { ms: number; of: Extent; isOnColour: boolean }) {
  const end = left + width;
  const shape = "absolute top-0.5 px-1 text-[0.7rem] leading-4 whitespace-nowrap tabular-nums";
  if (end < 75)
    return (
      <span className={`${shape} text-soft`} style={{ left: `${end}%` }}>
        {durationText(ms)}
      </span>
    );
  if (left > 25)
    return (
      <span className={`${shape} text-soft`} style={{ right: `${100 - left}%` }}>
        {durationText(ms)}
      </span>
    );
  return (
    <span className={`${shape} ${isOnColour ? "text-page" : "text-ink"}`} style={{ right: `${100 - end}%` }}>
      {durationText(ms)}
    </span>
  );
}

/** What a bar shows, in words. */
function saying({ status, queuedAt, startedAt, endedAt, dueAt }: Bar, now: number): string {
  const parts = [statusWord(status)];
  const waited = (startedAt ?? endedAt ?? now) - queuedAt;
  if (waited > 0) parts.push(`${durationText(waited)} in the queue`);
  if (startedAt !== null)
    parts.push(`${durationText((endedAt ?? now) - startedAt)} ${endedAt === null ? "so far" : "running"}`);
  if (dueAt !== null && endedAt === null) parts.push(`over in ${durationText(dueAt - now)}`);
  return parts.join(", ");
}
