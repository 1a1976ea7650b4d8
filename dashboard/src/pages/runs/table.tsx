import { useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { Runs } from "./use-runs.ts";
import { columns, features } from "./columns.tsx";

const ROW_PX = 44;
/** On a narrow screen a run has two lines: what and how, then when. */
const ROW_NARROW_PX = 62;
const NARROW = "(width < 48rem)";
/** Rows before the end of what is known at which more are read. */
const AHEAD = 30;

const GRID =
  "grid items-center gap-x-3 px-4 max-md:grid-cols-[6.5rem_1fr_auto] md:grid-cols-[7rem_minmax(8rem,2fr)_minmax(8rem,2fr)_8.5rem_8.5rem_6rem]";
/** Which cells a narrow screen leaves out or puts elsewhere. */
const PLACES: Record<string, string> = {
  trigger: "max-md:order-1 max-md:col-span-2",
  queued_at: "max-md:order-1 max-md:text-soft max-md:text-right",
  started_at: "max-md:hidden",
  duration: "text-right",
};

/** The runs as rows, of which only those in sight are there. */
export function RunsTable({ rows: data, hasMore, readMore }: Runs) {
  const table = useTable({ features, columns, data, getRowId: (row) => row.run_id });
  const { rows } = table.getRowModel();
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (matchMedia(NARROW).matches ? ROW_NARROW_PX : ROW_PX),
    getItemKey: (i) => rows[i]?.id ?? i,
    overscan: 12,
  });
  useEffect(() => {
    const narrow = matchMedia(NARROW);
    const measure = () => virtual.measure();
    narrow.addEventListener("change", measure);
    return () => narrow.removeEventListener("change", measure);
  }, [virtual]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - AHEAD) readMore();
  }, [hasMore, last, rows.length, readMore]);

  return (
    <div
      ref={scroller}
      role="table"
      aria-label="Runs"
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      className="min-h-0 flex-1 overflow-auto"
    >
      <div role="rowgroup" className="bg-page border-line sticky top-0 z-[1] border-b max-md:sr-only">
        {table.getHeaderGroups().map((group) => (
          <div key={group.id} role="row" aria-rowindex={1} className={`${GRID} text-soft h-8 text-xs font-semibold`}>
            {group.headers.map((header) => (
              <div key={header.id} role="columnheader" className={PLACES[header.id] ?? ""}>
                <table.FlexRender header={header} />
              </div>
            ))}
          </div>
        ))}
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <div
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              className={`${GRID} border-line hover:bg-sunken absolute inset-x-0 top-0 border-b`}
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              {row.getAllCells().map((cell) => (
                <div key={cell.id} role="cell" className={`min-w-0 ${PLACES[cell.column.id] ?? ""}`}>
                  <table.FlexRender cell={cell} />
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
