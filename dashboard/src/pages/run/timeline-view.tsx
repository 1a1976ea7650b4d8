import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState, type KeyboardEvent } from "react";
import {
  barsWithin,
  extentOf,
  type Bar,
  type BarStatus,
  type Extent,
  type Stretch,
  type Timeline,
} from "../../model/timeline.ts";
import { durationText } from "../../model/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { statusWord } from "../../ui/status.tsx";
import { TimelineAxis } from "./timeline-axis.tsx";
import { COLUMNS } from "./timeline-columns.ts";

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

const ROW_PX = 32;

/** Bars over one axis of time: pale while it waits for its turn, full while it runs. Only the rows in sight are there. */
export function TimelineView({ timeline, now, chosen, onChoose }: Props) {
  /** null: the whole */
  const [zoom, setZoom] = useState<Stretch | null>(null);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const scroller = useRef<HTMLDivElement>(null);
  const shown = zoom ?? timeline;
  const bars = barsWithin(timeline, shown, folded, now);
  const virtual = useVirtualizer({
    count: bars.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (i) => bars[i]?.id ?? i,
    overscan: 15,
  });

  function toggle(id: string) {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  }

  /** The arrows go from row to row, also to those that are not in sight yet. */
  function onKey(event: KeyboardEvent<HTMLOListElement>) {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (!row) return;
    const at = Number(row.dataset.index);
    const last = bars.length - 1;
    const to = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    virtual.scrollToIndex(to);
    const list = event.currentTarget;
    // once the row is there
    requestAnimationFrame(() =>
      requestAnimationFrame(() => list.querySelector<HTMLElement>(`[data-index="${to}"] button`)?.focus()),
    );
  }

  return (
    <div className="flex flex-col gap-1">
      <TimelineAxis timeline={timeline} zoom={zoom} onZoom={setZoom} />
      <div ref={scroller} className="max-h-[70vh] overflow-y-auto">
        <ol
          aria-label="Steps in time"
          className="relative"
          style={{ height: virtual.getTotalSize() }}
          onKeyDown={onKey}
        >
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const bar = bars[index];
            return bar ? (
              <li
                key={key}
                data-index={index}
                aria-setsize={bars.length}
                aria-posinset={index + 1}
                className="absolute inset-x-0 top-0"
                style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
              >
                <Row
                  bar={bar}
                  shown={shown}
                  now={now}
                  isChosen={isChosen(bar, chosen)}
                  isFolded={folded.has(bar.id)}
                  onPress={() => (bar.kind === "group" ? toggle(bar.id) : onChoose(bar.stepHash ?? undefined))}
                />
              </li>
            ) : null;
          })}
        </ol>
      </div>
    </div>
  );
}

function isChosen({ stepHash, kind }: Bar, chosen: string | undefined): boolean {
  return chosen === undefined ? kind === "run" : stepHash === chosen && kind !== "attempt";
}

interface RowProps {
  bar: Bar;
  shown: Stretch;
  now: number;
  isChosen: boolean;
  isFolded: boolean;
  onPress: () => void;
}

function Row({ bar, shown, now, isChosen: isOpen, isFolded, onPress }: RowProps) {
  const { label, depth, childRunId, attempts, kind } = bar;
  const state = kind === "group" ? { "aria-expanded": !isFolded } : { "aria-pressed": isOpen };
  return (
    <div className={`${COLUMNS} hover:bg-sunken relative h-8 items-center rounded px-1 ${isOpen ? "bg-sunken" : ""}`}>
      <div className="flex min-w-0 items-center gap-1.5" style={{ paddingLeft: `${Math.min(depth, 8) * 0.75}rem` }}>
        {kind === "group" ? <Icon name="fold" className={isFolded ? "" : "rotate-90"} /> : null}
        <button
          type="button"
          {...state}
          onClick={onPress}
          className="min-w-0 truncate text-left after:absolute after:inset-0"
        >
          <bdi>{label}</bdi>
          <span className="sr-only">: {saying(bar, now)}</span>
        </button>
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
      <Bars bar={bar} shown={shown} now={now} />
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

function Bars({ bar, shown, now }: { bar: Bar; shown: Stretch; now: number }) {
  const { queuedAt, startedAt, endedAt, status, kind } = bar;
  const queueEnd = startedAt ?? endedAt ?? now;
  const queue = extentOf(shown, queuedAt, queueEnd);
  const own = startedAt === null ? null : extentOf(shown, startedAt, endedAt ?? now);
  const isQueueShown = (own === null || (startedAt ?? 0) > queuedAt) && queueEnd >= shown.from && queuedAt <= shown.to;
  const isOwnShown = own !== null && (startedAt ?? 0) <= shown.to && (endedAt ?? now) >= shown.from;
  const height = kind === "group" ? "top-2 h-1" : "top-0.5 h-4";
  return (
    <div aria-hidden="true" title={saying(bar, now)} className="relative h-5 overflow-hidden">
      {isQueueShown ? (
        <span
          className="bg-idle/40 absolute top-1.5 h-2 rounded-l"
          style={{ left: `${queue.left}%`, width: `${queue.width}%` }}
        />
      ) : null}
      {isOwnShown ? (
        <span
          className={`absolute rounded ${height} ${COLOURS[status]} ${endedAt === null ? "opacity-80" : ""}`}
          style={{ left: `${own.left}%`, width: `${own.width}%` }}
        />
      ) : null}
      <Amount
        ms={(endedAt ?? now) - (startedAt ?? queuedAt)}
        of={own ?? queue}
        isOnColour={own !== null && kind !== "group"}
      />
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
