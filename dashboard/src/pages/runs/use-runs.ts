import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useLive } from "../../api/live.ts";
import { listRuns, type RunFilter, type RunRow } from "../../api/runs.ts";
import { mergeRuns } from "../../model/run-list.ts";
import type { RunsSearch } from "../../model/search.ts";
import { rangeStart } from "../../model/time.ts";

const HEAD = 50;
const PAGE = 100;

export interface Runs {
  rows: RunRow[];
  error: Error | null;
  isReading: boolean;
  hasMore: boolean;
  readMore: () => void;
  /** whether the rows are still those of the question before */
  isOfBefore: boolean;
  /** how far back a search has come; null: to the end */
  lookedUntil: string | null;
}

/** The runs that a search finds: the newest follow the platform, older ones are read as one scrolls to them. */
export function useRuns({ range, ...filter }: RunsSearch): Runs {
  const ofNow = (): RunFilter => ({ ...filter, from: range && rangeStart(range, Date.now()) });
  const key = [filter.status, filter.app, filter.fn, range, filter.if];
  const head = useLive({
    key: ["runs", "head", ...key],
    read: (sent) => listRuns(ofNow(), null, HEAD, sent),
    // a search looks through many: it is not asked anew for each run that changes
    ...(filter.if === undefined ? { everyMs: 1_500, follows: "runs" as const } : { everyMs: 5_000 }),
    isKept: true,
  });
  const pages = useInfiniteQuery({
    queryKey: ["runs", "pages", ...key],
    queryFn: ({ pageParam, signal }) => listRuns(ofNow(), pageParam, PAGE, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.cursor,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false, // with each page all those before it would be compared anew
  });
  const merged = useMemo(() => mergeRuns(head.data, pages.data?.pages ?? []), [head.data, pages.data]);
  const { refetch, isFetching, fetchNextPage, hasNextPage } = pages;
  useEffect(() => {
    if (merged.isTorn && !isFetching) void refetch();
  }, [merged.isTorn, isFetching, refetch]);
  return {
    rows: merged.rows,
    error: head.data === undefined ? head.error : null,
    isReading: head.isPending || isFetching,
    hasMore: hasNextPage,
    isOfBefore: head.isPlaceholderData,
    lookedUntil: pages.data?.pages.at(-1)?.lookedUntil ?? null,
    readMore: () => {
      if (hasNextPage && !isFetching) void fetchNextPage();
    },
  };
}
