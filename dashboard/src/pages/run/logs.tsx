import { memo, useState } from "react";
import { useLive } from "../../api/live.ts";
import { readLogs, type LogLine, type Logged } from "../../api/logs.ts";
import type { Run, Step } from "../../api/runs.ts";
import { Button } from "../../ui/button.tsx";
import { Panel } from "../../ui/facts.tsx";
import { LongText } from "../../ui/long-text.tsx";
import { Refusal } from "../../ui/act.tsx";
import { Clock } from "../../ui/time.tsx";

/** All that the code of a run has logged, with the steps that it is from. */
export function RunLogs({ run, now, onChoose }: { run: Run; now: number; onChoose: (hash: string) => void }) {
  const { bytes, dropped } = run.logs;
  return (
    <Panel title="Logs">
      {bytes === 0 && dropped === 0 ? (
        <p className="text-soft">
          Nothing is kept: its code has logged nothing, its app has switched that off, or it uses a client of Inngest’s
          own, which does not tell.
        </p>
      ) : (
        <Lines runId={run.run_id} isOf={`${bytes}/${dropped}`} now={minuteOf(now)} onChoose={onChoose} />
      )}
      {dropped > 0 ? <Dropped count={dropped} why="the run has as many as are kept" /> : null}
    </Panel>
  );
}

/** What the code of one step has logged, attempt by attempt. */
export function StepLogs({ runId, step, now }: { runId: string; step: Step; now: number }) {
  const { lines, dropped } = step.logs;
  if (lines === 0 && dropped === 0) return null;
  return (
    <>
      <h2>Logs</h2>
      <Lines runId={runId} step={step.hash} isOf={`${lines}/${dropped}`} now={minuteOf(now)} />
    </>
  );
}

interface LinesProps {
  runId: string;
  /** of one step alone */
  step?: string;
  /** changes when there are more */
  isOf: string;
  now: number;
  onChoose?: (hash: string) => void;
}

function Lines({ runId, step, isOf, now, onChoose }: LinesProps) {
  const [pages, setPages] = useState(1);
  const { data, error } = useLive({
    key: ["run", runId, "logs", step ?? "", isOf, pages],
    read: (sent) => readLogs(runId, step, pages, sent),
    everyMs: 60_000,
    isOver: () => true,
    isKept: true,
  });
  if (!data) return error ? <Refusal error={error} /> : <p className="text-soft">Reading…</p>;
  const isTried = step !== undefined && data.logs.some(({ attempt }) => attempt > 0);
  return (
    <>
      <ol aria-label="Lines" className="flex max-h-96 flex-col gap-px overflow-auto font-mono text-xs">
        {data.logs.map((logged, i) => (
          <Batch key={i} logged={logged} isTried={isTried} now={now} onChoose={onChoose} />
        ))}
      </ol>
      {data.hasMore ? <Button onClick={() => setPages(pages + 1)}>Show more</Button> : null}
    </>
  );
}

interface BatchProps {
  logged: Logged;
  isTried: boolean;
  now: number;
  onChoose: LinesProps["onChoose"];
}

/** There may be thousands of lines on a page that is drawn anew all the time: to choose is the same whoever says it. */
const Batch = memo(BatchLines, (a, b) => a.logged === b.logged && a.isTried === b.isTried && a.now === b.now);

/** What day it is matters to lines, and no more. */
function minuteOf(now: number): number {
  return now - (now % 60_000);
}

function BatchLines({ logged: { step, hash, attempt, lines, dropped }, isTried, now, onChoose }: BatchProps) {
  return (
    <>
      {isTried ? <li className="text-soft pt-1 font-sans">Attempt {attempt + 1}</li> : null}
      {lines.map((line, i) => (
        <li key={i} className="flex items-baseline gap-2">
          <Clock at={line.at} now={now} />
          <Level of={line.level} />
          {onChoose && hash !== null ? (
            <button
              type="button"
              className="text-accent max-w-40 shrink-0 truncate underline"
              onClick={() => onChoose(hash)}
            >
              <bdi>{step}</bdi>
            </button>
          ) : null}
          <span className="min-w-0 wrap-anywhere">
            <LongText text={line.text} />
            {line.is_cut ? <span className="text-soft font-sans"> … cut</span> : null}
          </span>
        </li>
      ))}
      {dropped > 0 ? (
        <li>
          <Dropped count={dropped} why="there were too many at once" />
        </li>
      ) : null}
    </>
  );
}

const LEVELS: Record<LogLine["level"], string> = {
  debug: "text-soft",
  info: "text-busy",
  warn: "text-warn",
  error: "text-bad",
};

function Level({ of }: { of: LogLine["level"] }) {
  return <span className={`w-10 shrink-0 ${LEVELS[of] ?? "text-soft"}`}>{of}</span>;
}

function Dropped({ count, why }: { count: number; why: string }) {
  return (
    <p className="text-soft font-sans">
      {count} more {count === 1 ? "line is" : "lines are"} not kept: {why}.
    </p>
  );
}
