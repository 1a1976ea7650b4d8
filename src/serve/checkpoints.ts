import type { CallBody } from "../protocol/call.ts";
import { SYNC_TIMEOUT_MS } from "../protocol/limits.ts";
import { callApi } from "../sdk/api.ts";
import type { Inngest } from "../sdk/client.ts";
import type { InngestFunction } from "../sdk/function.ts";
import type { Checkpoint } from "../sdk/reply.ts";
import { isOurRequest, isOurServer } from "./capability.ts";

/** How long after its beginning a call goes on past a step: hosts end requests that take long, and what ran in them is lost. */
const GOES_ON_MS = 10_000;

/** How long an API that is not our platform's, or does not answer, is left alone. */
const LEFT_ALONE_MS = 60_000;
const leftAloneUntil = new Map<string, number>();

/**
 * How a call tells of its steps as they end (inngest-protocol §6.1), so that consecutive steps need no call each. Undefined
 * when it does not: the platform that calls is not ours, or the app wants each step to be a call.
 */
export function checkpointOf(
  client: Inngest,
  fn: Pick<InngestFunction, "options">,
  call: CallBody,
  request: Request,
): Checkpoint | undefined {
  const { run_id, fn_id, qi_id, generation_id } = call.ctx;
  if (!isOurRequest(request) || !qi_id || fn_id === "") return undefined;
  if (client.option("checkpointing") === false || fn.options.checkpointing === false) return undefined;
  const until = Date.now() + GOES_ON_MS;
  const path = `v1/checkpoint/${encodeURIComponent(run_id)}/async`;
  let isOver = false;
  return async (steps) => {
    if (isOver || Date.now() > until || !(await isOurs(client))) return "failed";
    const told = await post(client, path, JSON.stringify({ run_id, fn_id, qi_id, generation_id, steps }));
    isOver = told !== "taken";
    return told;
  };
}

async function post(client: Inngest, path: string, body: string): ReturnType<Checkpoint> {
  try {
    const response = await callApi(client, path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
      timeoutMs: SYNC_TIMEOUT_MS,
    });
    await response.text(); // so that the connection is used again
    if (response.ok) return "taken";
    return response.status === 409 ? "stale" : "failed";
  } catch {
    return "failed"; // stored or not: the answer of the call tells of it, and the first result counts
  }
}

/** Whether the client's API is that of a platform of ours: it may be configured as another than the one that calls. */
async function isOurs(client: Inngest): Promise<boolean> {
  const url = client.apiBaseUrl;
  if ((leftAloneUntil.get(url) ?? 0) > Date.now()) return false;
  const isKnown = await isOurServer(client).catch(() => false);
  if (!isKnown) leftAloneUntil.set(url, Date.now() + LEFT_ALONE_MS);
  return isKnown;
}
