/** The Worker under test, as its users see it. For tests in workerd. */
import { exports } from "cloudflare:workers";
import { frontDoor } from "../../helpers/front-door.ts";

export type { RunDetail, RunJson, StepJson } from "../../helpers/front-door.ts";

const LOOK_AFTER_MS = 2;
const LOOK_EVERY_MS = 50;

/** Its handlers; the types of workerd leave out that a cron can be called. */
interface TestedWorker {
  fetch(request: Request | string, init?: RequestInit): Promise<Response>;
  scheduled(options: { cron: string }): Promise<unknown>;
}

/** The Worker under test. */
export const worker = (exports as unknown as { default: TestedWorker }).default;

export const door = frontDoor({
  fetch: (request) => worker.fetch(request),
  meanwhile: ({ count, since, withinMs }) => {
    if (performance.now() - since > withinMs) throw new Error(`not within ${withinMs} ms`);
    return scheduler.wait(Math.min(LOOK_AFTER_MS * 1.5 ** (count - 1), LOOK_EVERY_MS));
  },
});

export const { request, json, post, sendAll, send, until, runsOf, readRun, started, runWhen, ended, outputOf } = door;
