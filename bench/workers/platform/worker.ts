/** The platform with the measured functions embedded. Their marks are read at `/bench/marks`. */
import { meter } from "../../../src/durable-objects/meter.ts";
import { objects } from "../../../src/durable-objects/workerd-host.ts";
import { MAIN_ENV } from "../../../src/environment.ts";
import { functionsEntrypoint } from "../../../src/cloudflare.ts";
import { Inngest } from "../../../src/sdk/index.ts";
import { createWorker } from "../../../src/worker.ts";
import { admitAndRelease } from "../../admissions.ts";
import type { Meter } from "../../counting.ts";
import type { Mark } from "../../functions.ts";
import { ownFunctions } from "../../own-functions.ts";
import { fillRuns, fillWaits } from "./history.ts";

export { ChannelDO, ConcurrencyDO, ConnectDO, HttpCall, RegistryDO, StepDO } from "../../../src/worker.ts";
export { FilledEventDO as EventDO, FilledHistoryDO as HistoryDO } from "./history.ts";

// objects and requests of one process share the isolate, hence this variable
let marks: Mark[] = [];
/** HTTP requests, but for the benchmark's own, and batches of the queue */
let workerRequests = 0;

const report = (mark: Mark) => void marks.push(mark);
const clock = () => Date.now();

const client = new Inngest({ id: "embedded", isDev: true });
const bound = new Inngest({ id: "binding", isDev: true });

/** The same functions as an app that is reached by a service binding. */
export class BoundFunctions extends functionsEntrypoint({
  client: bound,
  functions: ownFunctions(bound, report, clock),
}) {}

/** What the benchmark asks of its platform: `/bench/<name>/<number>/<number>`. */
const requests: Record<string, (first: number, second: number) => unknown> = {
  /** Marks since the last request. */
  marks() {
    const taken = marks;
    marks = [];
    return taken;
  },
  /** What has been counted since the start. */
  meter: (): Meter => ({ ...meter, workerRequests }),
  admissions: (leases, keys) => admitAndRelease(objects, MAIN_ENV, leases, keys),
  waits: (from, count) => fillWaits(`${client.id}/answer`, from, count),
  runs: (from, count) => fillRuns(from, count),
};

const { fetch, queue, scheduled } = createWorker({
  client,
  functions: ownFunctions(client, report, clock),
  bindings: ["BOUND"],
  app: {
    async fetch(request) {
      const [, , what = "", first, second] = new URL(request.url).pathname.split("/");
      const answer = requests[what];
      if (!answer) return new Response("not found", { status: 404 });
      return Response.json((await answer(Number(first), Number(second))) ?? {});
    },
  },
});

export default {
  fetch(request, env, ctx) {
    if (!new URL(request.url).pathname.startsWith("/bench/")) workerRequests += 1;
    return fetch?.(request, env, ctx) ?? new Response("not served", { status: 404 });
  },
  queue(batch, env, ctx) {
    workerRequests += 1;
    return queue?.(batch, env, ctx);
  },
  scheduled,
} satisfies ReturnType<typeof createWorker>;
