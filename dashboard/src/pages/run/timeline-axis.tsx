import { useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { moved, ticksOf, zoomed, type Stretch, type Timeline } from "../../model/timeline.ts";
import { durationText } from "../../model/time.ts";
import { COLUMNS } from "./timeline-columns.ts";

interface Props {
  timeline: Timeline;
  /** the part in sight; null: all of it */
  zoom: Stretch | null;
  onZoom: (zoom: Stretch | null) => void;
}

const TICKS = 4;
/** What is drawn over with the pointer is a part from here on, else a press. */
const DRAG_MIN = 0.01;

/** The axis of time. Drawing over a part of it, or the keys + and −, show that part alone; the arrows move it. */
export function TimelineAxis({ timeline, zoom, onZoom }: Props) {
  const strip = useRef<HTMLDivElement>(null);
  /** shares of the axis between which somebody draws */
  const [drawn, setDrawn] = useState<{ from: number; to: number } | null>(null);
  const shown = zoom ?? timeline;
  const span = shown.to - shown.from;

  function shareAt({ clientX }: PointerEvent): number {
    const box = strip.current?.getBoundingClientRect();
    return box ? Math.min(Math.max((clientX - box.left) / box.width, 0), 1) : 0;
  }

  function finish() {
    if (drawn && Math.abs(drawn.to - drawn.from) >= DRAG_MIN) {
      const [from, to] = [Math.min(drawn.from, drawn.to), Math.max(drawn.from, drawn.to)];
      onZoom({ from: shown.from + from * span, to: shown.from + to * span });
    }
    setDrawn(null);
  }

  function onKey(event: KeyboardEvent) {
    const next = {
      "+": zoomed(shown, 0.5, timeline),
      "=": zoomed(shown, 0.5, timeline),
      "-": zoomed(shown, 2, timeline),
      ArrowLeft: moved(shown, -0.25, timeline),
      ArrowRight: moved(shown, 0.25, timeline),
      Escape: null,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    onZoom(next && next.to - next.from >= timeline.to - timeline.from ? null : next);
  }

  return (
    <div className={`${COLUMNS} text-soft px-1 text-[0.7rem]`}>
      <span>
        {zoom === null ? null : (
          <button type="button" onClick={() => onZoom(null)} className="text-accent underline">
            Whole run
          </button>
        )}
      </span>
      <div
        ref={strip}
        role="group"
        tabIndex={0}
        aria-label={`Time from ${durationText(shown.from - timeline.from)} to ${durationText(shown.to - timeline.from)}; + and − zoom, arrows move`}
        aria-keyshortcuts="+ - ArrowLeft ArrowRight Escape"
        title="Draw over a part to see it alone"
        onKeyDown={onKey}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrawn({ from: shareAt(event), to: shareAt(event) });
        }}
        onPointerMove={(event) => drawn && setDrawn({ from: drawn.from, to: shareAt(event) })}
        onPointerUp={finish}
        onPointerCancel={() => setDrawn(null)}
        className="bg-sunken relative h-5 cursor-crosshair touch-none overflow-hidden rounded select-none"
      >
        {ticksOf(shown, TICKS, timeline.from)
          .map((ms) => ({ ms, share: (ms + timeline.from - shown.from) / span }))
          .filter(({ share }) => share < 0.85)
          .map(({ ms, share }) => (
            <span key={ms} className="absolute px-0.5 whitespace-nowrap" style={{ left: `${share * 100}%` }}>
              {ms === 0 ? "0" : durationText(ms)}
            </span>
          ))}
        {drawn ? (
          <span
            className="bg-accent/30 absolute inset-y-0"
            style={{
              left: `${Math.min(drawn.from, drawn.to) * 100}%`,
              width: `${Math.abs(drawn.to - drawn.from) * 100}%`,
            }}
          />
        ) : null}
      </div>
    </div>
  );
}
