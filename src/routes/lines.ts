import { inTurns } from "../durable-objects/in-turns.ts";
import type { KnownLine, LineView, Objects } from "../durable-objects/objects.ts";
import { iso } from "./iso.ts";

/** Why a function's runs wait: each of its lines, the longest first. */
export async function linesOf(objects: Objects, env: string, functionId: string) {
  const known = await objects.lines(env, functionId).list();
  const lines = await inTurns(known, async (one) => ({ one, line: await objects.leases(one.env, one.object).line() }));
  return lines
    .flatMap(({ one, line }) => (line ? [lineView(one, line)] : []))
    .sort((a, b) => b.waiting - a.waiting || b.held - a.held);
}

function lineView({ object, key }: KnownLine, line: LineView) {
  const { policy, held, waiting, holders, oldestSince, nextAt } = line;
  return {
    rule: policy?.rule ?? object.slice(0, object.indexOf("/")),
    key,
    limit: policy && "limit" in policy ? policy.limit : null,
    held,
    waiting,
    holders: holders.map(({ runId, functionId, since }) => ({
      run_id: runId,
      function_slug: functionId,
      since: iso(since),
    })),
    oldest_since: iso(oldestSince),
    next_at: iso(nextAt),
  };
}
