import { keepPreviousData, useQuery, useQueryClient, type QueryKey, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import type { Sent } from "./request.ts";
import { follow, isStreaming, onStreaming, type Topic } from "./stream.ts";

export interface Live<T> {
  key: QueryKey;
  read: (sent: Sent) => Promise<T>;
  /** pause between an answer and the next question, while nobody tells of changes */
  everyMs: number;
  /** whose changes it shows: read again when one is told, and hardly ever else */
  follows?: Topic;
  /** what has ended is not asked for again */
  isOver?: (data: T) => boolean;
  isEnabled?: boolean;
  /** lists: the old rows stay until the new ones are there; never for one thing, which would show as another */
  isKept?: boolean;
}

/** An answer that took long, such as a run with large outputs, is asked for less often. */
const PAUSE_PER_MS_OF_READING = 5;
/** Changes that come close together are read together: of a run those of a blink, of a list more, for it costs more. */
const PACE_MS = { run: 100, list: 400 };
/** What streams do not tell: a run of the day before yesterday, say. */
const LOOK_ANYWAY_MS = 30_000;

/**
 * Data that follows the platform. Everything on screen that changes by itself comes through here: it is read when the
 * platform tells of a change, and where or while it does not, again and again.
 */
export function useLive<T>({
  key,
  read,
  everyMs,
  follows,
  isOver,
  isEnabled = true,
  isKept = false,
}: Live<T>): UseQueryResult<T> {
  const client = useQueryClient();
  const isTold = useSyncExternalStore(onStreaming, isStreaming) && follows !== undefined;
  const tookMs = useRef(0);
  const result = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const begunAt = performance.now();
      const data = await read({ signal });
      tookMs.current = performance.now() - begunAt;
      return data;
    },
    enabled: isEnabled,
    ...(isKept ? { placeholderData: keepPreviousData } : {}),
    refetchInterval: ({ state: { data } }) => {
      if (data !== undefined && isOver?.(data)) return false;
      return Math.max(isTold ? LOOK_ANYWAY_MS : everyMs, tookMs.current * PAUSE_PER_MS_OF_READING);
    },
  });

  const hasEnded = result.data !== undefined && isOver?.(result.data) === true;
  const name = JSON.stringify(key);
  useEffect(() => {
    if (follows === undefined || !isEnabled || hasEnded) return undefined;
    const queryKey = JSON.parse(name) as QueryKey;
    const paceMs = follows.startsWith("run:") ? PACE_MS.run : PACE_MS.list;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = () => {
      timer = setTimeout(look, Math.max(paceMs, tookMs.current * PAUSE_PER_MS_OF_READING));
    };
    const look = () => {
      timer = undefined;
      // what is being read may be from before the change
      if (client.isFetching({ queryKey, exact: true }) > 0) later();
      else void client.invalidateQueries({ queryKey, exact: true });
    };
    const end = follow(follows, () => {
      if (timer === undefined) later();
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [client, follows, hasEnded, isEnabled, name]);
  return result;
}
