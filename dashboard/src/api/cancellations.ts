import { localId } from "./functions.ts";
import { path, request, type Sent } from "./request.ts";

/** Many runs that are cancelled in the background, and how far that has come. */
export interface Cancellation {
  id: string;
  status: string;
  matched: number;
  cancelled: number;
  already_ended: number;
  /** that could not be reached and are tried again */
  failing: number;
  ended_at: string | null;
}

interface Which {
  slug: string;
  appId: string;
  /** CEL over `event`; empty: all */
  condition: string;
}

/** Cancels the runs of a function that have begun up to now; those that begin later go on. */
export async function cancelRuns({ slug, appId, condition }: Which): Promise<Cancellation> {
  // the platform's clock may be behind this one, and it refuses what is ahead of its own
  const { data } = await request<{ data: Cancellation }>("/v1/cancellations", {
    method: "POST",
    body: {
      app_id: appId,
      function_id: localId(slug, appId),
      started_before: await platformTime(),
      ...(condition.trim() === "" ? {} : { if: condition.trim() }),
    },
  });
  return data;
}

export async function readCancellation(id: string, sent?: Sent): Promise<Cancellation> {
  return (await request<{ data: Cancellation }>(path`/v1/cancellations/${id}`, sent)).data;
}

async function platformTime(): Promise<string> {
  const { metadata } = await request<{ metadata: { fetched_at: string } }>("/v1/cancellations?limit=1");
  return metadata.fetched_at;
}
