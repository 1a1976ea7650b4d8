import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { listEvents, type EventRow } from "../../api/events.ts";
import { useLive } from "../../api/live.ts";
import { mergeEvents, namesIn } from "../../model/event-list.ts";
import type { EventsSearch } from "../../model/search.ts";
import { rangeStart } from "../../model/time.ts";

const PAGE = 100;

export interface Events {
  rows: EventRow[];
  error: Error | null;
  isReading: boolean;
  hasMore: boolean;
  readMore: () => void;
}

/** As the runs: the newest follow the platform, older ones are read as one scrolls to them. */
export function useEvents({ name, range, internal = false }: EventsSearch): Events {
  const ofNow = () => ({ names: namesIn(name), from: range && rangeStart(range, Date.now()), internal });
  const head = useLive({
    key: ["events", "head", name, range, internal],
    read: (sent) => listEvents(ofNow(), null, PAGE, sent),
    everyMs: 1_500,
    follows: "events",
    isKept: true,
  });
  const pages = useInfiniteQuery({
    queryKey: ["events", "pages", name, range, internal],
    queryFn: ({ pageParam, signal }) => listEvents(ofNow(), pageParam, PAGE, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.cursor,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const rows = useMemo(
    () => mergeEvents(head.data?.events ?? [], pages.data?.pages.flatMap((page) => page.events) ?? []),
    [head.data, pages.data],
  );
  const { isFetching, fetchNextPage, hasNextPage } = pages;
  return {
    rows,
    error: head.data === undefined ? head.error : null,
    isReading: head.isPending || isFetching,
    hasMore: hasNextPage,
    readMore: () => {
      if (hasNextPage && !isFetching) void fetchNextPage();
    },
  };
}
