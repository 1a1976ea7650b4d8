/**
 * What functions do at the same time, written down outside of the platform: a body asks here when it begins and is answered
 * after a while. One whose process was killed is out at once, since its connection is gone.
 */
import { setTimeout as delay } from "node:timers/promises";
import { listen, type LoopbackServer } from "./app-server.ts";

export interface Visit {
  /** what is limited: function and key */
  key: string;
  eventKey: string;
  step: string;
}

export interface Ledger extends LoopbackServer {
  /** in the order in which they began */
  readonly log: readonly Visit[];
  readonly open: ReadonlySet<Visit>;
  /** the most that were in at the same time, by key */
  readonly most: ReadonlyMap<string, number>;
}

/** Answers `GET /<key>/<event key>/<step>/<ms>` after so many milliseconds. */
export async function startLedger(): Promise<Ledger> {
  const log: Visit[] = [];
  const open = new Set<Visit>();
  const inside = new Map<string, number>();
  const most = new Map<string, number>();
  const server = await listen(async (request, response) => {
    const [, key = "", eventKey = "", step = "", ms = "0"] = (request.url ?? "").split("/").map(decodeURIComponent);
    const visit = { key, eventKey, step };
    log.push(visit);
    open.add(visit);
    const count = (inside.get(key) ?? 0) + 1;
    inside.set(key, count);
    most.set(key, Math.max(most.get(key) ?? 0, count));
    const leave = () => {
      if (open.delete(visit)) inside.set(key, (inside.get(key) ?? 0) - 1);
    };
    response.once("close", leave);
    await delay(Number(ms));
    leave(); // before the body can know that it is over
    response.end(step);
  });
  return Object.assign(server, { log, open, most });
}
