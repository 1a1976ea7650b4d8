/**
 * Sees what the code of runs does to the world, from outside of the engine: one log line when a step's body begins,
 * in the order of arrival. It answers after 5–50 ms, seeded.
 */
import { setTimeout as delay } from "node:timers/promises";
import { listen, type LoopbackServer } from "./app-server.ts";
import { seededRandom } from "./random.ts";

export interface Visit {
  key: string;
  runId: string;
  step: number;
  /** `performance.now()` */
  beganAt: number;
}

export interface Witness extends LoopbackServer {
  /** in the order in which they began */
  readonly log: readonly Visit[];
  /** bodies that have begun and not been answered */
  readonly open: ReadonlySet<Visit>;
}

export async function startWitness(seed: number): Promise<Witness> {
  const random = seededRandom(seed);
  const log: Visit[] = [];
  const open = new Set<Visit>();
  const server = await listen(async (request, response) => {
    const [, key = "", runId = "", step = ""] = (request.url ?? "").split("/");
    const visit = { key, runId, step: Number(step), beganAt: performance.now() };
    log.push(visit);
    open.add(visit);
    response.once("close", () => open.delete(visit)); // answered, or who asked is gone
    await delay(5 + random() * 45);
    response.end(step);
  });
  return Object.assign(server, { log, open });
}
