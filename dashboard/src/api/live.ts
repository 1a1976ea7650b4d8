import { keepPreviousData, useQuery, type QueryKey, type UseQueryResult } from "@tanstack/react-query";
import type { Sent } from "./request.ts";

export interface Live<T> {
  key: QueryKey;
  read: (sent: Sent) => Promise<T>;
  /** pause between an answer and the next question */
  everyMs: number;
  /** what has ended is not asked for again */
  isOver?: (data: T) => boolean;
  isEnabled?: boolean;
  /** lists: the old rows stay until the new ones are there; never for one thing, which would show as another */
  isKept?: boolean;
}

/** An answer that took long, such as a run with large outputs, is asked for less often. */
const PAUSE_PER_MS_OF_READING = 5;

/**
 * Data that follows the platform. Everything on screen that changes by itself comes through here: today it asks again and
 * again, and a stream of changes would take the place of that in this file alone.
 */
export function useLive<T>({
  key,
  read,
  everyMs,
  isOver,
  isEnabled = true,
  isKept = false,
}: Live<T>): UseQueryResult<T> {
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const begunAt = performance.now();
      const data = await read({ signal });
      durations.set(JSON.stringify(key), performance.now() - begunAt);
      return data;
    },
    enabled: isEnabled,
    ...(isKept ? { placeholderData: keepPreviousData } : {}),
    refetchInterval: ({ state: { data } }) => {
      if (data !== undefined && isOver?.(data)) return false;
      const tookMs = durations.get(JSON.stringify(key)) ?? 0;
      return Math.max(everyMs, tookMs * PAUSE_PER_MS_OF_READING);
    },
  });
}

const durations = new Map<string, number>();
